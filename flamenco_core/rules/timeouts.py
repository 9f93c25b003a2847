"""When a task or a worker is given up on.

All ages are measured on a steady clock that nobody sets (`flamenco_core.manager.steady_time`), so
that a correction of the machine's clock times nothing out. Every limit of zero switches that one
check off, and only that one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from flamenco_core.durations import format_duration
from flamenco_core.statuses import WorkerStatus

GRACE = timedelta(minutes=5)
"""How long a Manager runs before it looks for the first time: workers that waited for it to come
back are given time to say so."""


class TaskLimit(StrEnum):
    """What a task that a worker has can run out of; each has its own limit."""

    SILENCE = "silence"
    """Nothing was heard of it: no update, and no question whether it may go on."""
    PROGRESS = "progress"
    """No further step was completed."""
    TOTAL = "total"
    """It has been going on for too long, whatever it reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutLimits:
    """How long is too long; zero means that there is no such limit."""

    silence: timedelta
    progress: timedelta
    total: timedelta
    worker: timedelta
    """Without any request from a worker."""

    def of_task(self, limit: TaskLimit) -> timedelta:
        allowed = {
            TaskLimit.SILENCE: self.silence,
            TaskLimit.PROGRESS: self.progress,
            TaskLimit.TOTAL: self.total,
        }
        return allowed[limit]


def may_look(running_for: timedelta) -> bool:
    """Whether a Manager that has been running for so long looks for time-outs yet."""
    return running_for >= GRACE


def cut_off(now: datetime, allowed: timedelta) -> datetime | None:
    """What last happened then, or before, has timed out; None if there is no limit."""
    return now - allowed if allowed > timedelta(0) else None


def task_sentence(limit: TaskLimit, worker_name: str, allowed: timedelta) -> str:
    """What is said of a task that timed out, as its activity and in its log."""
    time = format_duration(allowed)
    said = {
        TaskLimit.SILENCE: f"nothing was heard from worker {worker_name} about it for {time}",
        TaskLimit.PROGRESS: f"worker {worker_name} completed no further step of it in {time}",
        TaskLimit.TOTAL: f"worker {worker_name} was at it for {time}, which is the limit",
    }
    return f"Timed out: {said[limit]}"


def asked_of_lost_worker(
    status: WorkerStatus, requested: WorkerStatus | None, is_lazy: bool
) -> tuple[WorkerStatus | None, bool]:
    """What a worker that is lost from sight is to do when it comes back, and whether lazily.

    What somebody has asked of it still stands; otherwise it goes on as it was.
    """
    if requested is not None:
        return requested, is_lazy
    if status in (WorkerStatus.AWAKE, WorkerStatus.ASLEEP):
        return status, True
    return None, False
