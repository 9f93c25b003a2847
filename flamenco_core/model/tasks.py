"""Tasks and what they run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flamenco_core.model.actions import ActionChoice
from flamenco_core.statuses import TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    name: str
    parameters: dict[str, Any]
    total_step_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWorker:
    id: str
    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSummary:
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
    actions: list[ActionChoice] | None = None
    """What can be done with it now, and why not the rest; only if asked for."""
    activity: str | None = None
    """This and what follows only if asked for."""
    attempt: int | None = None
    last_touched: datetime | None = None
    run_seconds: float | None = None
    """How long the newest attempt took."""
    failure_class: str | None = None
    """Why the newest attempt failed, such as `out-of-memory`, if its log tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailure:
    """Why an attempt failed, as its log tells."""

    failure_class: str
    """The name of the failure class, such as `out-of-memory`."""
    sentence: str
    """What it means and what to do, for the artist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTasksSummary:
    tasks: list[TaskSummary]
    next: str | None = None
    """The `cursor` for the next page, if there is a limit and there are more than that."""
    total: int | None = None
    """How many there are on all pages, if that is known without counting them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    id: str
    created: datetime
    updated: datetime
    job_id: str
    index_in_job: int
    name: str
    status: TaskStatus
    priority: int
    task_type: str
    activity: str
    commands: list[Command]
    steps_completed: int
    steps_total: int
    worker: TaskWorker | None = None
    last_touched: datetime | None = None
    failed_by_workers: list[TaskWorker]
    attempt: int | None = None
    """How often the task has been handed out."""
    failure: TaskFailure | None = None
    """Why the newest attempt failed, if its log tells."""
    actions: list[ActionChoice] | None = None
    """What can be done with it now, and why not the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatusChange:
    status: TaskStatus
    reason: str
    with_dependants: bool = True
    """Whether queueing a task again also queues what was made from its result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLogInfo:
    task_id: str
    job_id: str
    url: str
    size: int
