"""How the farm is as a whole, and a job: counts by status, and sums over what attempts took."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from flamenco_core.errors import NotFound
from flamenco_core.statuses import FINAL_JOB_STATUSES
from flamenco_core.store import farm_counts, job_list
from flamenco_core.store.database import Statement, snapshot
from flamenco_core.store.tasks import COUNT_COLUMNS

_COLUMNS = ", ".join(COUNT_COLUMNS.values())
_TASKS_OF_JOB = Statement(
    "How many tasks of each status a job has.", f"SELECT {_COLUMNS} FROM jobs WHERE uuid = :uuid"
)
_TIMES = ("run", "load", "render", "save")
_SUMS_OF_JOB = Statement(
    "What the attempts of a job that have ended took together.",
    f"""SELECT count(*) AS known, count(outcome) AS attempts,
           coalesce(sum(outcome = 'completed'), 0) AS completed,
           coalesce(sum(outcome IN ('failed', 'soft-failed')), 0) AS failed,
           count(CASE WHEN outcome IS NOT NULL THEN render_time END) AS measured,
           coalesce(sum(CASE WHEN outcome IS NOT NULL THEN is_warm END), 0) AS warm,
           {
        ", ".join(
            f"coalesce(sum(CASE WHEN outcome IS NOT NULL THEN {name}_time END), 0)"
            f" / 1000000.0 AS {name}_seconds"
            for name in _TIMES
        )
    },
           coalesce(sum(CASE WHEN outcome IS NOT NULL THEN output_count END), 0) AS output_count,
           coalesce(max(CASE WHEN outcome IS NOT NULL THEN peak_memory END), 0) AS peak_memory
       FROM attempt_statistics INDEXED BY statistics_of_job WHERE job_uuid = :uuid""",
)


def of_farm(db: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """How many jobs, tasks of jobs that are not done, and workers have each status."""
    with snapshot(db):
        counts = farm_counts.count(db)
        jobs = {**counts.jobs, **{each: job_list.count(db, each) for each in FINAL_JOB_STATUSES}}
        return {
            "jobs": _there(jobs),
            "tasks": _there(counts.tasks),
            "workers": _there(counts.workers),
        }


def of_job(db: sqlite3.Connection, uuid: str) -> dict[str, Any]:
    """What the ended attempts of a job took, and its tasks by status unless it is gone.

    Raises:
        NotFound: if nothing is known of such a job.
    """
    with snapshot(db):
        (sums,) = _SUMS_OF_JOB.run(db, uuid=uuid).fetchall()
        job = _TASKS_OF_JOB.row(db, uuid=uuid)
    if job is None and not sums["known"]:
        raise NotFound(f"There is no job {uuid}")
    content = {name: sums[name] for name in sums.keys() if name != "known"}  # noqa: SIM118
    if job is not None:
        content["task_counts"] = _there(
            {status: job[column] for status, column in COUNT_COLUMNS.items()}
        )
    return content


def _there(counts: Mapping[Any, int]) -> dict[str, int]:
    return {status.value: count for status, count in counts.items() if count}
