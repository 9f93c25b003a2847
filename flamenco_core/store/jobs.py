"""Jobs: storing a compiled one piece by piece, and changing one that is stored."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.job_types.compiled import CompiledJob, CompiledTask
from flamenco_core.statuses import SCHEDULABLE_JOB_STATUSES, JobStatus, TaskStatus
from flamenco_core.store import dependency_groups, job_search, queues
from flamenco_core.store.database import Statement, found, to_microseconds
from flamenco_core.store.queues import ReadyChange
from flamenco_core.store.tasks import COUNT_COLUMNS

_COUNTS = ", ".join(COUNT_COLUMNS.values())
_BY_UUID = Statement(
    "A job by UUID, with its counts.",
    f"""SELECT id, uuid, name, type, priority, status, activity, unsettled, requeue_everything,
           delete_requested_at, leave_files, archived_at, {_COUNTS}
           FROM jobs WHERE uuid = :uuid""",
)
_BY_ID = Statement(
    "A job by key, with its counts.",
    f"""SELECT id, uuid, name, type, priority, status, activity, unsettled, requeue_everything,
           delete_requested_at, leave_files, archived_at, {_COUNTS}
           FROM jobs WHERE id = :id""",
)
_UNSETTLED = Statement(
    "Stored jobs with tasks that do not fit the job's status yet, oldest first.",
    """SELECT uuid FROM jobs INDEXED BY unsettled_jobs
       WHERE unsettled = 1 AND status <> 'under-construction' ORDER BY id LIMIT :limit""",
)
_HALF_STORED = Statement(
    "Jobs that are not stored as a whole, oldest first.",
    """SELECT uuid FROM jobs INDEXED BY unsettled_jobs
       WHERE unsettled = 1 AND status = 'under-construction' ORDER BY id LIMIT :limit""",
)
_INSERT = Statement(
    "Begins to store a job.",
    """INSERT INTO jobs (uuid, name, type, priority, status, unsettled, settings, metadata,
           submitter_platform, shaman_checkout_id, tag_id, created_at, updated_at, steps_total,
           submitted_by)
       VALUES (:uuid, :name, :type, :priority, 'under-construction', 1, :settings, :metadata,
           :submitter_platform, :shaman_checkout_id, :tag_id, :created_at, :created_at,
           :steps_total, :submitted_by) RETURNING id""",
)
_LAST_TASK_KEY = Statement(
    "The newest task's key; only the one writer adds tasks, so that the next keys are free.",
    "SELECT coalesce(max(id), 0) FROM tasks",
)
_INSERT_TASK = Statement(
    "Stores a task.",
    """INSERT INTO tasks (id, uuid, job_id, index_in_job, name, task_class_id, priority, status,
           steps_total, dependency_group_id, unmet_dependencies, created_at, updated_at)
       VALUES (:id, :uuid, :job_id, :index_in_job, :name, :task_class_id, :priority, :status,
           :steps_total, :group_id, :unmet, :now, :now)""",
)
_INSERT_COMMANDS = Statement(
    "Stores what a task runs.",
    "INSERT INTO task_commands (task_id, commands) VALUES (:id, :commands)",
)
_INSERT_GROUP = Statement(
    "Stores a set of tasks that others wait for.",
    "INSERT INTO dependency_groups (job_id, unmet) VALUES (:job_id, :unmet) RETURNING id",
)
_INSERT_PARENT = Statement(
    "Puts a task into a set that others wait for.",
    """INSERT INTO dependency_group_parents (parent_id, group_id)
       SELECT id, :group_id FROM tasks WHERE job_id = :job_id AND index_in_job = :index""",
)
_ADD_COUNTS = Statement(
    "Counts newly stored tasks.",
    """UPDATE jobs SET tasks_queued = tasks_queued + :queued, tasks_paused = tasks_paused + :paused
       WHERE id = :id""",
)
_SET_STATUS = Statement(
    "Gives a job a status.",
    """UPDATE jobs SET status = :status, activity = :activity, updated_at = :now,
           unsettled = :unsettled, requeue_everything = :requeue_everything,
           finished_at = CASE WHEN :status IN ('completed', 'canceled', 'failed') THEN :now END
       WHERE id = :id""",
)
_SET_PRIORITY = Statement(
    "Gives a job a priority.",
    "UPDATE jobs SET priority = :priority, updated_at = :now WHERE id = :id",
)
_SET_TAG = Statement(
    "Gives a job a tag.", "UPDATE jobs SET tag_id = :tag_id, updated_at = :now WHERE id = :id"
)
_SET_UUID = Statement("Gives a job a UUID.", "UPDATE jobs SET uuid = :uuid WHERE id = :id")
_COPY_CREATED = Statement(
    "Lets a job have been created when another one was, by the same person.",
    """UPDATE jobs SET (created_at, submitted_by) =
           (SELECT created_at, submitted_by FROM jobs WHERE id = :from_id)
       WHERE id = :to_id""",
)
_SET_ACTIVITY = Statement(
    "Says something of a job.",
    "UPDATE jobs SET activity = :activity, updated_at = :now WHERE id = :id",
)
_DELETE = Statement("Drops a job with all that belongs to it.", "DELETE FROM jobs WHERE id = :id")
_DETACH = Statement(
    "Lets go of the dependency groups of a job that is about to be dropped.",
    "UPDATE tasks SET dependency_group_id = NULL WHERE job_id = :id",
)
_SAID_IN_METADATA = Statement(
    "What the metadata of a job has for a key.",
    "SELECT value FROM job_metadata WHERE job_id = :id AND key = :key",
)
_TAG_BY_UUID = Statement("A tag by UUID.", "SELECT id FROM tags WHERE uuid = :uuid")


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A row of the job table, as decisions need it."""

    id: int
    uuid: str
    name: str
    type: str
    priority: int
    status: JobStatus
    activity: str
    unsettled: bool
    requeue_everything: bool
    is_being_deleted: bool
    leave_files: bool
    """Whether its files stay when it is deleted."""
    is_archived: bool
    counts: Mapping[TaskStatus, int]
    """How many tasks have each status."""


