"""Puts what happens within a moment together, so that it is told once.

A job whose tasks are completed a hundred times a second is one job that changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from flamenco_core.events import (
    AccountsChanged,
    Event,
    JobArchived,
    JobChanged,
    JobDeleted,
    JobDeletionRequested,
    LastRenderedChanged,
    TagChanged,
    TaskChanged,
    TaskLogAppended,
    TaskProgressed,
    TasksChanged,
    WorkerChanged,
    WorkerDeleted,
    WorkerRegistered,
    WorkerScheduleChanged,
    WorkerStatusRequested,
    WorkerTagsChanged,
)
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus
from manager_service.realtime import topics

LARGEST_LOG_PIECE = 256 * 2**10
"""Characters of one attempt's log that are told at once; of more, only the end is."""


@dataclass(slots=True)
class JobCause:
    """Why a job is told of."""

    previous_status: JobStatus | None = None
    """At the beginning of the moment, if it changed since."""
    refresh_tasks: bool = False


@dataclass(slots=True)
class Changes:
    """What changed within a moment. Each thing stands there once, with how it was before."""

    jobs: dict[str, JobCause] = field(default_factory=dict)
    deleted_jobs: list[JobDeleted] = field(default_factory=list)
    tasks: dict[str, dict[str, TaskStatus]] = field(default_factory=dict)
    """By job and task, the status before."""
    progressed: dict[str, None] = field(default_factory=dict)
    """Tasks that did steps."""
    many_tasks: dict[str, Counter[str]] = field(default_factory=dict)
    """By job, how many tasks got which status in large steps."""
    workers: dict[str, WorkerStatus | None] = field(default_factory=dict)
    tags: dict[str, TagChanged] = field(default_factory=dict)
    logs: dict[tuple[str, int], TaskLogAppended] = field(default_factory=dict)
    """By task and attempt."""
    last_rendered: dict[str, None] = field(default_factory=dict)
    users: bool = False
    tokens: bool = False
    farm_status: bool = False
    """Whether the farm as a whole may have another status."""


class Gatherer:
    """Takes events in, gives what they amount to."""

    def __init__(self, is_wanted: Callable[[str], bool]) -> None:
        """`is_wanted` tells of a topic whether anybody follows it; asked for logs only."""
        self._is_wanted = is_wanted
        self._changes = Changes()

    def take(self) -> Changes:
        """What was gathered since the last time."""
        changes, self._changes = self._changes, Changes()
        return changes

    def add(self, events: Iterable[Event]) -> bool:
        """Takes events in; returns whether any of them is to be told."""
        is_news = False
        for event in events:
            is_news |= self._add(event)
        return is_news

    def _add(self, event: Event) -> bool:
        match event:
            case TaskLogAppended():
                return self._add_log(event)
            case TaskProgressed():
                self._changes.progressed[event.task_id] = None
            case TaskChanged() | TasksChanged():
                self._add_tasks(event)
            case JobChanged() | JobArchived() | JobDeletionRequested() | JobDeleted():
                self._add_job(event)
            case LastRenderedChanged():
                self._changes.last_rendered[event.job_id] = None
            case TagChanged():
                self._changes.tags[event.tag_id] = event
            case AccountsChanged():
                self._changes.users |= event.users
                self._changes.tokens |= event.tokens
            case _:
                return self._add_worker(event)
        return True

    def _add_tasks(self, event: TaskChanged | TasksChanged) -> None:
        changes = self._changes
        cause = changes.jobs.setdefault(event.job_id, JobCause())
        if isinstance(event, TaskChanged):
            before = changes.tasks.setdefault(event.job_id, {})
            before.setdefault(event.task_id, event.previous_status)
        else:
            changes.many_tasks.setdefault(event.job_id, Counter())[event.status.value] += (
                event.count
            )
            cause.refresh_tasks = True

    def _add_job(self, event: JobChanged | JobArchived | JobDeletionRequested | JobDeleted) -> None:
        changes = self._changes
        if isinstance(event, JobDeleted):
            changes.jobs.pop(event.job_id, None)
            changes.deleted_jobs.append(event)
            return
        cause = changes.jobs.setdefault(event.job_id, JobCause())
        if isinstance(event, JobChanged) and event.status is not event.previous_status:
            changes.farm_status = True
            if event.previous_status is None:
                # A new job, or one that was compiled again: all of its tasks are new.
                cause.refresh_tasks = True
                changes.many_tasks.setdefault(event.job_id, Counter())
            if cause.previous_status is None:
                cause.previous_status = event.previous_status

    def _add_worker(self, event: Event) -> bool:
        changes = self._changes
        if isinstance(event, WorkerChanged):
            if changes.workers.get(event.worker_id) is None:
                changes.workers[event.worker_id] = event.previous_status
            changes.farm_status |= event.status is not event.previous_status
            return True
        if not isinstance(
            event,
            WorkerRegistered
            | WorkerStatusRequested
            | WorkerTagsChanged
            | WorkerScheduleChanged
            | WorkerDeleted,
        ):
            return False
        changes.workers.setdefault(event.worker_id, None)
        changes.farm_status |= isinstance(event, WorkerDeleted)
        return True

    def _add_log(self, event: TaskLogAppended) -> bool:
        if not self._is_wanted(topics.log_of_task(event.task_id)):
            return False
        key = (event.task_id, event.attempt)
        present = self._changes.logs.get(key)
        start, text = event.start, event.text
        if present is not None:
            start, text = present.start, present.text + text
        if len(text) > LARGEST_LOG_PIECE:
            kept = text[-LARGEST_LOG_PIECE:]
            kept = kept[kept.find("\n") + 1 :] or kept
            start += len(text.encode()) - len(kept.encode())
            text = kept
        self._changes.logs[key] = TaskLogAppended(
            task_id=event.task_id, attempt=event.attempt, start=start, text=text
        )
        return True
