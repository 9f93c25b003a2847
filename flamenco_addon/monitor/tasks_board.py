"""The tasks of the job that is open: failed ones first, then those that run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flamenco_core.model import EventTaskUpdate, TaskSummary
from flamenco_core.statuses import TaskStatus

PAGE = 300
"""So many tasks are shown at first, and more of them with each wish for more."""

_PLACES: Mapping[TaskStatus, int] = MappingProxyType(
    {
        status: place
        for place, status in enumerate(
            (
                TaskStatus.FAILED,
                TaskStatus.SOFT_FAILED,
                TaskStatus.ACTIVE,
                TaskStatus.QUEUED,
                TaskStatus.PAUSED,
                TaskStatus.COMPLETED,
                TaskStatus.CANCELED,
            )
        )
    }
)
"""As the Manager orders tasks by status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """What a list shows of a task."""

    id: str
    name: str
    status: TaskStatus
    index_in_job: int
    task_type: str
    worker: str
    """Its name; empty if nobody has had the task."""
    activity: str
    """Of a failed task: why, in a sentence."""
    steps_completed: int
    steps_total: int

    @property
    def has_failed(self) -> bool:
        return self.status in (TaskStatus.FAILED, TaskStatus.SOFT_FAILED)


class TasksBoard:
    """Some of a job's tasks, as many as are to be shown."""

    def __init__(self) -> None:
        self._rows: dict[str, TaskRow] = {}
        self.limit = PAGE

    def read(self, tasks: Iterable[TaskSummary]) -> None:
        """These are the first ones."""
        self._rows = {task.id: _row_of_summary(task) for task in tasks}

    def apply(self, update: EventTaskUpdate) -> None:
        self._rows[update.id] = _row_of_event(update)

    def rows(self) -> tuple[TaskRow, ...]:
        """In order, at most `limit`."""
        ordered = sorted(
            self._rows.values(), key=lambda row: (_PLACES[row.status], row.index_in_job)
        )
        if len(ordered) > 2 * self.limit:
            self._rows = {row.id: row for row in ordered[: self.limit]}
        return tuple(ordered[: self.limit])


def _place(row: TaskRow) -> tuple[int, int]:
    return _PLACES[row.status], row.index_in_job


def _row_of_summary(task: TaskSummary) -> TaskRow:
    return TaskRow(
        id=task.id,
        name=task.name,
        status=task.status,
        index_in_job=task.index_in_job,
        task_type=task.task_type,
        worker=task.worker.name if task.worker else "",
        activity=task.activity or "",
        steps_completed=task.steps_completed,
        steps_total=task.steps_total,
    )


def _row_of_event(task: EventTaskUpdate) -> TaskRow:
    return TaskRow(
        id=task.id,
        name=task.name,
        status=task.status,
        index_in_job=task.index_in_job or 0,
        task_type=task.task_type or "",
        worker=task.worker.name if task.worker else "",
        activity=task.activity,
        steps_completed=task.steps_completed,
        steps_total=task.steps_total,
    )
