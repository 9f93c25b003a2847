"""What can be done with a job, a task or a worker, from the row that is read of it anyway."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from flamenco_core.rules import actions
from flamenco_core.rules.actions import Choice, JobFacts, TaskFacts, WorkerFacts
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus

JOB_COLUMNS = ("status", "unsettled", "archived_at", "delete_requested_at", "tasks_failed")
"""The columns of a job's row that tell what can be done with it."""
TASK_COLUMNS = ("status", "unmet_dependencies")
WORKER_COLUMNS = ("status", "status_requested", "can_restart")


def job_facts(row: sqlite3.Row) -> JobFacts:
    """From a row with `JOB_COLUMNS`."""
    return JobFacts(
        status=JobStatus(row["status"]),
        is_unsettled=bool(row["unsettled"]),
        is_archived=row["archived_at"] is not None,
        is_being_deleted=row["delete_requested_at"] is not None,
        failed_tasks=row["tasks_failed"],
    )


def task_facts(row: sqlite3.Row, job: JobFacts) -> TaskFacts:
    """From a row with `TASK_COLUMNS`."""
    return TaskFacts(
        status=TaskStatus(row["status"]),
        job=job,
        waits_for_others=bool(row["unmet_dependencies"]),
    )


def worker_facts(row: sqlite3.Row) -> WorkerFacts:
    """From a row with `WORKER_COLUMNS`."""
    requested = row["status_requested"]
    return WorkerFacts(
        status=WorkerStatus(row["status"]),
        status_requested=WorkerStatus(requested) if requested else None,
        can_restart=bool(row["can_restart"]),
    )


def of_job(row: sqlite3.Row) -> list[dict[str, Any]]:
    """What can be done with a job now, and why not the rest, in the form of the wire."""
    return _form(actions.job_choices(job_facts(row)))


def of_task(row: sqlite3.Row, job: JobFacts) -> list[dict[str, Any]]:
    """The same of a task of this job."""
    return _form(actions.task_choices(task_facts(row, job)))


def of_worker(row: sqlite3.Row) -> list[dict[str, Any]]:
    """The same of a worker."""
    return _form(actions.worker_choices(worker_facts(row)))


def _form(choices: Iterable[Choice]) -> list[dict[str, Any]]:
    return [
        {"action": choice.action, "is_possible": choice.is_possible}
        | ({"reason": choice.reason} if choice.reason else {})
        for choice in choices
    ]