@dataclass(slots=True)
class JobUnderConstruction:
    """What storing a job in several pieces has to remember between them."""

    id: int
    tag_id: int | None
    groups: dict[tuple[int, ...], int]
    """Positions of the tasks waited for → key of their group."""


def by_uuid(db: sqlite3.Connection, uuid: str) -> StoredJob:
    """Raises `NotFound` if there is none."""
    return _job(found(_BY_UUID.row(db, uuid=uuid), "job", uuid))


def by_id(db: sqlite3.Connection, job_id: int) -> StoredJob:
    return _job(found(_BY_ID.row(db, id=job_id), "job", str(job_id)))


def said_in_metadata(db: sqlite3.Connection, job_id: int, key: str) -> str | None:
    """What the metadata of a job has for a key; None if it says nothing of it."""
    said: str | None = _SAID_IN_METADATA.value(db, id=job_id, key=key)
    return said


def unsettled(db: sqlite3.Connection, *, limit: int) -> list[str]:
    """UUIDs of stored jobs that something has to be done about."""
    found = [row["uuid"] for row in _UNSETTLED.run(db, limit=limit).fetchall()]
    return found or dependency_groups.jobs_with_untold(db, limit=limit)


def half_stored(db: sqlite3.Connection, *, limit: int) -> list[str]:
    """UUIDs of jobs whose storing is going on, or was cut off."""
    return [row["uuid"] for row in _HALF_STORED.run(db, limit=limit).fetchall()]


