"""Tasks: hand-outs, changes of status, and the counters that go with them.

`set_status` is the only place where a stored task gets another status. It keeps, in the same
transaction, the job's counts and steps, the ready counts of its queues, and those of the groups
that others wait for.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flamenco_core.rules.scheduling import QueuedJob
from flamenco_core.statuses import SCHEDULABLE_TASK_STATUSES, TaskStatus
from flamenco_core.store import attempts, dependency_groups, queues
from flamenco_core.store.database import Statement, found, to_microseconds
from flamenco_core.store.queues import READY, ReadyChange

COLUMNS = """t.id, t.uuid, t.job_id, t.index_in_job, t.name, t.task_class_id, t.priority,
    t.status, t.activity, t.steps_completed, t.steps_total, t.unmet_dependencies, t.worker_id,
    t.slot, t.attempt, t.reserved_until"""

_BARE_COLUMNS = COLUMNS.replace("t.", "")
"""For RETURNING, where no other name of the table counts."""

_BY_UUID = Statement("A task by UUID.", f"SELECT {COLUMNS} FROM tasks t WHERE t.uuid = :uuid")
_BY_ID = Statement("A task by key.", f"SELECT {COLUMNS} FROM tasks t WHERE t.id = :id")
_OF_SLOT = Statement(
    "What a worker's slot has, and what is reserved for it.",
    f"""SELECT {COLUMNS} FROM tasks t INDEXED BY held_tasks
       WHERE t.worker_id = :worker_id AND t.slot = :slot
       AND (t.status = 'active' OR t.reserved_until IS NOT NULL) ORDER BY t.id""",
)
_FIRST_READY = Statement(
    "The first ready task of a job in one class that this worker has not failed at.",
    f"""SELECT {COLUMNS} FROM tasks t INDEXED BY ready_tasks
       WHERE job_id = :job_id AND task_class_id = :task_class_id AND {READY}
       AND NOT EXISTS (SELECT 1 FROM task_failures f
                       WHERE f.task_id = t.id AND f.worker_id = :worker_id)
       ORDER BY priority DESC, index_in_job LIMIT 1""",
)
_HELD_BY_WORKER = Statement(
    "What all slots of a worker have.",
    f"""SELECT {COLUMNS} FROM tasks t INDEXED BY held_tasks
       WHERE t.worker_id = :worker_id AND t.status = 'active'""",
)
_OF_JOB_BY_STATUS = Statement(
    "The next tasks of a job that have a certain status.",
    f"""SELECT {COLUMNS} FROM tasks t INDEXED BY tasks_by_status
       WHERE t.job_id = :job_id AND t.status = :status ORDER BY t.index_in_job LIMIT :limit""",
)
_ASSIGN = Statement(
    "Hands a ready task to a worker's slot, as a new attempt.",
    f"""UPDATE tasks SET status = 'active', worker_id = :worker_id, slot = :slot,
           attempt = attempt + 1, last_touched_at = :now, updated_at = :now, cancel_requested = 0,
           attempt_began_at = :steady, progress_at = :steady, alive_at = :steady
       WHERE id = :id AND {READY} RETURNING {_BARE_COLUMNS}""",
)
_SET_STATUS = Statement(
    "Gives a task a status.",
    """UPDATE tasks SET status = :status, steps_completed = :steps, updated_at = :now,
           activity = coalesce(:activity, activity), reserved_until = :held_until,
           slot = CASE WHEN :held_until IS NULL THEN slot END,
           last_touched_at = CASE WHEN :is_sign_of_life THEN :now ELSE last_touched_at END
       WHERE id = :id RETURNING unmet_dependencies""",
)
_SET_PROGRESS = Statement(
    "Stores how far a task is.",
    """UPDATE tasks SET activity = coalesce(:activity, activity), updated_at = :now,
           last_touched_at = :now, alive_at = :steady,
           progress_at = CASE WHEN :steps > steps_completed THEN :steady ELSE progress_at END,
           steps_completed = :steps WHERE id = :id""",
)
_TOUCH = Statement(
    "Notes that a task's worker is at it.",
    "UPDATE tasks SET last_touched_at = :now, alive_at = :steady WHERE id = :id",
)
_COUNT = Statement(
    "Keeps a job's counts and steps.",
    """UPDATE jobs SET tasks_queued = tasks_queued + :queued,
           tasks_active = tasks_active + :active, tasks_completed = tasks_completed + :completed,
           tasks_soft_failed = tasks_soft_failed + :soft_failed,
           tasks_failed = tasks_failed + :failed, tasks_paused = tasks_paused + :paused,
           tasks_canceled = tasks_canceled + :canceled,
           steps_completed = steps_completed + :steps, updated_at = :now
       WHERE id = :job_id""",
)
_RECIPE = Statement(
    "What a worker does for a task.",
    """SELECT m.commands, c.task_type, o.lines FROM tasks t
       JOIN task_commands m ON m.task_id = t.id JOIN task_classes c ON c.id = t.task_class_id
       LEFT JOIN job_rna_overrides o ON o.job_id = t.job_id WHERE t.id = :task_id""",
)

_COUNT_PARAMETERS = {status: status.value.replace("-", "_") for status in TaskStatus}
_NO_CHANGE = dict.fromkeys(_COUNT_PARAMETERS.values(), 0)
_STATUS_PLACE = 7
"""Of the status among `COLUMNS`."""

COUNT_COLUMNS = {status: f"tasks_{status.value.replace('-', '_')}" for status in TaskStatus}
"""The column of `jobs` that counts the tasks of each status."""


@dataclass(frozen=True, slots=True)
class StoredTask:
    """A row of the task table, as decisions need it: the columns `COLUMNS`, in their order."""

    id: int
    uuid: str
    job_id: int
    index_in_job: int
    name: str
    task_class_id: int
    priority: int
    status: TaskStatus
    activity: str
    steps_completed: int
    steps_total: int
    unmet_dependencies: int
    worker_id: int | None
    slot: int | None
    attempt: int
    reserved_until: int | None

    @property
    def is_free(self) -> bool:
        """Whether only its status may stand between it and a worker."""
        return self.unmet_dependencies == 0 and self.reserved_until is None

    @property
    def is_held_back(self) -> bool:
        """Whether it waits in the queue for its time, reserved for nobody."""
        return self.reserved_until is not None and self.slot is None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a worker does for a task."""

    task_type: str
    commands: list[dict[str, Any]]
    """As they were stored."""
    overrides: list[str]
    """The job's lines of Python."""


