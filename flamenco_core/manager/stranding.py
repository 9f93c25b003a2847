"""What becomes of jobs when a worker gets other abilities or tags, or goes.

Where others may still work on a job, tasks that each of these has failed at have failed for good.
Where nobody may, nothing fails: a job waits, and is shown to wait, until a worker gets what it
asks for. Only a worker that is deleted cannot come back.
"""

from __future__ import annotations

from itertools import islice

from flamenco_core.events import JobChanged
from flamenco_core.manager import task_failures
from flamenco_core.manager.unit import Unit
from flamenco_core.statuses import SCHEDULABLE_JOB_STATUSES
from flamenco_core.store import jobs, queues, stranding
from flamenco_core.store.queues import WorkerMatch

_JOBS_TO_LOOK_AT = 200
_MOST_ENDED = 10
"""Jobs of which tasks are given up at once, so that this stays short."""

_Queues = dict[tuple[int, int], None]
"""Keys of jobs and task classes, in scheduling order."""


def reconsider_jobs(
    unit: Unit, worker_id: int, before: WorkerMatch, *, is_deleted: bool = False
) -> None:
    """Looks at the jobs that a worker could work on `before` and now cannot, or the reverse."""
    now = queues.worker_match(unit.db, worker_id)
    if now == before:
        return
    had, has = _queues(unit, worker_id, before), _queues(unit, worker_id, now)
    lost = dict.fromkeys(job_id for job_id, kind in had if (job_id, kind) not in has)
    gained = dict.fromkeys(job_id for job_id, kind in has if (job_id, kind) not in had)
    for job_id in lost:
        if stranding.task_types(unit.db, job_id):
            _tell(unit, job_id)
    for job_id in gained:
        if stranding.task_types(unit.db, job_id, besides=worker_id):
            _tell(unit, job_id)
    ended = 0
    for job_id in lost:
        ended += task_failures.give_up_stranded(unit, job_id, even_if_nobody_may=is_deleted)
        if ended == _MOST_ENDED:
            return


def _queues(unit: Unit, worker_id: int, match: WorkerMatch) -> _Queues:
    found = islice(queues.walk(unit.db, worker_id, match), _JOBS_TO_LOOK_AT)
    return {(queued.job_id, queued.task_class_id): None for queued in found}


def _tell(unit: Unit, job_id: int) -> None:
    job = jobs.by_id(unit.db, job_id)
    unit.announce(JobChanged(job_id=job.uuid, status=job.status, previous_status=job.status))


def reconsider_job(unit: Unit, job_id: int) -> None:
    """The same for one job that other workers than before may work on."""
    if jobs.by_id(unit.db, job_id).status in SCHEDULABLE_JOB_STATUSES:
        task_failures.give_up_stranded(unit, job_id, even_if_nobody_may=False)
