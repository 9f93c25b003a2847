"""What can be done with a job, a task or a worker, from the row that is read of it anyway.

Lists, whose rows become JSON inside SQLite, have it from functions that `add_functions` makes
known to a connection. There are few different answers, so that each is worked out once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from flamenco_core.rules import actions
from flamenco_core.rules.actions import Choice, JobFacts, TaskFacts, WorkerFacts
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus

JOB_ACTIONS = """job_actions(j.status, j.unsettled, j.archived_at IS NOT NULL,
    j.delete_requested_at IS NOT NULL, j.tasks_failed > 0)"""
"""SQL of what can be done with a job `j`, as JSON."""
TASK_ACTIONS = """(SELECT task_actions(t.status, t.unmet_dependencies > 0, aj.status,
    aj.archived_at IS NOT NULL, aj.delete_requested_at IS NOT NULL)
    FROM jobs aj WHERE aj.id = t.job_id)"""
WORKER_ACTIONS = "worker_actions(w.status, w.status_requested, w.can_restart)"

JOB_COLUMNS = ("status", "unsettled", "archived_at", "delete_requested_at", "tasks_failed")
"""The columns of a job's row that tell what can be done with it."""
TASK_COLUMNS = ("status", "unmet_dependencies")
WORKER_COLUMNS = ("status", "status_requested", "can_restart")


def add_functions(db: sqlite3.Connection) -> None:
    """Lets a connection run `JOB_ACTIONS`, `TASK_ACTIONS` and `WORKER_ACTIONS`."""
    for name, count, function in (
        ("job_actions", 5, _job_actions),
        ("task_actions", 5, _task_actions),
        ("worker_actions", 3, _worker_actions),
    ):
        db.create_function(name, count, function, deterministic=True)


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


@lru_cache(maxsize=1024)
def _job_actions(
    status: str, unsettled: int, archived: int, being_deleted: int, any_failed: int
) -> str:
    facts = JobFacts(
        status=JobStatus(status),
        is_unsettled=bool(unsettled),
        is_archived=bool(archived),
        is_being_deleted=bool(being_deleted),
        failed_tasks=any_failed,
    )
    return json.dumps(_form(actions.job_choices(facts)))


@lru_cache(maxsize=1024)
def _task_actions(
    status: str, waits: int, job_status: str, archived: int, being_deleted: int
) -> str:
    job = JobFacts(
        status=JobStatus(job_status),
        is_archived=bool(archived),
        is_being_deleted=bool(being_deleted),
    )
    facts = TaskFacts(status=TaskStatus(status), job=job, waits_for_others=bool(waits))
    return json.dumps(_form(actions.task_choices(facts)))


@lru_cache(maxsize=1024)
def _worker_actions(status: str, requested: str | None, can_restart: int) -> str:
    facts = WorkerFacts(
        status=WorkerStatus(status),
        status_requested=WorkerStatus(requested) if requested else None,
        can_restart=bool(can_restart),
    )
    return json.dumps(_form(actions.worker_choices(facts)))