def by_uuid(db: sqlite3.Connection, uuid: str) -> StoredTask:
    """Raises `NotFound` if there is none."""
    return stored_task(found(_BY_UUID.row(db, uuid=uuid), "task", uuid))


def by_id(db: sqlite3.Connection, task_id: int) -> StoredTask:
    return stored_task(found(_BY_ID.row(db, id=task_id), "task", str(task_id)))


def of_slot(db: sqlite3.Connection, worker_id: int, slot: int) -> list[StoredTask]:
    """What a worker's slot has, which is active, and what is reserved for it, which is not."""
    return [stored_task(row) for row in _OF_SLOT.run(db, worker_id=worker_id, slot=slot).fetchall()]


def first_ready(db: sqlite3.Connection, worker_id: int, job: QueuedJob) -> StoredTask | None:
    """The task of a job's queue that a worker would get first."""
    row = _FIRST_READY.row(
        db, job_id=job.job_id, task_class_id=job.task_class_id, worker_id=worker_id
    )
    return stored_task(row) if row else None


def held_by_worker(db: sqlite3.Connection, worker_id: int) -> list[StoredTask]:
    return [stored_task(row) for row in _HELD_BY_WORKER.run(db, worker_id=worker_id).fetchall()]


def of_job(
    db: sqlite3.Connection, job_id: int, status: TaskStatus, *, limit: int
) -> list[StoredTask]:
    rows = _OF_JOB_BY_STATUS.run(db, job_id=job_id, status=status, limit=limit).fetchall()
    return [stored_task(row) for row in rows]


def recipe(db: sqlite3.Connection, task_id: int) -> Recipe:
    row = _RECIPE.row(db, task_id=task_id)
    row = found(row, "task", str(task_id))
    lines = json.loads(row["lines"]) if row["lines"] else []
    return Recipe(row["task_type"], json.loads(row["commands"]), lines)


