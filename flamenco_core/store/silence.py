"""What has been quiet for too long: tasks that workers have, and workers. The oldest come first."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from flamenco_core.rules.timeouts import TaskLimit
from flamenco_core.store.database import Statement, from_microseconds, to_microseconds

_TASKS_WITHOUT_SIGN_OF_LIFE = Statement(
    "Active tasks that nothing was heard of since a time.",
    """SELECT id, worker_id FROM tasks INDEXED BY silent_tasks
       WHERE status = 'active' AND alive_at <= :since ORDER BY alive_at LIMIT :limit""",
)
_TASKS_WITHOUT_PROGRESS = Statement(
    "Active tasks that completed no step since a time.",
    """SELECT id, worker_id FROM tasks INDEXED BY stuck_tasks
       WHERE status = 'active' AND progress_at <= :since ORDER BY progress_at LIMIT :limit""",
)
_TASKS_BEGUN = Statement(
    "Active tasks whose attempt began before a time.",
    """SELECT id, worker_id FROM tasks INDEXED BY long_tasks
       WHERE status = 'active' AND attempt_began_at <= :since
       ORDER BY attempt_began_at LIMIT :limit""",
)
_WORKERS = Statement(
    "Workers that should be there and were not heard of since a time.",
    """SELECT uuid, alive_at FROM workers INDEXED BY silent_workers
       WHERE deleted_at IS NULL AND status NOT IN ('offline', 'error')
       AND alive_at <= :since ORDER BY alive_at LIMIT :limit""",
)
_PULL_BACK_TASKS = Statement(
    "Brings ages of active tasks that lie in the future, after the clock was set back, to now.",
    """UPDATE tasks SET alive_at = min(alive_at, :now), progress_at = min(progress_at, :now),
           attempt_began_at = min(attempt_began_at, :now)
       WHERE status = 'active' AND alive_at > :now""",
)
_PULL_BACK_WORKERS = Statement(
    "Brings ages of workers that lie in the future, after the clock was set back, to now.",
    """UPDATE workers SET alive_at = :now
       WHERE deleted_at IS NULL AND status NOT IN ('offline', 'error') AND alive_at > :now""",
)
_PULL_BACK_RESERVATIONS = Statement(
    "Brings the ends of reservations that no run can have set so far ahead to what it could.",
    "UPDATE tasks SET reserved_until = :latest WHERE reserved_until > :latest",
)
_BY_LIMIT = {
    TaskLimit.SILENCE: _TASKS_WITHOUT_SIGN_OF_LIFE,
    TaskLimit.PROGRESS: _TASKS_WITHOUT_PROGRESS,
    TaskLimit.TOTAL: _TASKS_BEGUN,
}


@dataclass(frozen=True, slots=True)
class QuietTask:
    task_id: int
    worker_id: int


@dataclass(frozen=True, slots=True)
class QuietWorker:
    uuid: str
    alive_at: datetime


def tasks(
    db: sqlite3.Connection, limit_kind: TaskLimit, since: datetime, *, limit: int
) -> list[QuietTask]:
    """Active tasks that had their last sign of life (or step, or beginning) then or before."""
    rows = _BY_LIMIT[limit_kind].run(db, since=to_microseconds(since), limit=limit).fetchall()
    return [QuietTask(row["id"], row["worker_id"]) for row in rows]


def workers(db: sqlite3.Connection, since: datetime, *, limit: int) -> list[QuietWorker]:
    rows = _WORKERS.run(db, since=to_microseconds(since), limit=limit).fetchall()
    return [QuietWorker(row["uuid"], from_microseconds(row["alive_at"])) for row in rows]


def pull_back(db: sqlite3.Connection, now: datetime, *, longest_hold: timedelta) -> None:
    """For the start: nothing was heard of anything after now, whatever earlier clocks said.

    `longest_hold` is how long a task can be reserved, or held back, at the most.
    """
    time = to_microseconds(now)
    _PULL_BACK_TASKS.run(db, now=time)
    _PULL_BACK_WORKERS.run(db, now=time)
    _PULL_BACK_RESERVATIONS.run(db, latest=to_microseconds(now + longest_hold))
