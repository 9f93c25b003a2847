"""What people ask of jobs and tasks."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence, Set
from enum import StrEnum
from typing import TypeVar

from flamenco_core.errors import Conflict, one_problem
from flamenco_core.events import JobChanged
from flamenco_core.manager import transitions
from flamenco_core.manager.jobs_at_hand import refuse_job_action, task_facts
from flamenco_core.manager.unit import Unit
from flamenco_core.model import JobPriorityChange, JobStatusChange, TaskStatusChange
from flamenco_core.rna_overrides import checked_overrides
from flamenco_core.rules import actions, lifecycle
from flamenco_core.rules.actions import JobAction, TaskAction
from flamenco_core.statuses import JobStatus, TaskStatus
from flamenco_core.store import failures, jobs, overrides, tasks

_JOB_ACTION_FOR = {
    JobStatus.CANCEL_REQUESTED: JobAction.CANCEL,
    JobStatus.PAUSE_REQUESTED: JobAction.PAUSE,
    JobStatus.REQUEUEING: JobAction.REQUEUE,
}

S = TypeVar("S", bound=StrEnum)


def set_job_status(unit: Unit, job_uuid: str, change: JobStatusChange) -> None:
    """Cancels, pauses or requeues a job; raises `Conflict` if it has the wrong status for it."""
    job = jobs.by_uuid(unit.db, job_uuid)
    if change.status is job.status:
        return
    action = _JOB_ACTION_FOR.get(change.status)
    if action is None or not (job.is_archived or job.is_being_deleted):
        _refuse_illegal(
            "job", job.name, job.status, change.status, lifecycle.REQUESTABLE_JOB_STATUSES
        )
    refuse_job_action(job, _JOB_ACTION_FOR[change.status])
    if change.status is JobStatus.REQUEUEING:
        failures.forget_job(unit.db, job.id)
    transitions.change_job(
        unit,
        job,
        change.status,
        reason=change.reason,
        requeue_everything=job.status is JobStatus.COMPLETED,
        actor=unit.actor,
    )


def refuse_compiling_without_queueing(change: JobStatusChange) -> None:
    """Raises `InvalidInput` if a job is to be compiled again, and not to be queued again."""
    if change.compile_again and change.status is not JobStatus.REQUEUEING:
        what = f"goes with {JobStatus.REQUEUEING} only, not with {change.status}"
        raise one_problem("compile_again", what)


def requeue_failed_tasks(unit: Unit, job_uuid: str) -> bool:
    """Queues some of a job's failed tasks again; returns whether there are more of them.

    Raises:
        Conflict: if the job is not queued or active, or none of its tasks has failed.
    """
    job = jobs.by_uuid(unit.db, job_uuid)
    refuse_job_action(job, JobAction.REQUEUE_FAILED)
    failed = tasks.of_job(unit.db, job.id, TaskStatus.FAILED, limit=transitions.SWEEP_SIZE)
    transitions.requeue_failed(unit, job, failed)
    unit.audit("job.requeue-failed", job.uuid, count=len(failed))
    return job.counts[TaskStatus.FAILED] > len(failed)


def set_job_priority(unit: Unit, job_uuid: str, change: JobPriorityChange) -> None:
    job = jobs.by_uuid(unit.db, job_uuid)
    refuse_job_action(job, JobAction.SET_PRIORITY)
    jobs.set_priority(unit.db, job, change.priority, now=unit.now)
    unit.audit("job.priority", job.uuid, priority=change.priority, before=job.priority)
    unit.announce(JobChanged(job_id=job.uuid, status=job.status, previous_status=job.status))


def rna_overrides(db: sqlite3.Connection, job_uuid: str) -> list[str]:
    """The lines of Python that are carried out before each render of a job."""
    return overrides.of_job(db, jobs.by_uuid(db, job_uuid).id)


def set_rna_overrides(unit: Unit, job_uuid: str, lines: Sequence[str]) -> list[str]:
    """Replaces the overrides of a job; raises `InvalidInput` if they are no valid Python."""
    job = jobs.by_uuid(unit.db, job_uuid)
    refuse_job_action(job, JobAction.SET_OVERRIDES)
    checked = checked_overrides(lines)
    before = overrides.of_job(unit.db, job.id)
    overrides.put(unit.db, job.id, checked)
    unit.audit("job.rna-overrides", job.uuid, lines=checked, before=before)
    unit.announce(JobChanged(job_id=job.uuid, status=job.status, previous_status=job.status))
    return checked


def set_task_status(unit: Unit, task_uuid: str, change: TaskStatusChange) -> None:
    """Cancels or requeues a task; raises `Conflict` if it has the wrong status for it."""
    task = tasks.by_uuid(unit.db, task_uuid)
    if change.status is task.status is not TaskStatus.QUEUED:
        return
    _refuse_illegal(
        "task", task.name, task.status, change.status, lifecycle.REQUESTABLE_TASK_STATUSES
    )
    action = TaskAction.REQUEUE if change.status is TaskStatus.QUEUED else TaskAction.CANCEL
    refusal = actions.task_refusal(action, task_facts(task, jobs.by_id(unit.db, task.job_id)))
    if refusal:
        raise Conflict(f"The task {task.name!r} cannot be asked to {action}: {refusal}")
    if task.status is TaskStatus.QUEUED and action is TaskAction.REQUEUE:
        transitions.queue_now(unit, task, with_dependants=change.with_dependants)
    elif action is TaskAction.REQUEUE:
        transitions.requeue_task(
            unit, task, reason=change.reason, with_dependants=change.with_dependants
        )
    else:
        transitions.change_task(unit, task, change.status, activity=change.reason)
    unit.audit("task.status", task.uuid, status=change.status.value, reason=change.reason)


def _refuse_illegal(kind: str, name: str, present: S, wanted: S, table: Mapping[S, Set[S]]) -> None:
    if present in table.get(wanted, frozenset()):
        return
    legal = [status.value for status, origins in table.items() if present in origins]
    possible = f"it can become {', '.join(legal)}" if legal else "nothing can be asked of it now"
    raise Conflict(f"The {kind} {name!r} is {present} and cannot become {wanted}; {possible}")