def assign(
    db: sqlite3.Connection,
    task: StoredTask,
    *,
    worker_id: int,
    slot: int,
    now: datetime,
    steady: datetime,
) -> StoredTask | None:
    """Hands out a ready task; returns it with its new attempt, or None if it is not ready.

    `steady` is the time that ages are measured from, here and below.
    """
    time = to_microseconds(now)
    row = _ASSIGN.row(
        db,
        id=task.id,
        worker_id=worker_id,
        slot=slot,
        now=time,
        steady=to_microseconds(steady),
    )
    if row is None:
        return None
    assigned = stored_task(row)
    attempts.begin(db, task.id, assigned.attempt, worker_id=worker_id, slot=slot, now=now)
    count_status(db, task, TaskStatus.ACTIVE, steps=0, now=now)
    queues.add_ready(db, task.job_id, task.task_class_id, -1)
    return assigned


def set_status(
    db: sqlite3.Connection,
    task: StoredTask,
    status: TaskStatus,
    *,
    now: datetime,
    activity: str | None = None,
    held_until: datetime | None = None,
    is_sign_of_life: bool = False,
) -> list[ReadyChange]:
    """Gives a task another status and keeps all counts; returns what became ready by it.

    Those that wait for it are not told yet: see `dependency_groups`.

    With `held_until`, a time on the steady clock, nobody gets it before that: it is as if
    reserved, though for no slot. With `is_sign_of_life` its worker was heard of now.
    """
    steps = _steps_at(status, task)
    time = to_microseconds(now)
    unmet = _SET_STATUS.value(
        db,
        id=task.id,
        status=status,
        steps=steps,
        now=time,
        activity=activity,
        held_until=to_microseconds(held_until) if held_until else None,
        is_sign_of_life=is_sign_of_life,
    )
    if unmet != task.unmet_dependencies:
        # What this task waits for has changed since it was read.
        task = replace(task, unmet_dependencies=unmet)
    count_status(db, task, status, steps=steps - task.steps_completed, now=now)
    if task.status is TaskStatus.ACTIVE:
        attempts.end(db, task.id, task.attempt, outcome=status.value, now=now)
    was_done, is_done = task.status is TaskStatus.COMPLETED, status is TaskStatus.COMPLETED
    if was_done != is_done:
        dependency_groups.task_turned(db, task.id, is_done=is_done)
    change = _count_ready(db, task, status, is_held=held_until is not None)
    return [change] if change else []


def set_progress(
    db: sqlite3.Connection,
    task: StoredTask,
    *,
    steps_completed: int,
    activity: str | None,
    now: datetime,
    steady: datetime,
) -> None:
    """Stores steps and activity of a running task, and that its worker is at it."""
    _SET_PROGRESS.run(
        db,
        id=task.id,
        steps=steps_completed,
        activity=activity,
        now=to_microseconds(now),
        steady=to_microseconds(steady),
    )
    if steps_completed != task.steps_completed:
        count_status(db, task, task.status, steps=steps_completed - task.steps_completed, now=now)


def touch(db: sqlite3.Connection, task_id: int, *, now: datetime, steady: datetime) -> None:
    _TOUCH.run(db, id=task_id, now=to_microseconds(now), steady=to_microseconds(steady))


def _steps_at(status: TaskStatus, task: StoredTask) -> int:
    if status is TaskStatus.COMPLETED:
        return task.steps_total
    if status is TaskStatus.QUEUED:
        return 0
    return task.steps_completed


def count_status(
    db: sqlite3.Connection, task: StoredTask, status: TaskStatus, *, steps: int, now: datetime
) -> None:
    """Keeps the counts and steps of a task's job, for a task that gets this status."""
    changes = dict(_NO_CHANGE)
    changes[_COUNT_PARAMETERS[task.status]] -= 1
    changes[_COUNT_PARAMETERS[status]] += 1
    _COUNT.run(db, job_id=task.job_id, steps=steps, now=to_microseconds(now), **changes)


def _count_ready(
    db: sqlite3.Connection, task: StoredTask, status: TaskStatus, *, is_held: bool
) -> ReadyChange | None:
    was_ready = task.status in SCHEDULABLE_TASK_STATUSES and task.is_free
    # A reservation ends with any change of status.
    may_go = status in SCHEDULABLE_TASK_STATUSES and not is_held
    is_ready = may_go and task.unmet_dependencies == 0
    if was_ready == is_ready:
        return None
    return queues.add_ready(db, task.job_id, task.task_class_id, 1 if is_ready else -1)


def stored_task(row: sqlite3.Row) -> StoredTask:
    """From a row with the columns `COLUMNS`."""
    values = list(row)
    values[_STATUS_PLACE] = TaskStatus(values[_STATUS_PLACE])
    return StoredTask(*values)
