"""Reservations: a ready task that is kept, for a while, for a slot that is still busy."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from flamenco_core.statuses import TaskStatus
from flamenco_core.store import attempts, queues
from flamenco_core.store.database import Statement, to_microseconds
from flamenco_core.store.queues import READY
from flamenco_core.store.tasks import COLUMNS, StoredTask, count_status, stored_task

_OF_WORKER = Statement(
    "What is reserved for all slots of a worker.",
    f"""SELECT {COLUMNS} FROM tasks t INDEXED BY held_tasks
       WHERE t.worker_id = :worker_id AND t.slot >= 0 AND t.reserved_until IS NOT NULL""",
)
_EXPIRED = Statement(
    "Reservations whose time is over.",
    f"""SELECT {COLUMNS} FROM tasks t INDEXED BY reservations
       WHERE t.reserved_until <= :now LIMIT :limit""",
)
_OF_JOB = Statement(
    "Whether a task of a job is reserved.",
    """SELECT 1 FROM tasks INDEXED BY reservations_of_job
       WHERE job_id = :job_id AND reserved_until IS NOT NULL LIMIT 1""",
)
_RESERVE = Statement(
    "Reserves a ready task for a worker's slot, under the number of its next attempt.",
    f"""UPDATE tasks SET worker_id = :worker_id, slot = :slot, attempt = attempt + 1,
           reserved_until = :until, updated_at = :now
       WHERE id = :id AND {READY} RETURNING attempt""",
)
_START = Statement(
    "Makes a reserved task its slot's.",
    """UPDATE tasks SET status = 'active', reserved_until = NULL, last_touched_at = :now,
           updated_at = :now, cancel_requested = 0, attempt_began_at = :steady,
           progress_at = :steady, alive_at = :steady
       WHERE id = :id AND reserved_until IS NOT NULL AND unmet_dependencies = 0
       RETURNING attempt""",
)


def of_worker(db: sqlite3.Connection, worker_id: int) -> list[StoredTask]:
    return [stored_task(row) for row in _OF_WORKER.run(db, worker_id=worker_id).fetchall()]


def expired(db: sqlite3.Connection, *, now: datetime, limit: int) -> list[StoredTask]:
    """Tasks that were reserved and not started in time."""
    rows = _EXPIRED.run(db, now=to_microseconds(now), limit=limit).fetchall()
    return [stored_task(row) for row in rows]


def any_of_job(db: sqlite3.Connection, job_id: int) -> bool:
    return _OF_JOB.value(db, job_id=job_id) is not None


def reserve(
    db: sqlite3.Connection,
    task: StoredTask,
    *,
    worker_id: int,
    slot: int,
    until: datetime,
    now: datetime,
) -> int | None:
    """Keeps a ready task for a slot; returns the attempt's number, or None if it is not ready."""
    attempt = _RESERVE.value(
        db,
        id=task.id,
        worker_id=worker_id,
        slot=slot,
        until=to_microseconds(until),
        now=to_microseconds(now),
    )
    if attempt is not None:
        queues.add_ready(db, task.job_id, task.task_class_id, -1)
    return None if attempt is None else int(attempt)


def start(db: sqlite3.Connection, task: StoredTask, *, now: datetime, steady: datetime) -> bool:
    """Makes a reserved task active; False if it cannot run (any more)."""
    time = to_microseconds(now)
    attempt = _START.value(db, id=task.id, now=time, steady=to_microseconds(steady))
    if attempt is None:
        return False
    assert task.worker_id is not None and task.slot is not None  # noqa: S101, PT018 - it is reserved
    attempts.begin(db, task.id, attempt, worker_id=task.worker_id, slot=task.slot, now=now)
    count_status(db, task, TaskStatus.ACTIVE, steps=0, now=now)
    return True
