"""What happened on a farm, as data: published after the commit that made it true."""

from __future__ import annotations

from dataclasses import dataclass

from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of everything that `Manager.subscribe` delivers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChanged(Event):
    job_id: str
    status: JobStatus
    previous_status: JobStatus | None = None
    """None for a new job, the same as `status` if something else changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobUnsettled(Event):
    """Some tasks of a job do not know yet what they wait for; `Manager.settle` tells them."""

    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobArchived(Event):
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDeletionRequested(Event):
    """A job is on its way out; its files are erased before it is gone."""

    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDeleted(Event):
    """A job does not exist any more; this is what it was last."""

    job_id: str
    name: str
    type: str
    priority: int
    status: JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChanged(Event):
    job_id: str
    task_id: str
    status: TaskStatus
    previous_status: TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgressed(Event):
    """A task has done steps, its worker says something else of it, or one has it reserved."""

    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksChanged(Event):
    """Many tasks of one job changed in one step; read them again."""

    job_id: str
    status: TaskStatus
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksBecameReady(Event):
    """Tasks can be handed out that could not before."""

    task_class_id: int
    """Which workers can take them: those whose `WorkerMatch` has this class and the tag."""
    tag_id: int
    """0 if any worker may take them."""
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLogAppended(Event):
    task_id: str
    attempt: int
    start: int
    """Bytes of the attempt's log before this text."""
    text: str
    """Ends with a newline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRenderedChanged(Event):
    """A job has new thumbnails, and is the one of the farm that rendered an image last."""

    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRegistered(Event):
    """A worker is new on the farm, and has not signed on yet."""

    worker_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerChanged(Event):
    worker_id: str
    status: WorkerStatus
    previous_status: WorkerStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatusRequested(Event):
    """Somebody asked a worker to change its status."""

    worker_id: str
    status: WorkerStatus
    is_lazy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerDeleted(Event):
    worker_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTagsChanged(Event):
    """A worker has other tags now, and so can take other tasks."""

    worker_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerScheduleChanged(Event):
    """A worker is to sleep at other times."""

    worker_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TagChanged(Event):
    """A worker tag was made, renamed or deleted."""

    tag_id: str
    name: str
    description: str
    was_deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessChanged(Event):
    """Somebody may have lost the right to what they have open, by a log-out or a role, say.

    It does not say who, since everybody's rights are looked up anew by it.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsChanged(Event):
    """Accounts or tokens are not as a list of them showed.

    It names nobody, since what happens is told to people who may not see the accounts.
    """

    users: bool = False
    tokens: bool = False
