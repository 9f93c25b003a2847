"""What was built on what, among the tasks that wait for a group."""

from __future__ import annotations

import sqlite3

from flamenco_core.store.database import Statement
from flamenco_core.store.dependency_groups import LAST_KEY, UntoldGroup
from flamenco_core.store.tasks import COLUMNS, StoredTask, stored_task

_BEGUN = Statement(
    "Of the tasks that wait for a group, the next ones that have begun all the same.",
    f"""SELECT {COLUMNS} FROM tasks t
       WHERE t.id IN (SELECT id FROM tasks INDEXED BY tasks_that_wait
                      WHERE dependency_group_id = :group_id AND id > :told_up_to AND id <= :last)
       AND t.status IN ('completed', 'active') ORDER BY t.id LIMIT :limit""",
)


def begun(
    db: sqlite3.Connection, group: UntoldGroup, *, last: int | None, limit: int
) -> list[StoredTask]:
    """Tasks up to a key that used what the group made before: completed or active.

    With None, there is no such key.
    """
    rows = _BEGUN.run(
        db,
        group_id=group.id,
        told_up_to=group.told_up_to,
        last=LAST_KEY if last is None else last,
        limit=limit,
    ).fetchall()
    return [stored_task(row) for row in rows]
