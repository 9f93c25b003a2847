"""Which task a worker gets next.

The order is total: job priority, then age of the job, then task priority, then the task's index
in its job. The store walks indexes in that order; this module says what the order is, joins
several walks into one, and decides what an asking worker is told before any task is looked for.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

from flamenco_core.statuses import WorkerStatus

RESERVATION = timedelta(minutes=1)
"""How long a prefetched task is kept for its slot."""

NO_TAG = 0
"""The tag id of jobs that any worker may work on."""


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job with ready tasks of one task class."""

    priority: int
    job_id: int
    """Grows with each submission, so that a lower one is an older job."""
    task_class_id: int


@dataclass(frozen=True, slots=True)
class ReadyTask:
    """The first ready task of a job in one task class."""

    task_id: int
    priority: int
    index_in_job: int


def jobs_in_order(streams: Iterable[Iterable[QueuedJob]]) -> Iterator[QueuedJob]:
    """Joins streams that are each in scheduling order; takes from them only what is asked for."""
    return heapq.merge(*streams, key=lambda job: (-job.priority, job.job_id))


class InJob(Protocol):
    """A task as the order inside its job sees it."""

    @property
    def priority(self) -> int: ...
    @property
    def index_in_job(self) -> int: ...


T = TypeVar("T", bound=InJob)


def first_task(candidates: Iterable[T]) -> T | None:
    """The task of one job that goes first."""
    return min(candidates, key=lambda task: (-task.priority, task.index_in_job), default=None)


@dataclass(frozen=True, slots=True)
class MustChangeStatus:
    """The worker is to take this status before it gets a task."""

    status: WorkerStatus


@dataclass(frozen=True, slots=True)
class NotAwake:
    """The worker may not ask for tasks in the status it has."""

    status: WorkerStatus


def gate(
    status: WorkerStatus, status_requested: WorkerStatus | None
) -> MustChangeStatus | NotAwake | None:
    """What a worker that asks for a task is told first; None if it may have one."""
    if status_requested is not None:
        return MustChangeStatus(status_requested)
    if status is not WorkerStatus.AWAKE:
        return NotAwake(status)
    return None
