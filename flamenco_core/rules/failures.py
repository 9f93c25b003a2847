"""What follows from a task that failed on a worker."""

from __future__ import annotations

from dataclasses import dataclass

from flamenco_core.statuses import TaskStatus


@dataclass(frozen=True, slots=True)
class FailureLimits:
    blocklist_threshold: int
    """Failures of one worker, in one job and task type, that put it on the job's block list."""
    task_fail_after_softfail_count: int
    """Different workers that must have failed at a task before it fails for good."""


@dataclass(frozen=True, slots=True)
class FailureFacts:
    """The state of things with the new failure counted in, once."""

    workers_that_failed_task: int
    failures_of_worker: int
    """Tasks of this job and task type at which this worker has failed."""
    workers_that_could_try: int
    """Workers that can take the task type, are not blocked and have not failed at this task."""
    is_blocked_already: bool


@dataclass(frozen=True, slots=True)
class FailureDecision:
    task_status: TaskStatus
    block_worker: bool
    explanation: str
    """For the task's log."""


def after_failure(facts: FailureFacts, limits: FailureLimits) -> FailureDecision:
    """Decides whether another worker may try, and whether this one may go on in the job."""
    block = not facts.is_blocked_already and facts.failures_of_worker >= limits.blocklist_threshold
    left = limits.task_fail_after_softfail_count - facts.workers_that_failed_task
    if left <= 0:
        text = f"Task failed on {facts.workers_that_failed_task} different workers, which is final"
        return FailureDecision(TaskStatus.FAILED, block, text)
    if facts.workers_that_could_try <= 0:
        text = "Task failed, and there is no other worker left that could try it"
        return FailureDecision(TaskStatus.FAILED, block, text)
    text = f"Task failed; another worker may try it ({left} more until it fails for good)"
    return FailureDecision(TaskStatus.SOFT_FAILED, block, text)
