"""How jobs and tasks move from status to status, and what each move sets in motion.

Two tables say which moves a person may ask for; `job_status_after` says what a job becomes when
its tasks change. The Manager carries out what is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flamenco_core.failure_share import FailureShare, ShareSource
from flamenco_core.statuses import JobStatus, TaskStatus

REQUESTABLE_JOB_STATUSES: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.CANCEL_REQUESTED: frozenset(
        {
            JobStatus.QUEUED,
            JobStatus.ACTIVE,
            JobStatus.PAUSED,
            JobStatus.PAUSE_REQUESTED,
            JobStatus.FAILED,
        }
    ),
    JobStatus.PAUSE_REQUESTED: frozenset({JobStatus.QUEUED, JobStatus.ACTIVE}),
    JobStatus.REQUEUEING: frozenset(
        {
            JobStatus.CANCELED,
            JobStatus.COMPLETED,
            JobStatus.FAILED,
            JobStatus.PAUSED,
            JobStatus.PAUSE_REQUESTED,
        }
    ),
}
"""What a person may ask of a job → the statuses it must have for that."""

REQUESTABLE_TASK_STATUSES: Mapping[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.CANCELED: frozenset(
        {TaskStatus.QUEUED, TaskStatus.SOFT_FAILED, TaskStatus.ACTIVE, TaskStatus.PAUSED}
    ),
    TaskStatus.QUEUED: frozenset(
        {
            TaskStatus.CANCELED,
            TaskStatus.COMPLETED,
            TaskStatus.FAILED,
            TaskStatus.SOFT_FAILED,
            # For what was built on an earlier result of it.
            TaskStatus.QUEUED,
        }
    ),
}
"""What a person may ask of a task → the statuses it must have for that."""

JOB_STATUSES_THAT_LET_TASKS_QUEUE = frozenset(
    {JobStatus.QUEUED, JobStatus.ACTIVE, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED}
)
"""A single task can be queued again in these: the job itself then goes on."""

STATUSES_A_WORKER_MAY_REPORT = frozenset(
    {TaskStatus.ACTIVE, TaskStatus.COMPLETED, TaskStatus.FAILED}
)

_WHAT_BECOMES_OF_A_REPORT = {
    TaskStatus.COMPLETED: frozenset({TaskStatus.COMPLETED}),
    TaskStatus.FAILED: frozenset({TaskStatus.SOFT_FAILED, TaskStatus.FAILED}),
}


def is_known_already(status: TaskStatus, reported: TaskStatus | None) -> bool:
    """Whether an attempt, the last at a task with this status, reports its end a second time."""
    return reported is not None and status in _WHAT_BECOMES_OF_A_REPORT.get(reported, ())


@dataclass(frozen=True, slots=True)
class TaskSweep:
    """What a transitional job status does to the job's tasks, and where it ends."""

    from_statuses: frozenset[TaskStatus]
    to_status: TaskStatus
    then: JobStatus
    """The job's status once no task is left to change (and, for a pause, none is active)."""


_UNFINISHED = frozenset(
    {TaskStatus.ACTIVE, TaskStatus.QUEUED, TaskStatus.SOFT_FAILED, TaskStatus.PAUSED}
)
_WAITING = frozenset({TaskStatus.QUEUED, TaskStatus.SOFT_FAILED})
_STOPPED = frozenset(
    {TaskStatus.CANCELED, TaskStatus.FAILED, TaskStatus.PAUSED, TaskStatus.SOFT_FAILED}
)

SWEEPS: Mapping[JobStatus, TaskSweep] = {
    JobStatus.CANCEL_REQUESTED: TaskSweep(_UNFINISHED, TaskStatus.CANCELED, JobStatus.CANCELED),
    JobStatus.FAILED: TaskSweep(_UNFINISHED, TaskStatus.CANCELED, JobStatus.FAILED),
    JobStatus.PAUSE_REQUESTED: TaskSweep(_WAITING, TaskStatus.PAUSED, JobStatus.PAUSED),
    JobStatus.REQUEUEING: TaskSweep(_STOPPED, TaskStatus.QUEUED, JobStatus.QUEUED),
}
"""Job statuses that change tasks. `requeueing` of a completed job queues all of its tasks."""

REQUEUE_EVERYTHING = TaskSweep(
    _STOPPED | {TaskStatus.COMPLETED}, TaskStatus.QUEUED, JobStatus.QUEUED
)


@dataclass(frozen=True, slots=True)
class JobMove:
    """A decision: the job gets this status, for this reason."""

    status: JobStatus
    reason: str


def job_status_after(
    status: JobStatus, counts: Mapping[TaskStatus, int], *, ready: int, share: FailureShare
) -> JobMove | None:
    """What a job becomes now that its tasks are in these statuses; None if it stays.

    `counts` says how many tasks have each status, `ready` how many could be handed out now, and
    `share` from which share of failed tasks on the job fails.
    """
    total = sum(counts.values())
    if status is JobStatus.PAUSE_REQUESTED:
        return _pause_move(counts, total)
    if status not in (JobStatus.QUEUED, JobStatus.ACTIVE, JobStatus.COMPLETED):
        return None
    if counts.get(TaskStatus.COMPLETED, 0) == total:
        return _unless_already(status, JobStatus.COMPLETED, "all tasks completed")
    failed = counts.get(TaskStatus.FAILED, 0)
    if share.is_reached(failed, total):
        return JobMove(JobStatus.FAILED, _too_many(failed, total, share))
    if counts.get(TaskStatus.ACTIVE, 0):
        return _unless_already(status, JobStatus.ACTIVE, "a task started")
    if ready:
        return JobMove(JobStatus.QUEUED, "a task was queued") if _is_done(status) else None
    # What is left, if anything, waits for tasks that will never be completed.
    if failed:
        return JobMove(JobStatus.FAILED, "no task is left that could run, and some failed")
    return JobMove(
        JobStatus.CANCEL_REQUESTED, "no task is left that could run, and some were cancelled"
    )


def _pause_move(counts: Mapping[TaskStatus, int], total: int) -> JobMove | None:
    if counts.get(TaskStatus.ACTIVE, 0) or any(counts.get(waiting, 0) for waiting in _WAITING):
        return None
    if counts.get(TaskStatus.COMPLETED, 0) == total:
        return JobMove(JobStatus.COMPLETED, "all tasks completed")
    return JobMove(JobStatus.PAUSED, "no task is active any more")


def _too_many(failed: int, total: int, share: FailureShare) -> str:
    return (
        f"too many tasks failed: {failed} of {total}, and {share.percentage} % is the limit "
        f"{_WHOSE_LIMIT[share.source]}"
    )


_WHOSE_LIMIT = {
    ShareSource.FARM: "of this farm",
    ShareSource.JOB_TYPE: "for jobs of its type",
    ShareSource.JOB: "that it was submitted with",
}


def _unless_already(status: JobStatus, wanted: JobStatus, reason: str) -> JobMove | None:
    return None if status is wanted else JobMove(wanted, reason)


def _is_done(status: JobStatus) -> bool:
    return status is JobStatus.COMPLETED


def held_back(status: TaskStatus, job_status: JobStatus) -> TaskStatus:
    """The status of a task that would wait for a worker, in a job that may not hand it out."""
    if status not in _WAITING:
        return status
    if job_status in (JobStatus.PAUSE_REQUESTED, JobStatus.PAUSED):
        return TaskStatus.PAUSED
    if job_status in (JobStatus.CANCEL_REQUESTED, JobStatus.CANCELED, JobStatus.FAILED):
        return TaskStatus.CANCELED
    return status