def begin(
    db: sqlite3.Connection, job: CompiledJob, *, submitted_by: str = ""
) -> JobUnderConstruction:
    """Stores a job without its tasks, as under construction; `submitted_by` is an actor's name.

    Raises:
        InvalidInput: if its worker tag does not exist.
    """
    tag_id = _tag(db, job.worker_tag)
    job_id = _INSERT.value(
        db,
        uuid=job.id,
        name=job.name,
        type=job.type,
        priority=job.priority,
        settings=json.dumps(job.settings),
        metadata=json.dumps(job.metadata),
        submitter_platform=job.submitter_platform,
        shaman_checkout_id=job.storage.shaman_checkout_id if job.storage else None,
        tag_id=tag_id,
        created_at=to_microseconds(job.created),
        steps_total=sum(task.steps_total for task in job.tasks),
        submitted_by=submitted_by,
    )
    job_search.add_metadata(db, int(job_id), job.metadata)
    return JobUnderConstruction(int(job_id), tag_id, {})


def add_tasks(
    db: sqlite3.Connection,
    job: CompiledJob,
    construction: JobUnderConstruction,
    positions: Iterable[int],
) -> None:
    """Stores the tasks at these positions; those they wait for may come in a later piece."""
    status = TaskStatus.PAUSED if job.status is JobStatus.PAUSED else TaskStatus.QUEUED
    classes = _Classes(db)
    next_key = int(_LAST_TASK_KEY.value(db)) + 1
    rows = [
        _task_row(db, construction, job, position, classes, status, key)
        for key, position in enumerate(positions, start=next_key)
    ]
    _INSERT_TASK.run_many(db, rows)
    _INSERT_COMMANDS.run_many(db, rows)
    ready = Counter(row["task_class_id"] for row in rows if _is_ready(row))
    for class_id in classes.values():
        queues.add_queue(
            db,
            job_id=construction.id,
            task_class_id=class_id,
            tag_id=construction.tag_id,
            job_priority=job.priority,
            ready_count=ready[class_id],
        )
    _ADD_COUNTS.run(db, id=construction.id, **{"queued": 0, "paused": 0, status.value: len(rows)})


def add_dependencies(
    db: sqlite3.Connection,
    construction: JobUnderConstruction,
    group: tuple[int, ...],
    positions: Iterable[int],
) -> None:
    """Puts stored tasks, named by their positions in the job, into a group."""
    group_id = construction.groups[group]
    for position in positions:
        _INSERT_PARENT.run(db, group_id=group_id, job_id=construction.id, index=position + 1)


def set_status(
    db: sqlite3.Connection,
    job: StoredJob,
    status: JobStatus,
    *,
    activity: str,
    unsettled: bool,
    requeue_everything: bool,
    now: datetime,
) -> list[ReadyChange]:
    """Gives a job a status, and opens or closes it for hand-outs; returns what became ready."""
    _SET_STATUS.run(
        db,
        id=job.id,
        status=status,
        activity=activity,
        unsettled=int(unsettled),
        requeue_everything=int(requeue_everything),
        now=to_microseconds(now),
    )
    return open_or_close(db, job.id, status)


def open_or_close(db: sqlite3.Connection, job_id: int, status: JobStatus) -> list[ReadyChange]:
    """Opens or closes a job for hand-outs, as its status and the dependencies of its tasks say;
    returns what became ready by that.
    """
    may_hand_out = status in SCHEDULABLE_JOB_STATUSES
    is_open = may_hand_out and not dependency_groups.hold_back(db, job_id)
    return [] if is_open == queues.is_open(db, job_id) else queues.set_open(db, job_id, is_open)


def set_priority(db: sqlite3.Connection, job: StoredJob, priority: int, *, now: datetime) -> None:
    _SET_PRIORITY.run(db, id=job.id, priority=priority, now=to_microseconds(now))
    queues.set_priority(db, job.id, priority)


def set_tag(
    db: sqlite3.Connection, job: StoredJob, tag_id: int | None, *, now: datetime
) -> list[ReadyChange]:
    """Moves a job and its queues to a tag, or to none; says what can be handed out by that."""
    _SET_TAG.run(db, id=job.id, tag_id=tag_id, now=to_microseconds(now))
    return queues.set_tag(db, job.id, tag_id)


