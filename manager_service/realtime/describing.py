"""Makes messages of what changed, with what the farm holds now: a message is never old news.

Runs on a thread of its own, with a connection of its own, so that no long list holds it up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any

import orjson

from flamenco_core import wire
from flamenco_core.model import (
    EventAccountsUpdate,
    EventLastRenderedUpdate,
    EventTaskLogUpdate,
    EventWorkerTagUpdate,
    WorkerTag,
)
from flamenco_core.rules.farm_status import farm_status
from flamenco_core.statuses import FarmStatus, TaskStatus
from flamenco_core.store.reader import FarmReader
from manager_service.api.last_rendered import thumbnails_of
from manager_service.realtime import topics
from manager_service.realtime.gathering import Changes, JobCause

INDIVIDUAL_TASKS = 200
"""So many tasks of a job are told of one by one; of more, only how many they are."""

_NEVER = "0001-01-01T00:00:00Z"
"""The time that a deleted job was changed last; Flamenco 3 sends the same."""


class MessageType(StrEnum):
    """What the data of a message is."""

    FARM_STATUS = "farm-status"
    """`FarmStatusReport`"""
    LIFE_CYCLE = "life-cycle"
    """`EventLifeCycle`"""
    JOB = "job"
    """`EventJobUpdate`"""
    TASK = "task"
    """`EventTaskUpdate`"""
    TASKS = "tasks"
    """`EventTasksUpdate`"""
    TASK_LOG = "task-log"
    """`EventTaskLogUpdate`"""
    LAST_RENDERED = "last-rendered"
    """`EventLastRenderedUpdate`"""
    WORKER = "worker"
    """`EventWorkerUpdate`"""
    TAG = "tag"
    """`EventWorkerTagUpdate`"""
    ACCOUNTS = "accounts"
    """`EventAccountsUpdate`"""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell, to those who follow any of its topics."""

    type: MessageType
    topics: tuple[str, ...]
    data: bytes
    """JSON."""


def message(type_: MessageType, about: tuple[str, ...], data: Any) -> Message:
    """`data` is of the model, or a row in the form of the wire."""
    content = data if isinstance(data, dict) else wire.to_json(data)
    return Message(type_, about, orjson.dumps(content))


class Describer:
    """Remembers the farm's status, so that it is told only when it is another one."""

    def __init__(self, open_reader: Callable[[], FarmReader]) -> None:
        self._open_reader = open_reader
        self._reader: FarmReader | None = None
        self._farm_status: FarmStatus | None = None

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def describe(self, changes: Changes, wanted: Set[str]) -> list[Message]:
        """What there is to tell to those who follow the `wanted` topics."""
        if self._reader is None:
            self._reader = self._open_reader()
        with self._reader.at_one_moment():
            return self._describe(self._reader, changes, wanted)

    def _describe(self, reader: FarmReader, changes: Changes, wanted: Set[str]) -> list[Message]:
        messages = [*_Round(reader, changes, wanted).messages()]
        if topics.FARM in wanted and (changes.farm_status or self._farm_status is None):
            status = farm_status(reader.worker_statuses(), reader.unfinished_job_statuses())
            if status is not self._farm_status:
                self._farm_status = status
                about = (topics.FARM,)
                messages.append(message(MessageType.FARM_STATUS, about, {"status": status}))
        if topics.FARM not in wanted:
            self._farm_status = None
        return messages


