"""What a Manager tells those who follow it: the contents of its events.

The classes and fields are those of Flamenco 3's events. What it does not have is optional.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flamenco_core.model.jobs import JobLastRenderedImageInfo
from flamenco_core.model.tasks import TaskWorker
from flamenco_core.model.workers import LastTask, WorkerStatusChangeRequest, WorkerTag
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus


class LifeCycleEventType(StrEnum):
    MANAGER_STARTUP = "manager-startup"
    """The Manager has started."""
    MANAGER_SHUTDOWN = "manager-shutdown"
    """The Manager is about to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLifeCycle:
    type: LifeCycleEventType


@dataclass(frozen=True, slots=True, kw_only=True)
class EventJobUpdate:
    """What a row of a list of jobs shows."""

    id: str
    name: str | None = None
    updated: datetime
    status: JobStatus
    previous_status: JobStatus | None = None
    """Only if the status is another one now."""
    type: str
    priority: int
    refresh_tasks: bool
    """Whether its tasks are new, or so many of them changed that they are better read again."""
    steps_completed: int
    steps_total: int
    delete_requested_at: datetime | None = None
    was_deleted: bool | None = None
    """The job does not exist any more; the rest is what it was last."""
    activity: str | None = None
    worker_tag: str | None = None
    archived_at: datetime | None = None
    task_counts: dict[str, int] | None = None
    """How many tasks have each status; statuses without a task are left out."""
    stranded_task_types: list[str] | None = None
    """Types of its ready tasks that no worker of the farm may take; absent if there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTaskUpdate:
    """What a row of a list of tasks shows."""

    id: str
    job_id: str
    worker: TaskWorker | None = None
    name: str
    updated: datetime
    status: TaskStatus
    previous_status: TaskStatus | None = None
    """Only if the status is another one now."""
    activity: str
    steps_completed: int
    steps_total: int
    index_in_job: int | None = None
    priority: int | None = None
    task_type: str | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTasksUpdate:
    """Many tasks of a job changed at once: read them again. Not known to Flamenco 3."""

    job_id: str
    changed: dict[str, int]
    """How many tasks got each status; empty if all of them are new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTaskLogUpdate:
    """Text that was added to the log of a task."""

    task_id: str
    log: str
    attempt: int | None = None
    start: int | None = None
    """Bytes of the attempt's log before this text. Text that lies before this place and was not
    sent has to be read: it was too much for one event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLastRenderedUpdate:
    job_id: str
    thumbnail: JobLastRenderedImageInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWorkerUpdate:
    """What a row of a list of workers shows."""

    id: str
    name: str
    updated: datetime
    last_seen: datetime | None = None
    status: WorkerStatus
    previous_status: WorkerStatus | None = None
    """Only if the status is another one now."""
    status_reason: str | None = None
    status_change: WorkerStatusChangeRequest | None = None
    version: str
    deleted_at: datetime | None = None
    can_restart: bool
    tags: list[WorkerTag] | None = None
    task: LastTask | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWorkerTagUpdate:
    tag: WorkerTag
    was_deleted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventAccountsUpdate:
    """What changed has to be read again by those who may; nobody is named. Not known to
    Flamenco 3.
    """

    users: bool
    """Accounts: made, changed, deleted, or logged in to."""
    tokens: bool
    """Tokens: made, used or revoked."""
