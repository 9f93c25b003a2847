"""What depends on what, once it is stored."""

from __future__ import annotations

import sqlite3

from flamenco_core.store.database import Statement
from flamenco_core.store.tasks import COLUMNS, StoredTask, stored_task

_BUILT_ON = Statement(
    "The tasks that a task's result went into: those that waited for it and began.",
    f"""SELECT {COLUMNS} FROM dependency_group_parents p
       JOIN tasks t INDEXED BY tasks_that_wait ON t.dependency_group_id = p.group_id
       WHERE p.parent_id = :task_id AND t.status IN ('completed', 'active')""",
)


def built_on(db: sqlite3.Connection, task_id: int) -> list[StoredTask]:
    """Every task that used a task's result, directly or through others: completed or active."""
    found: dict[int, StoredTask] = {}
    waiting = [task_id]
    while waiting:
        for row in _BUILT_ON.run(db, task_id=waiting.pop()).fetchall():
            if row["id"] not in found:
                found[row["id"]] = stored_task(row)
                waiting.append(row["id"])
    return sorted(found.values(), key=lambda task: task.index_in_job)
