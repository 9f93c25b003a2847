"""Actions as they are asked for, of one or of many, and what is answered of many."""

from __future__ import annotations

from dataclasses import dataclass, field

from flamenco_core.model.actions import JobAction, TaskAction, WorkerAction
from flamenco_core.model.jobs import HIGHEST_PRIORITY, LOWEST_PRIORITY
from flamenco_core.statuses import TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class JobActionRequest:
    action: JobAction
    reason: str = ""
    """Why, for whoever looks at the job later."""
    priority: int | None = field(
        default=None, metadata={"minimum": LOWEST_PRIORITY, "maximum": HIGHEST_PRIORITY}
    )
    """The new priority, with `set-priority`."""
    tag: str | None = None
    """Name of the worker tag, with `set-tag`; without it, the job may run on any worker."""
    rna_overrides: list[str] | None = None
    """The new lines, with `set-rna-overrides`."""
    leave_files: bool = False
    """With `delete`: forget the job and leave its files where they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskActionRequest:
    action: TaskAction
    reason: str = ""
    """Why, for whoever looks at the task later."""
    with_dependants: bool = True
    """Whether queueing a task again also queues what was made from its result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerActionRequest:
    action: WorkerAction
    is_lazy: bool = False
    """Whether the worker may finish its task first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsActionRequest(JobActionRequest):
    """One action for several jobs."""

    job_ids: list[str]
    preview: bool = False
    """Only say what would happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksActionRequest(TaskActionRequest):
    """One action for several tasks: those that are named, or all of a job with one status."""

    task_ids: list[str] | None = None
    job_id: str | None = None
    status: TaskStatus | None = None
    preview: bool = False
    """Only say what would happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersActionRequest(WorkerActionRequest):
    """One action for several workers."""

    worker_ids: list[str]
    preview: bool = False
    """Only say what would happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """What became of one of several, or would become of it."""

    id: str
    is_done: bool
    """Whether the action was taken; in a preview, whether it could be."""
    reason: str | None = None
    """Why not; absent if it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRefusals:
    """A reason, and of how many it is true."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionReport:
    """What became of several, or would become of them."""

    action: str
    is_preview: bool
    done: int
    """Of how many the action was taken; in a preview, of how many it could be."""
    refused: int
    refusals: list[ActionRefusals]
    """The reasons of those that were refused, the most frequent first."""
    items: list[ActionResult]
    """Each of them in the order asked for; of a whole job's tasks, the first thousand."""
