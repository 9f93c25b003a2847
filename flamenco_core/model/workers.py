"""Workers, as people see and steer them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flamenco_core.model.actions import ActionChoice
from flamenco_core.model.tasks import TaskWorker
from flamenco_core.statuses import TaskStatus, WorkerStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatusChangeRequest:
    status: WorkerStatus
    is_lazy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTag:
    id: str | None = None
    name: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTagList:
    tags: list[WorkerTag]
    next: str | None = None
    """The `cursor` for the next page, if there is a limit and there are more than that."""
    total: int | None = None
    """How many there are on all pages, if that is known without counting them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTagChangeRequest:
    tag_ids: list[str]
    """All tags that the worker is to have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSleepSchedule:
    is_active: bool
    days_of_week: str
    """Short names with blanks between them (`mo tu we`); empty for every day."""
    start_time: str
    """`HH:MM`, or empty for the beginning of the day."""
    end_time: str
    """`HH:MM`, or empty for the end of the day; before the start, it is on the day after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTask:
    """What a slot runs, or is to run next."""

    id: str
    name: str
    job_id: str
    is_reserved: bool
    """Whether it is only kept for the slot, which still runs another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSlotState:
    """One of the places of a worker at each of which one task runs at a time."""

    slot: int
    name: str
    task_types: list[str]
    capabilities: dict[str, str]
    """What it has other than the whole worker, or more; `device`, say."""
    tasks: list[SlotTask]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTask:
    """The task that a worker has, or had last."""

    id: str
    name: str
    status: TaskStatus
    job_id: str
    job_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSummary:
    id: str
    name: str
    status: WorkerStatus
    status_change: WorkerStatusChangeRequest | None = None
    last_seen: datetime | None = None
    version: str
    can_restart: bool
    actions: list[ActionChoice] | None = None
    """What can be asked of it now, and why not the rest; only if asked for."""
    status_reason: str | None = None
    """Why it has its status, if it took that by itself or was lost."""
    ip_address: str | None = None
    """This and what follows only if asked for."""
    platform: str | None = None
    capabilities: dict[str, str] | None = None
    """What its machine has, as it said: `device`, `memory_gb`, `blender` …"""
    slots: list[WorkerSlotState] | None = None
    """Of a worker that runs several tasks at a time."""
    tags: list[WorkerTag] | None = None
    task: LastTask | None = None
    """What it runs, or ran last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerList:
    workers: list[WorkerSummary]
    next: str | None = None
    """The `cursor` for the next page, if there is a limit and there are more than that."""
    total: int | None = None
    """How many there are on all pages, if that is known without counting them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTask:
    id: str
    name: str
    status: TaskStatus
    index_in_job: int
    priority: int
    task_type: str
    updated: datetime
    worker: TaskWorker | None = None
    steps_completed: int
    steps_total: int
    job_id: str
    job_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    id: str
    name: str
    status: WorkerStatus
    status_change: WorkerStatusChangeRequest | None = None
    last_seen: datetime | None = None
    version: str
    can_restart: bool
    ip_address: str
    platform: str
    supported_task_types: list[str]
    status_reason: str | None = None
    """Why it has its status, if it took that by itself or was lost."""
    capabilities: dict[str, str] | None = None
    """What its machine has, as it said: `device`, `memory_gb`, `blender` …"""
    slots: list[WorkerSlotState] | None = None
    """Of a worker that runs several tasks at a time."""
    task: WorkerTask | None = None
    tags: list[WorkerTag] | None = None
    actions: list[ActionChoice] | None = None
    """What can be asked of it now, and why not the rest."""
