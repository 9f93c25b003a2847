"""Recomputes what the farm keeps counted, and compares. Reads every task; not for a request."""

from __future__ import annotations

import sqlite3

from flamenco_core.store.queues import READY
from flamenco_core.store.tasks import COUNT_COLUMNS

_CHECKS = {
    "job {0} counts {1} tasks as {2}, but has {3}": " UNION ALL ".join(
        f"""SELECT j.uuid, j.{column}, '{status}', (SELECT count(*) FROM tasks t
            WHERE t.job_id = j.id AND t.status = '{status}') AS real
            FROM jobs j WHERE j.{column} <> real"""
        for status, column in COUNT_COLUMNS.items()
    ),
    "job {0} counts {1} completed steps, but has {2}": """
        SELECT j.uuid, j.steps_completed, (SELECT coalesce(sum(t.steps_completed), 0)
            FROM tasks t WHERE t.job_id = j.id) AS real
        FROM jobs j WHERE j.steps_completed <> real""",
    "job {0} counts {1} steps, but has {2}": """
        SELECT j.uuid, j.steps_total, (SELECT coalesce(sum(t.steps_total), 0)
            FROM tasks t WHERE t.job_id = j.id) AS real
        FROM jobs j WHERE j.steps_total <> real AND j.status <> 'under-construction'""",
    "job {0} counts {1} ready tasks of class {2}, but has {3}": f"""
        SELECT j.uuid, q.ready_count, q.task_class_id, (SELECT count(*) FROM tasks
            WHERE job_id = q.job_id AND task_class_id = q.task_class_id AND {READY}) AS real
        FROM job_queues q JOIN jobs j ON j.id = q.job_id WHERE q.ready_count <> real""",
    "job {0} is {1}, which does not fit its queue being open: {2}": """
        SELECT j.uuid, j.status, q.is_open FROM job_queues q JOIN jobs j ON j.id = q.job_id
        WHERE q.is_open <> (j.status IN ('queued', 'active'))""",
    "task {0} waits for {1} sets of tasks, which should be {2}": """
        SELECT t.uuid, t.unmet_dependencies, (SELECT EXISTS (
            SELECT 1 FROM dependency_group_parents p JOIN tasks parent ON parent.id = p.parent_id
            WHERE p.group_id = t.dependency_group_id AND parent.status <> 'completed')) AS real
        FROM tasks t WHERE t.unmet_dependencies <> real""",
    "group {0} counts {1} unfinished tasks, but has {2}": """
        SELECT g.id, g.unmet, (SELECT count(*) FROM dependency_group_parents p
            JOIN tasks parent ON parent.id = p.parent_id
            WHERE p.group_id = g.id AND parent.status <> 'completed') AS real
        FROM dependency_groups g WHERE g.unmet <> real""",
    "task {0} is {1} and reserved for a slot": """
        SELECT uuid, status FROM tasks WHERE reserved_until IS NOT NULL
        AND (status NOT IN ('queued', 'soft-failed') OR worker_id IS NULL OR slot IS NULL)""",
    "task {0} is active without a worker": """
        SELECT uuid FROM tasks WHERE status = 'active' AND worker_id IS NULL""",
}
"""What is said about a row → the query that finds such rows."""


def differences(db: sqlite3.Connection) -> list[str]:
    """A sentence for each thing that does not add up; empty for a sound farm."""
    return [
        sentence.format(*row) for sentence, query in _CHECKS.items() for row in db.execute(query)
    ]
