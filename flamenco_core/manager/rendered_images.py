"""Images that workers show of what they render: whose they are, and which came last."""

from __future__ import annotations

from flamenco_core.errors import Conflict
from flamenco_core.events import LastRenderedChanged
from flamenco_core.manager.unit import Unit
from flamenco_core.store import jobs, last_rendered, tasks, workers


def job_of_output(unit: Unit, worker_uuid: str, task_uuid: str) -> str:
    """The job that an image of a task is for.

    An image may arrive after the report that the task is done: it is sent beside the reports.

    Raises:
        NotFound: if there is no such task.
        Conflict: if the task is not this worker's, or its job is being deleted.
    """
    worker = workers.by_uuid(unit.db, worker_uuid)
    task = tasks.by_uuid(unit.db, task_uuid)
    if task.worker_id != worker.id or task.reserved_until is not None:
        raise Conflict("This image is not taken: the task is not assigned to this worker")
    job = jobs.by_id(unit.db, task.job_id)
    refuse_image(unit, job.uuid)
    return job.uuid


def refuse_image(unit: Unit, job_uuid: str) -> None:
    """Raises `Conflict` if nothing may be put into the job's folder, since it is being erased."""
    if jobs.by_uuid(unit.db, job_uuid).is_being_deleted:
        raise Conflict(f"The job {job_uuid} is being deleted")


def remember(unit: Unit, job_uuid: str) -> None:
    """The job's thumbnails are on disk: it is the one that showed an image last.

    Not audited: this happens every few seconds, and nobody decided it.
    """
    refuse_image(unit, job_uuid)
    last_rendered.remember(unit.db, job_uuid, now=unit.now)
    unit.announce(LastRenderedChanged(job_id=job_uuid))
