"""Stored jobs and tasks as the rules on actions see them."""

from __future__ import annotations

from flamenco_core.errors import Conflict
from flamenco_core.rules import actions
from flamenco_core.rules.actions import JobAction, JobFacts, TaskFacts
from flamenco_core.statuses import TaskStatus
from flamenco_core.store.jobs import StoredJob
from flamenco_core.store.tasks import StoredTask


def job_facts(job: StoredJob) -> JobFacts:
    return JobFacts(
        status=job.status,
        is_unsettled=job.unsettled,
        is_archived=job.is_archived,
        is_being_deleted=job.is_being_deleted,
        failed_tasks=job.counts[TaskStatus.FAILED],
    )


def task_facts(task: StoredTask, job: StoredJob) -> TaskFacts:
    return TaskFacts(
        status=task.status, job=job_facts(job), waits_for_others=bool(task.unmet_dependencies)
    )


def refuse_job_action(job: StoredJob, action: JobAction) -> None:
    """Raises `Conflict` with the reason, and what can be done instead, unless it is possible."""
    reason = actions.job_refusal(action, job_facts(job))
    if not reason:
        return
    possible = [
        choice.action for choice in actions.job_choices(job_facts(job)) if choice.is_possible
    ]
    instead = f"; possible now: {', '.join(possible)}" if possible else ""
    raise Conflict(f"Job {job.name!r} cannot be asked to {action}: {reason}{instead}")
