"""How many jobs, tasks and workers there are with each status, for whoever watches a farm.

Jobs that are done are left out: there are ever more of them. Tasks are not looked at: each job
keeps how many of its tasks have which status.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from flamenco_core.statuses import FINAL_JOB_STATUSES, JobStatus, TaskStatus, WorkerStatus
from flamenco_core.store.database import Statement
from flamenco_core.store.tasks import COUNT_COLUMNS

_SUMS = ", ".join(
    f"coalesce(sum({column}), 0) AS {column}" for column in sorted(COUNT_COLUMNS.values())
)
_JOBS = Statement(
    "How many jobs have a status, and how many tasks with each status they have.",
    f"SELECT count(*) AS jobs, {_SUMS} FROM jobs INDEXED BY jobs_by_status WHERE status = :status",
)
_WORKERS = Statement(
    "How many workers have a status.",
    """SELECT count(*) FROM workers INDEXED BY worker_statuses
       WHERE status = :status AND deleted_at IS NULL""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmCounts:
    """By status; statuses that nothing has are there with 0."""

    jobs: Mapping[JobStatus, int]
    tasks: Mapping[TaskStatus, int]
    workers: Mapping[WorkerStatus, int]


def count(db: sqlite3.Connection) -> FarmCounts:
    """Reads each job that is not done, and each worker; call it inside a `snapshot`."""
    jobs: dict[JobStatus, int] = {}
    tasks = dict.fromkeys(TaskStatus, 0)
    for status in sorted(set(JobStatus) - FINAL_JOB_STATUSES):
        row = _JOBS.row(db, status=status)
        if row is not None:
            jobs[status] = row["jobs"]
            for task_status, column in COUNT_COLUMNS.items():
                tasks[task_status] += row[column]
    workers = {status: int(_WORKERS.value(db, status=status)) for status in WorkerStatus}
    return FarmCounts(jobs=jobs, tasks=tasks, workers=workers)
