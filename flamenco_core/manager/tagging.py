"""Worker tags: a job with a tag runs only on workers that have it."""

from __future__ import annotations

import uuid

from flamenco_core.errors import Conflict, InvalidInput, Problem, one_problem
from flamenco_core.events import JobChanged, TagChanged, WorkerTagsChanged
from flamenco_core.manager import stranding
from flamenco_core.manager.jobs_at_hand import refuse_job_action
from flamenco_core.manager.unit import Unit
from flamenco_core.model import JobTagChange, WorkerTag, WorkerTagChangeRequest
from flamenco_core.rules.actions import JobAction
from flamenco_core.store import jobs, queues, tags, workers
from flamenco_core.store.tags import StoredTag

LONGEST_NAME = 64
LONGEST_DESCRIPTION = 255
_NAMED_JOBS = 5
"""How many of the jobs that use a tag are named when it cannot be deleted."""


def create(unit: Unit, tag: WorkerTag) -> WorkerTag:
    """Makes a tag, with the UUID that is given or a new one.

    Raises:
        InvalidInput: if the name or another field cannot be used.
        Conflict: if there is a tag of this name or UUID already.
    """
    name, description = _checked(tag)
    tag_uuid = tag.id or unit.new_id()
    if tags.find(unit.db, uuid=tag_uuid):
        raise Conflict(f"There is a worker tag {tag_uuid} already")
    _refuse_taken_name(unit, name, tag_uuid)
    tags.add(unit.db, uuid=tag_uuid, name=name, description=description)
    unit.audit("tag.create", tag_uuid, name=name)
    unit.announce(TagChanged(tag_id=tag_uuid, name=name, description=description))
    return _form(StoredTag(0, tag_uuid, name, description))


def update(unit: Unit, tag_uuid: str, change: WorkerTag) -> None:
    """Renames a tag, and describes it anew if the change has a description.

    Raises:
        InvalidInput: if the name or another field cannot be used.
        Conflict: if another tag has this name.
    """
    tag = tags.by_uuid(unit.db, tag_uuid)
    name, description = _checked(change)
    _refuse_taken_name(unit, name, tag.uuid)
    if change.description is None:
        description = tag.description
    tags.update(unit.db, tag, name=name, description=description)
    unit.audit("tag.update", tag.uuid, name=name, before=tag.name)
    unit.announce(TagChanged(tag_id=tag.uuid, name=name, description=description))


def delete(unit: Unit, tag_uuid: str) -> None:
    """Deletes a tag that no job needs.

    Raises:
        Conflict: if jobs have it, since without it they would run on any worker.
    """
    tag = tags.by_uuid(unit.db, tag_uuid)
    needed_by = tags.jobs_that_need(unit.db, tag, limit=_NAMED_JOBS + 1)
    if needed_by:
        more = " and others" if len(needed_by) > _NAMED_JOBS else ""
        raise Conflict(
            f"The worker tag {tag.name!r} cannot be deleted: without it these jobs would run on "
            f"any worker: {', '.join(needed_by[:_NAMED_JOBS])}{more}. Give them another tag, "
            "archive them or delete them first"
        )
    had_it = tags.workers_with(unit.db, tag)
    tags.delete(unit.db, tag)
    unit.audit("tag.delete", tag.uuid, name=tag.name)
    unit.announce(
        TagChanged(tag_id=tag.uuid, name=tag.name, description=tag.description, was_deleted=True)
    )
    for worker_uuid in had_it:
        unit.announce(WorkerTagsChanged(worker_id=worker_uuid))


def set_worker_tags(unit: Unit, worker_uuid: str, change: WorkerTagChangeRequest) -> None:
    """Gives a worker these tags and no others.

    Raises:
        InvalidInput: with every tag that does not exist.
    """
    worker = workers.by_uuid(unit.db, worker_uuid)
    found = [tags.find(unit.db, uuid=tag_uuid) for tag_uuid in change.tag_ids]
    problems = [
        Problem(f"tag_ids[{index}]", f"there is no worker tag {change.tag_ids[index]}")
        for index, tag in enumerate(found)
        if tag is None
    ]
    if problems:
        raise InvalidInput("These tags cannot be given to a worker", problems=problems)
    known = [tag for tag in found if tag is not None]
    before = queues.worker_match(unit.db, worker.id)
    tags.set_of_worker(unit.db, worker.id, [tag.id for tag in known])
    unit.audit("worker.tags", worker.uuid, tags=sorted(tag.name for tag in known))
    unit.announce(WorkerTagsChanged(worker_id=worker.uuid))
    stranding.reconsider_jobs(unit, worker.id, before)


def set_job_tag(unit: Unit, job_uuid: str, change: JobTagChange) -> None:
    """Lets a job run on workers with another tag only; with neither id nor name, on any worker.

    What runs already goes on.

    Raises:
        InvalidInput: if there is no such tag.
        Conflict: if the job is archived, or being deleted.
    """
    job = jobs.by_uuid(unit.db, job_uuid)
    refuse_job_action(job, JobAction.SET_TAG)
    tag = None
    if change.id or change.name:
        tag = tags.find(unit.db, uuid=change.id or "", name=change.name or "")
        if tag is None:
            where, what = ("id", change.id) if change.id else ("name", change.name)
            raise one_problem(where, f"there is no worker tag {what}")
    ready = jobs.set_tag(unit.db, job, tag.id if tag else None, now=unit.now)
    unit.audit("job.tag", job.uuid, tag=tag.name if tag else None)
    unit.announce(JobChanged(job_id=job.uuid, status=job.status, previous_status=job.status))
    unit.announce_ready(ready)
    stranding.reconsider_job(unit, job.id)


def _checked(tag: WorkerTag) -> tuple[str, str]:
    """Name and description of a tag as they are stored; raises `InvalidInput`."""
    name, description = tag.name.strip(), (tag.description or "").strip()
    problems = []
    if not name:
        problems.append(Problem("name", "the name is empty"))
    if len(name) > LONGEST_NAME:
        problems.append(Problem("name", f"the name is longer than {LONGEST_NAME} characters"))
    if len(description) > LONGEST_DESCRIPTION:
        what = f"the description is longer than {LONGEST_DESCRIPTION} characters"
        problems.append(Problem("description", what))
    if tag.id and not _is_uuid(tag.id):
        problems.append(Problem("id", f"{tag.id!r} is not a UUID", "leave it out to get a new one"))
    if problems:
        raise InvalidInput("This worker tag cannot be used", problems=problems)
    return name, description


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _refuse_taken_name(unit: Unit, name: str, tag_uuid: str) -> None:
    other = tags.find(unit.db, name=name)
    if other is not None and other.uuid != tag_uuid:
        raise Conflict(f"There is a worker tag {name!r} already")


def _form(tag: StoredTag) -> WorkerTag:
    return WorkerTag(id=tag.uuid, name=tag.name, description=tag.description or None)
