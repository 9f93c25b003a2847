"""What people may do with a job, a task or a worker now, and why not the rest.

Each table says in which statuses an action is possible. The same tables refuse requests, tell
clients which buttons to show, and stand in `docs/statuses.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flamenco_core.model.actions import JobAction, TaskAction, WorkerAction
from flamenco_core.rules.lifecycle import (
    JOB_STATUSES_THAT_LET_TASKS_QUEUE,
    REQUESTABLE_JOB_STATUSES,
    REQUESTABLE_TASK_STATUSES,
)
from flamenco_core.statuses import FINAL_JOB_STATUSES, JobStatus, TaskStatus, WorkerStatus

__all__ = [
    "JOB_ACTIONS",
    "STATUS_WANTED",
    "TASK_ACTIONS",
    "WORKER_ACTIONS",
    "Choice",
    "JobAction",
    "JobFacts",
    "TaskAction",
    "TaskFacts",
    "WorkerAction",
    "WorkerFacts",
    "action_for",
    "job_choices",
    "job_refusal",
    "task_choices",
    "task_refusal",
    "worker_choices",
    "worker_refusal",
]


@dataclass(frozen=True, slots=True)
class Choice:
    """An action, and whether it can be taken now."""

    action: str
    is_possible: bool
    reason: str
    """Why it is not possible; empty if it is."""


_STORED = frozenset(JobStatus) - {JobStatus.UNDER_CONSTRUCTION}

JOB_ACTIONS: Mapping[JobAction, frozenset[JobStatus]] = {
    JobAction.CANCEL: REQUESTABLE_JOB_STATUSES[JobStatus.CANCEL_REQUESTED],
    JobAction.PAUSE: REQUESTABLE_JOB_STATUSES[JobStatus.PAUSE_REQUESTED],
    JobAction.REQUEUE: REQUESTABLE_JOB_STATUSES[JobStatus.REQUEUEING],
    JobAction.COMPILE_AGAIN: FINAL_JOB_STATUSES | {JobStatus.PAUSED},
    JobAction.REQUEUE_FAILED: frozenset({JobStatus.QUEUED, JobStatus.ACTIVE}),
    JobAction.ARCHIVE: FINAL_JOB_STATUSES | {JobStatus.PAUSED},
    JobAction.DELETE: _STORED,
    JobAction.SET_PRIORITY: _STORED,
    JobAction.SET_TAG: _STORED,
    JobAction.SET_OVERRIDES: _STORED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """A job, as far as it matters for what can be done with it."""

    status: JobStatus
    is_unsettled: bool = False
    """Whether its tasks are still being changed to fit its status."""
    is_archived: bool = False
    is_being_deleted: bool = False
    failed_tasks: int = 0


TASK_ACTIONS: Mapping[TaskAction, frozenset[TaskStatus]] = {
    TaskAction.CANCEL: REQUESTABLE_TASK_STATUSES[TaskStatus.CANCELED],
    TaskAction.REQUEUE: REQUESTABLE_TASK_STATUSES[TaskStatus.QUEUED],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """A task, as far as it matters for what can be done with it."""

    status: TaskStatus
    job: JobFacts
    waits_for_others: bool = False
    """Whether something it depends on is not completed."""


_RUNNING = frozenset(
    {
        WorkerStatus.STARTING,
        WorkerStatus.AWAKE,
        WorkerStatus.ASLEEP,
        WorkerStatus.TESTING,
        WorkerStatus.ERROR,
    }
)
_HAVEABLE = _RUNNING | {WorkerStatus.OFFLINE}

WORKER_ACTIONS: Mapping[WorkerAction, frozenset[WorkerStatus]] = {
    WorkerAction.WAKE: _HAVEABLE - {WorkerStatus.AWAKE},
    WorkerAction.SLEEP: _HAVEABLE - {WorkerStatus.ASLEEP},
    WorkerAction.PAUSE: _HAVEABLE - {WorkerStatus.ASLEEP},
    WorkerAction.SHUT_DOWN: _RUNNING,
    WorkerAction.RESTART: _RUNNING,
    WorkerAction.WITHDRAW: _HAVEABLE,
    WorkerAction.DELETE: _HAVEABLE,
}
"""A worker that is not running is told when it signs on the next time."""

STATUS_WANTED: Mapping[WorkerAction, WorkerStatus] = {
    WorkerAction.WAKE: WorkerStatus.AWAKE,
    WorkerAction.SLEEP: WorkerStatus.ASLEEP,
    WorkerAction.PAUSE: WorkerStatus.ASLEEP,
    WorkerAction.SHUT_DOWN: WorkerStatus.OFFLINE,
    WorkerAction.RESTART: WorkerStatus.RESTART,
}
"""What a worker is asked to become; each lazily (after its task) or now, a pause always lazily."""

_ACTION_FOR = {
    WorkerStatus.AWAKE: WorkerAction.WAKE,
    WorkerStatus.ASLEEP: WorkerAction.SLEEP,
    WorkerStatus.OFFLINE: WorkerAction.SHUT_DOWN,
    WorkerStatus.RESTART: WorkerAction.RESTART,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """A worker, as far as it matters for what can be asked of it."""

    status: WorkerStatus
    status_requested: WorkerStatus | None = None
    can_restart: bool = False


def job_refusal(action: JobAction, job: JobFacts) -> str:
    """Why an action is not possible; empty if it is."""
    if job.is_being_deleted and action is not JobAction.DELETE:
        return "it is being deleted"
    if job.is_archived and action is not JobAction.DELETE:
        return "it is archived"
    if job.status not in JOB_ACTIONS[action]:
        return f"it is {job.status}"
    if job.is_unsettled and action not in _THAT_CAN_WAIT:
        return f"it is still becoming {job.status}; try again in a moment"
    if action is JobAction.REQUEUE_FAILED and not job.failed_tasks:
        return "none of its tasks has failed"
    return ""


_THAT_CAN_WAIT = frozenset(
    {JobAction.DELETE, JobAction.SET_PRIORITY, JobAction.SET_TAG, JobAction.SET_OVERRIDES}
)
"""They do not disturb, or wait for, a change of tasks that goes on."""


def task_refusal(action: TaskAction, task: TaskFacts) -> str:
    """Why an action is not possible; empty if it is."""
    if task.job.is_being_deleted:
        return "its job is being deleted"
    if task.job.is_archived:
        return "its job is archived"
    if task.job.status is JobStatus.UNDER_CONSTRUCTION:
        return "its job is still being stored"
    if task.status not in TASK_ACTIONS[action]:
        return f"it is {task.status}"
    if action is TaskAction.CANCEL:
        return ""
    if task.job.status not in JOB_STATUSES_THAT_LET_TASKS_QUEUE:
        return f"its job is {task.job.status}; queue the job again instead"
    if task.waits_for_others and task.job.status in FINAL_JOB_STATUSES:
        return "it depends on tasks that are not completed; queue those first, or the whole job"
    return ""


def worker_refusal(action: WorkerAction, worker: WorkerFacts) -> str:
    """Why an action is not possible; empty if it is."""
    if worker.status not in WORKER_ACTIONS[action]:
        is_gone = worker.status is WorkerStatus.OFFLINE
        return "its program does not run" if is_gone else f"it is {worker.status} already"
    if action is WorkerAction.RESTART and not worker.can_restart:
        return "it was not set up to be started again after it ends"
    if action is WorkerAction.WITHDRAW and worker.status_requested is None:
        return "nothing was asked of it"
    return ""


def action_for(status: WorkerStatus) -> WorkerAction | None:
    """The action that asks a worker for a status; None if that cannot be asked for."""
    return _ACTION_FOR.get(status)


def job_choices(job: JobFacts) -> list[Choice]:
    return [_choice(action, job_refusal(action, job)) for action in JobAction]


def task_choices(task: TaskFacts) -> list[Choice]:
    return [_choice(action, task_refusal(action, task)) for action in TaskAction]


def worker_choices(worker: WorkerFacts) -> list[Choice]:
    return [_choice(action, worker_refusal(action, worker)) for action in WorkerAction]


def _choice(action: StrEnum, refusal: str) -> Choice:
    return Choice(action.value, not refusal, refusal)