def exchange_uuids(db: sqlite3.Connection, old: StoredJob, new: StoredJob) -> None:
    """Gives each of two jobs the other's UUID; the new one was created when the old one was."""
    # A UUID can never be there twice, not even in between.
    for job_id, uuid in ((new.id, f"{new.uuid}+"), (old.id, new.uuid), (new.id, old.uuid)):
        _SET_UUID.run(db, id=job_id, uuid=uuid)
    _COPY_CREATED.run(db, from_id=old.id, to_id=new.id)


def set_activity(db: sqlite3.Connection, job: StoredJob, text: str, *, now: datetime) -> None:
    """Says of a job what people should know of it now."""
    _SET_ACTIVITY.run(db, id=job.id, activity=text, now=to_microseconds(now))


def drop(db: sqlite3.Connection, job: StoredJob) -> None:
    """Removes a job from the database, with everything that belongs to it."""
    _DETACH.run(db, id=job.id)
    _DELETE.run(db, id=job.id)


_ClassKey = tuple[str, tuple[tuple[str, str], ...]]


class _Classes(dict[_ClassKey, int]):
    """Task type and requirements → class, looked up once for each."""

    def __init__(self, db: sqlite3.Connection) -> None:
        super().__init__()
        self._db = db

    def of(self, task: CompiledTask) -> int:
        return self[task.type.strip().lower(), tuple(sorted(task.requirements.items()))]

    def __missing__(self, key: _ClassKey) -> int:
        task_type, requirements = key
        self[key] = queues.task_class(self._db, task_type, dict(requirements))
        return self[key]


def _task_row(
    db: sqlite3.Connection,
    construction: JobUnderConstruction,
    job: CompiledJob,
    position: int,
    classes: _Classes,
    status: TaskStatus,
    key: int,
) -> dict[str, Any]:
    task = job.tasks[position]
    return {
        "id": key,
        "uuid": task.id,
        "job_id": construction.id,
        "index_in_job": position + 1,
        "name": task.name,
        "task_class_id": classes.of(task),
        "priority": task.priority,
        "status": status.value,
        "steps_total": task.steps_total,
        "group_id": _group(db, construction, tuple(task.depends_on)),
        "unmet": int(bool(task.depends_on)),
        "now": to_microseconds(job.created),
        "commands": json.dumps(
            [
                {
                    "name": command.name,
                    "parameters": command.parameters,
                    "total_step_count": command.total_step_count,
                }
                for command in task.commands
            ]
        ),
    }


def _is_ready(row: Mapping[str, Any]) -> bool:
    return row["status"] == TaskStatus.QUEUED and not row["unmet"]


def _group(
    db: sqlite3.Connection, construction: JobUnderConstruction, depends_on: tuple[int, ...]
) -> int | None:
    if not depends_on:
        return None
    if depends_on not in construction.groups:
        group_id = _INSERT_GROUP.value(db, job_id=construction.id, unmet=len(depends_on))
        construction.groups[depends_on] = int(group_id)
    return construction.groups[depends_on]


def _tag(db: sqlite3.Connection, uuid: str | None) -> int | None:
    if not uuid:
        return None
    tag_id = _TAG_BY_UUID.value(db, uuid=uuid)
    if tag_id is None:
        problem = Problem("worker_tag", f"there is no worker tag {uuid}")
        raise InvalidInput(str(problem), problems=[problem])
    return int(tag_id)


def _job(row: sqlite3.Row) -> StoredJob:
    return StoredJob(
        id=row["id"],
        uuid=row["uuid"],
        name=row["name"],
        type=row["type"],
        priority=row["priority"],
        status=JobStatus(row["status"]),
        activity=row["activity"],
        unsettled=bool(row["unsettled"]),
        requeue_everything=bool(row["requeue_everything"]),
        is_being_deleted=row["delete_requested_at"] is not None,
        leave_files=bool(row["leave_files"]),
        is_archived=row["archived_at"] is not None,
        counts=dict(zip(COUNT_COLUMNS, row[-len(COUNT_COLUMNS) :], strict=True)),
    )
