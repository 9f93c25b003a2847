"""The statuses of jobs, tasks and workers, spelled as on the wire.

Source of the members: the enums of the Flamenco 3 Manager API. No others may appear there,
since Flamenco 3's clients refuse what they do not know. "Archived" is a time on the job and
"being cancelled" of a single task a flag, for the same reason.
"""

from __future__ import annotations

from enum import StrEnum


class JobStatus(StrEnum):
    UNDER_CONSTRUCTION = "under-construction"
    """Its tasks are still being stored; nobody gets work from it."""
    QUEUED = "queued"
    """Ready, and no task of it has started."""
    ACTIVE = "active"
    """At least one task has started."""
    COMPLETED = "completed"
    """Every task is completed."""
    FAILED = "failed"
    """Too many tasks failed; the rest was cancelled."""
    PAUSE_REQUESTED = "pause-requested"
    """Hands out nothing more; running tasks may finish."""
    PAUSED = "paused"
    """Nothing runs and nothing is handed out until somebody requeues it."""
    CANCEL_REQUESTED = "cancel-requested"
    """Its tasks are being cancelled."""
    CANCELED = "canceled"
    """A person stopped it."""
    REQUEUEING = "requeueing"
    """Its tasks are being queued again."""


class TaskStatus(StrEnum):
    QUEUED = "queued"
    """Waits for a worker."""
    ACTIVE = "active"
    """A worker has it."""
    COMPLETED = "completed"
    """Done, and what it made was verified."""
    SOFT_FAILED = "soft-failed"
    """Failed on some worker; another one may try."""
    FAILED = "failed"
    """Failed for good."""
    PAUSED = "paused"
    """Held back together with its job."""
    CANCELED = "canceled"
    """Will not be run."""


class WorkerStatus(StrEnum):
    STARTING = "starting"
    """Has signed on and has not said yet what it does."""
    AWAKE = "awake"
    """Takes tasks."""
    ASLEEP = "asleep"
    """Is there, takes no tasks."""
    ERROR = "error"
    """The Manager lost sight of it."""
    TESTING = "testing"
    """Runs a check of itself."""
    OFFLINE = "offline"
    """Its program does not run, or it has only registered."""
    RESTART = "restart"
    """Only ever requested: stop, and start again."""


class FarmStatus(StrEnum):
    ACTIVE = "active"
    """Something is being worked on."""
    IDLE = "idle"
    """Workers are awake, and there is nothing to do."""
    WAITING = "waiting"
    """There is work, and nobody is at it."""
    ASLEEP = "asleep"
    """There is nothing to do, and no worker is awake."""
    INOPERATIVE = "inoperative"
    """No worker is there."""
    STARTING = "starting"
    """The Manager has not looked yet."""
    UNKNOWN = "unknown"
    """The Manager cannot tell."""


SCHEDULABLE_TASK_STATUSES = frozenset({TaskStatus.QUEUED, TaskStatus.SOFT_FAILED})
"""A task in one of these may be handed out once nothing it depends on is unfinished."""

SCHEDULABLE_JOB_STATUSES = frozenset({JobStatus.QUEUED, JobStatus.ACTIVE})
"""A job in one of these hands out tasks."""

FINAL_JOB_STATUSES = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED})
"""A job in one of these changes no more unless a person acts."""
