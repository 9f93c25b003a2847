"""What depends on what, once it is stored."""

from __future__ import annotations

import sqlite3

from flamenco_core.store import tasks
from flamenco_core.store.database import Statement
from flamenco_core.store.tasks import StoredTask

_WAITING_FOR = Statement(
    "The tasks that wait for a task.",
    """SELECT t.id FROM dependency_group_parents p
       JOIN tasks t INDEXED BY tasks_that_wait ON t.dependency_group_id = p.group_id
       WHERE p.parent_id = :task_id""",
)


def all_after(db: sqlite3.Connection, task_id: int) -> list[StoredTask]:
    """Every task that depends on a task, directly or through others."""
    found: dict[int, StoredTask] = {}
    waiting = [task_id]
    while waiting:
        for row in _WAITING_FOR.run(db, task_id=waiting.pop()).fetchall():
            if row["id"] not in found:
                found[row["id"]] = tasks.by_id(db, row["id"])
                waiting.append(row["id"])
    return sorted(found.values(), key=lambda task: task.index_in_job)
