"""At which share of failed tasks a stored job fails."""

from __future__ import annotations

import sqlite3

from flamenco_core.config import Config
from flamenco_core.failure_share import FAILED_TASKS_KEY, FailureShare, failure_share
from flamenco_core.statuses import TaskStatus
from flamenco_core.store import jobs
from flamenco_core.store.jobs import StoredJob


def share_of(db: sqlite3.Connection, job: StoredJob, config: Config) -> FailureShare:
    said = jobs.said_in_metadata(db, job.id, FAILED_TASKS_KEY)
    return _share(job, said, config)


def share_if_any_failed(db: sqlite3.Connection, job: StoredJob, config: Config) -> FailureShare:
    """The same, less what the job says itself as long as nothing of it has failed.

    Until then it makes no difference, and need not be looked for at each change of a task.
    """
    return share_of(db, job, config) if job.counts[TaskStatus.FAILED] else _share(job, None, config)


def _share(job: StoredJob, said: str | None, config: Config) -> FailureShare:
    return failure_share(
        job.type,
        said,
        of_farm=config.job_fail_percentage,
        of_types=config.job_fail_percentage_by_type,
    )
