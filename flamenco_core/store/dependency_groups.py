"""Groups of tasks that other tasks wait for, and telling those others that a group got done.

However many tasks wait for a group, a change of one of its own is one statement. When the group
turns (all of it is done, or something no longer is), it is noted as untold; those that wait are
told piece by piece, in the order of their keys.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from flamenco_core.statuses import SCHEDULABLE_TASK_STATUSES
from flamenco_core.store import queues
from flamenco_core.store.database import Statement
from flamenco_core.store.queues import ReadyChange

LAST_KEY = 2**63 - 1
"""No task has a greater key."""

_COUNT = Statement(
    "A task that others wait for got done, or is not done any more.",
    """UPDATE dependency_groups SET unmet = unmet + :change,
           told_up_to = CASE WHEN unmet + :change = :turning THEN 0 ELSE told_up_to END
       WHERE id IN (SELECT group_id FROM dependency_group_parents WHERE parent_id = :task_id)""",
)
_REWORK = Statement(
    "What was built on a task's result is to be done again.",
    """UPDATE dependency_groups SET told_up_to = 0, is_rework = 1
       WHERE id IN (SELECT group_id FROM dependency_group_parents WHERE parent_id = :task_id)""",
)
_UNTOLD = Statement(
    "The first group of a job that has turned, and not all who wait for it know.",
    """SELECT id, job_id, unmet, told_up_to, is_rework
       FROM dependency_groups INDEXED BY untold_groups
       WHERE job_id = :job_id AND told_up_to IS NOT NULL ORDER BY id LIMIT 1""",
)
_HOLDS_BACK = Statement(
    "Whether tasks of a job may look ready that have to wait.",
    """SELECT 1 FROM dependency_groups INDEXED BY untold_groups
       WHERE job_id = :job_id AND told_up_to IS NOT NULL AND unmet > 0 LIMIT 1""",
)
_JOBS_WITH_UNTOLD = Statement(
    "Jobs in which somebody has to be told.",
    """SELECT j.uuid FROM dependency_groups g INDEXED BY untold_groups
       JOIN jobs j ON j.id = g.job_id
       WHERE g.job_id > 0 AND g.told_up_to IS NOT NULL
       AND j.delete_requested_at IS NULL AND j.archived_at IS NULL
       GROUP BY g.job_id ORDER BY g.job_id LIMIT :limit""",
)
_LAST_OF_PIECE = Statement(
    "The last of the next tasks to be told, if there are so many of them.",
    """SELECT id FROM tasks INDEXED BY tasks_that_wait
       WHERE dependency_group_id = :group_id AND id > :told_up_to
       ORDER BY id LIMIT 1 OFFSET :size - 1""",
)
_TELL = Statement(
    "Releases or holds back tasks that wait for a group.",
    """UPDATE tasks SET unmet_dependencies = :unmet
       WHERE id IN (SELECT id FROM tasks INDEXED BY tasks_that_wait
                    WHERE dependency_group_id = :group_id AND id > :told_up_to AND id <= :last)
       AND unmet_dependencies <> :unmet
       RETURNING task_class_id, status, reserved_until""",
)
_TOLD = Statement(
    "Notes who has been told.",
    """UPDATE dependency_groups SET told_up_to = :last,
           is_rework = CASE WHEN :last IS NULL THEN 0 ELSE is_rework END WHERE id = :id""",
)


@dataclass(frozen=True, slots=True)
class UntoldGroup:
    """A group that has turned, and of whose waiting tasks some do not know."""

    id: int
    job_id: int
    unmet: int
    told_up_to: int
    is_rework: bool


def task_turned(db: sqlite3.Connection, task_id: int, *, is_done: bool) -> None:
    """Counts a task that is done now, or not done any more, in the groups it belongs to."""
    _COUNT.run(db, task_id=task_id, change=-1 if is_done else 1, turning=0 if is_done else 1)


def demand_rework(db: sqlite3.Connection, task_id: int) -> None:
    """Lets everything be done again that used a task's result."""
    _REWORK.run(db, task_id=task_id)


def next_untold(db: sqlite3.Connection, job_id: int) -> UntoldGroup | None:
    row = _UNTOLD.row(db, job_id=job_id)
    return UntoldGroup(**{**row, "is_rework": bool(row["is_rework"])}) if row else None


def hold_back(db: sqlite3.Connection, job_id: int) -> bool:
    """Whether tasks of a job may look ready that have to wait, so that none may be handed out."""
    return _HOLDS_BACK.value(db, job_id=job_id) is not None


def jobs_with_untold(db: sqlite3.Connection, *, limit: int) -> list[str]:
    """UUIDs of jobs in which tasks have to be told."""
    return [row["uuid"] for row in _JOBS_WITH_UNTOLD.run(db, limit=limit).fetchall()]


def last_of_piece(db: sqlite3.Connection, group: UntoldGroup, *, size: int) -> int | None:
    """The key of the last of the next `size` tasks to be told; None if there are fewer."""
    last = _LAST_OF_PIECE.value(db, group_id=group.id, told_up_to=group.told_up_to, size=size)
    return None if last is None else int(last)


def tell(
    db: sqlite3.Connection, group: UntoldGroup, *, last: int | None
) -> tuple[list[ReadyChange], int]:
    """Releases or holds back the tasks up to a key, or all with None, and notes that.

    Returns what became ready by that, and how many tasks learned something new.
    """
    unmet = int(group.unmet > 0)
    rows = _TELL.run(
        db,
        group_id=group.id,
        told_up_to=group.told_up_to,
        last=LAST_KEY if last is None else last,
        unmet=unmet,
    ).fetchall()
    _TOLD.run(db, id=group.id, last=last)
    counts: dict[int, int] = {}
    for row in rows:
        if row["status"] in SCHEDULABLE_TASK_STATUSES and row["reserved_until"] is None:
            counts[row["task_class_id"]] = counts.get(row["task_class_id"], 0) + 1
    changes = [
        queues.add_ready(db, group.job_id, class_id, -count if unmet else count)
        for class_id, count in counts.items()
    ]
    return [change for change in changes if change], len(rows)