class _Round:
    """The messages about one moment's changes."""

    def __init__(self, reader: FarmReader, changes: Changes, wanted: Set[str]) -> None:
        self._reader = reader
        self._changes = changes
        self._wanted = wanted
        self._task_messages: list[Message] = []

    def messages(self) -> Iterator[Message]:
        """In an order that suits readers: a job before its tasks, a task before its log."""
        # First, since tasks that did steps tell which jobs and workers did.
        self._describe_tasks()
        yield from self._jobs()
        yield from self._task_messages
        yield from self._logs()
        yield from self._workers()
        yield from self._tags()
        yield from self._last_rendered()
        yield from self._accounts()

    def _is_wanted(self, about: tuple[str, ...]) -> bool:
        return any(topic in self._wanted for topic in about)

    def _describe_tasks(self) -> None:
        changes = self._changes
        if not any(_is_of_jobs_or_workers(topic) for topic in self._wanted):
            return
        told: set[str] = set()
        for job_id, before in changes.tasks.items():
            told |= before.keys()
            if len(before) > INDIVIDUAL_TASKS:
                self._count_tasks(job_id, before)
            else:
                for task_id, previous in before.items():
                    self._describe_task(task_id, previous)
        for task_id in changes.progressed:
            if task_id not in told:
                self._describe_task(task_id, None)
        for job_id, counts in changes.many_tasks.items():
            about = (topics.TASKS, topics.tasks_of_job(job_id))
            if self._is_wanted(about):
                data = {"job_id": job_id, "changed": dict(counts)}
                self._task_messages.append(message(MessageType.TASKS, about, data))

    def _count_tasks(self, job_id: str, before: dict[str, TaskStatus]) -> None:
        """Counts tasks instead of telling of each."""
        counts = self._changes.many_tasks.setdefault(job_id, Counter())
        for task_id in before:
            task = self._reader.event_of_task(task_id)
            if task is not None:
                counts[task["status"]] += 1
                self._follow_worker(task)
        self._changes.jobs.setdefault(job_id, JobCause()).refresh_tasks = True

    def _describe_task(self, task_id: str, previous: TaskStatus | None) -> None:
        task = self._reader.event_of_task(task_id)
        if task is None:
            return
        self._changes.jobs.setdefault(task["job_id"], JobCause())
        self._follow_worker(task)
        about = (topics.TASKS, topics.tasks_of_job(task["job_id"]))
        if self._is_wanted(about):
            data = _with_previous(task, previous)
            self._task_messages.append(message(MessageType.TASK, about, data))

    def _follow_worker(self, task: dict[str, Any]) -> None:
        """A worker shows its task, and so changes with it."""
        worker_id = task["worker"]["id"]
        if worker_id:
            self._changes.workers.setdefault(worker_id, None)

    def _jobs(self) -> Iterator[Message]:
        for job_id, cause in self._changes.jobs.items():
            about = (topics.JOBS, topics.of_job(job_id))
            if not self._is_wanted(about):
                continue
            job = self._reader.event_of_job(job_id)
            if job is not None:
                job["refresh_tasks"] = cause.refresh_tasks
                data = _with_previous(job, cause.previous_status)
                yield message(MessageType.JOB, about, data)
        for deleted in self._changes.deleted_jobs:
            about = (topics.JOBS, topics.of_job(deleted.job_id))
            if self._is_wanted(about):
                data = {
                    "id": deleted.job_id,
                    "name": deleted.name,
                    "updated": _NEVER,
                    "status": deleted.status,
                    "type": deleted.type,
                    "priority": deleted.priority,
                    "refresh_tasks": False,
                    "steps_completed": 0,
                    "steps_total": 0,
                    "was_deleted": True,
                }
                yield message(MessageType.JOB, about, data)

    def _logs(self) -> Iterator[Message]:
        for log in self._changes.logs.values():
            update = EventTaskLogUpdate(
                task_id=log.task_id, log=log.text, attempt=log.attempt, start=log.start
            )
            yield message(MessageType.TASK_LOG, (topics.log_of_task(log.task_id),), update)

    def _workers(self) -> Iterator[Message]:
        for worker_id, previous in self._changes.workers.items():
            about = (topics.WORKERS, topics.of_worker(worker_id))
            worker = self._reader.event_of_worker(worker_id) if self._is_wanted(about) else None
            if worker is not None:
                yield message(MessageType.WORKER, about, _with_previous(worker, previous))

    def _tags(self) -> Iterator[Message]:
        for tag in self._changes.tags.values():
            form = WorkerTag(id=tag.tag_id, name=tag.name, description=tag.description or None)
            update = EventWorkerTagUpdate(tag=form, was_deleted=tag.was_deleted or None)
            yield message(MessageType.TAG, (topics.TAGS,), update)

    def _last_rendered(self) -> Iterator[Message]:
        for job_id in self._changes.last_rendered:
            about = (topics.LAST_RENDERED, topics.last_rendered_of_job(job_id))
            if self._is_wanted(about):
                update = EventLastRenderedUpdate(job_id=job_id, thumbnail=thumbnails_of(job_id))
                yield message(MessageType.LAST_RENDERED, about, update)

    def _accounts(self) -> Iterator[Message]:
        about = (topics.ACCOUNTS,)
        users, tokens = self._changes.users, self._changes.tokens
        if (users or tokens) and self._is_wanted(about):
            update = EventAccountsUpdate(users=users, tokens=tokens)
            yield message(MessageType.ACCOUNTS, about, update)


def _is_of_jobs_or_workers(topic: str) -> bool:
    """Whether those who follow a topic hear of tasks, or of jobs or workers through them."""
    if "/" not in topic:
        return topic in (topics.JOBS, topics.TASKS, topics.WORKERS)
    return not topic.startswith("tasks/")


def _with_previous(content: dict[str, Any], previous: Enum | None) -> dict[str, Any]:
    """The status before, if it is another one now."""
    if previous is None or previous.value == content["status"]:
        return content
    return {**content, "previous_status": previous.value}
