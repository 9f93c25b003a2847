"""Which ready tasks of a job no worker of the farm may take, whatever the workers are doing now.

So it is with a job whose tag no worker has any more, or whose task types none takes: it waits
until somebody changes that. Workers that sleep or are switched off count; deleted ones do not.
"""

from __future__ import annotations

import json
import sqlite3

from flamenco_core.store.database import Statement

_NOBODY = """NOT EXISTS (
           SELECT 1 FROM worker_task_classes m INDEXED BY workers_of_class
           WHERE m.task_class_id = q.task_class_id {besides}
           AND (q.tag_id = 0 OR EXISTS (SELECT 1 FROM worker_tags t
                WHERE t.worker_id = m.worker_id AND t.tag_id = q.tag_id))
           AND NOT EXISTS (SELECT 1 FROM job_blocks b WHERE b.job_id = q.job_id
                AND b.worker_id = m.worker_id AND b.task_type = c.task_type))"""
_QUEUES = """FROM job_queues q JOIN task_classes c ON c.id = q.task_class_id
       WHERE q.job_id = {job} AND q.is_open = 1 AND q.ready_count > 0"""

OF_JOB_AS_JSON = f"""(SELECT distinct_texts(json_group_array(c.task_type))
       {_QUEUES.format(job="j.id")} AND {_NOBODY.format(besides="")} HAVING count(*) > 0)"""
"""SQL of the task types of such tasks of a job `j`; NULL if it has none."""

_TYPES = Statement(
    "The task types of a job with ready tasks that nobody, or nobody but one worker, may take.",
    f"""SELECT c.task_type {_QUEUES.format(job=":job_id")}
       AND {_NOBODY.format(besides="AND m.worker_id <> :besides")}""",
)
_NO_WORKER = 0
"""A key that no worker has."""


def task_types(db: sqlite3.Connection, job_id: int, *, besides: int = _NO_WORKER) -> list[str]:
    """Types of ready tasks that nobody may take, as far as this worker is not looked at."""
    rows = _TYPES.run(db, job_id=job_id, besides=besides).fetchall()
    return sorted({row["task_type"] for row in rows})


def told(db: sqlite3.Connection, job_id: int) -> dict[str, list[str]]:
    """The same as it is told of a job: nothing if there is nothing to tell."""
    found = task_types(db, job_id)
    return {"stranded_task_types": found} if found else {}


def add_functions(db: sqlite3.Connection) -> None:
    """Lets a connection run `OF_JOB_AS_JSON`, without a table for the few texts that there are."""
    db.create_function("distinct_texts", 1, _distinct_texts, deterministic=True)


def _distinct_texts(array: str) -> str:
    return json.dumps(sorted(set(json.loads(array))), ensure_ascii=False)
