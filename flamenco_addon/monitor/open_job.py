"""Follows the one job that is open: its tasks, its actions, its image, and why nothing happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from flamenco_core.client import AccountsClient, FarmEvent, ManagerRefused
from flamenco_core.model import Job, Task
from flamenco_core.model.forecast import JobPlan, JobWhyNot
from flamenco_core.statuses import JobStatus, TaskStatus

from .follower import Follower, OpenClient, Wanted
from .tasks_board import PAGE, TaskRow, TasksBoard

TASK_FIELDS = (
    "name,status,index_in_job,priority,task_type,updated,steps_completed,steps_total,"
    "worker,activity"
)
JOB_AGE = timedelta(seconds=1)
"""A job that changes all the time is not asked for more often."""
WAITING_AGE = timedelta(seconds=10)
"""Neither is why it waits."""
_WAITING = frozenset({JobStatus.QUEUED, JobStatus.ACTIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is open."""

    job_id: str = ""
    task_id: str = ""
    """The task that is looked at; empty for none."""
    most_tasks: int = PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetails:
    """All there is to show of the open job; a new one comes with each change."""

    job: Job
    """With paths as they are on this computer."""
    tasks: tuple[TaskRow, ...] = ()
    task: Task | None = None
    """The one that is looked at."""
    why_not: JobWhyNot | None = None
    """Why nobody works on it; None while somebody does, or nobody is to."""
    plan: JobPlan | None = None
    """What comes next; along with `why_not`."""
    image: Path | None = None
    """The thumbnail of what it rendered last; another path for another image."""

    @property
    def refusals(self) -> dict[str, str]:
        """Why each action is not possible, by its name; empty for those that are."""
        return {choice.action: choice.reason or "" for choice in self.job.actions or ()}

    @property
    def task_refusals(self) -> dict[str, str]:
        actions = self.task.actions if self.task is not None else None
        return {choice.action: choice.reason or "" for choice in actions or ()}


class OpenJobFollowing(Follower):
    """Reads a job with its tasks, and keeps up with it."""

    def __init__(
        self,
        open_client: OpenClient,
        deliver: Callable[[], object],
        choice: Choice,
        *,
        platform: str,
        folder: Path,
        is_shown: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Paths come as on `platform`; images are put into `folder`.

        `is_shown` is asked on the thread, often: it must be quick and touch no Blender.
        """
        super().__init__(open_client, deliver, "open job")
        self.choice = choice
        self._platform = platform
        self._folder = folder
        self._is_shown = is_shown
        self._clock = clock
        self._board = TasksBoard()
        self._details: JobDetails | None = None
        self._has_news = False
        self._is_gone = False
        self._is_job_old = self._are_tasks_old = self._is_image_old = False
        self._task_id = ""
        self._job_read_at = self._waiting_read_at = self._image_read_at = float("-inf")
        self._images = 0

    def open_task(self, task_id: str) -> None:
        """Looks at a task of the job; on the main thread."""
        self.choice = replace(self.choice, task_id=task_id)

    def show_more(self) -> None:
        self.choice = replace(self.choice, most_tasks=self.choice.most_tasks + PAGE)
        self.reconsider()

    def take(self) -> JobDetails | None:
        """How it is now, on the main thread; None if the job does not exist any more."""
        with self._lock:
            self._taken()
            self._has_news = False
            return None if self._is_gone else self._details

    @property
    def has_details(self) -> bool:
        return self._details is not None or self._is_gone

    def has_news(self) -> bool:
        return self._has_news

    def wanted(self) -> Wanted:
        job_id = self.choice.job_id
        if self._is_gone or not self._is_shown():
            return Wanted()
        topics = (f"jobs/{job_id}", f"jobs/{job_id}/tasks", f"jobs/{job_id}/last-rendered")
        return Wanted(topics, self.choice.most_tasks)

    def read(self, client: AccountsClient) -> None:
        self._read_job(client)
        if not self._is_gone:
            self._read_tasks(client)
            self._read_task(client)
            self._read_image(client)
            self._read_waiting(client)

    def fold(self, client: AccountsClient, event: FarmEvent) -> None:
        if event.type == "job":
            self._is_job_old = True
            self._are_tasks_old |= event.data.refresh_tasks
            if event.data.was_deleted:
                self._is_gone = self._has_news = True
        elif event.type == "task":
            self._board.apply(event.data)
            self._show(tasks=self._board.rows())
            if event.data.id == self.choice.task_id:
                self._task_id = ""
        elif event.type == "tasks":
            self._are_tasks_old = True
        elif event.type == "last-rendered":
            self._is_image_old = True

    def look(self, client: AccountsClient) -> None:
        if self._is_gone:
            return
        now = self._clock()
        if self._is_job_old and now - self._job_read_at >= JOB_AGE.total_seconds():
            self._read_job(client)
        if self._are_tasks_old:
            self._read_tasks(client)
        if self.choice.task_id != self._task_id:
            self._read_task(client)
        if self._is_image_old or self._may_have_image(now):
            self._read_image(client)
        if now - self._waiting_read_at >= WAITING_AGE.total_seconds():
            self._read_waiting(client)

    def _may_have_image(self, now: float) -> bool:
        """Whether it has rendered something and shows nothing: then it is worth another look."""
        details = self._details
        if details is None or details.image is not None or not details.job.steps_completed:
            return False
        is_open = details.job.status in _WAITING
        return is_open and now - self._image_read_at >= WAITING_AGE.total_seconds()

    def _read_job(self, client: AccountsClient) -> None:
        self._job_read_at, self._is_job_old = self._clock(), False
        try:
            job = client.fetch_job(self.choice.job_id, platform=self._platform)
        except ManagerRefused as error:
            if error.status != 404:
                raise
            self._is_gone = self._has_news = True
            return
        before = self._details
        if before is None:
            self._details = JobDetails(job=job)
            self._has_news = True
            return
        self._show(job=job)
        if _is_waiting(before.job) != _is_waiting(job) or before.job.status is not job.status:
            self._read_waiting(client)
            self._task_id = ""  # what can be done with a task depends on its job

    def _read_tasks(self, client: AccountsClient) -> None:
        self._are_tasks_old = False
        limit = self._board.limit = self.choice.most_tasks
        query = {"sort": "status", "limit": str(limit), "fields": TASK_FIELDS}
        self._board.read(client.fetch_job_tasks_page(self.choice.job_id, query).tasks)
        self._show(tasks=self._board.rows())

    def _read_task(self, client: AccountsClient) -> None:
        task_id = self._task_id = self.choice.task_id
        try:
            self._show(task=client.fetch_task(task_id) if task_id else None)
        except ManagerRefused as error:
            if error.status != 404:
                raise
            self._show(task=None)

    def _read_image(self, client: AccountsClient) -> None:
        self._is_image_old, self._image_read_at = False, self._clock()
        info = client.fetch_job_last_rendered_info(self.choice.job_id)
        if info is None or not info.suffixes:
            return
        # From large to small; the one in the middle is sharp at the width of a sidebar.
        suffix = info.suffixes[len(info.suffixes) // 2]
        content = client.fetch_thumbnail(info, suffix)
        self._images += 1
        name = f"flamenco-{self.choice.job_id}-{id(self):x}-{self._images}.jpg"
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_bytes(content)
        self._show(image=self._folder / name)

    def _read_waiting(self, client: AccountsClient) -> None:
        self._waiting_read_at = self._clock()
        details = self._details
        if details is None:
            return
        why_not, plan = None, None
        if _is_waiting(details.job):
            why_not = next(client.job_why_not(self.choice.job_id))
            plan = client.job_plan(self.choice.job_id)
        if (why_not, plan) != (details.why_not, details.plan):
            self._show(why_not=why_not, plan=plan)

    def _show(self, **changes: Any) -> None:
        if self._details is not None:
            with self._lock:
                self._details = replace(self._details, **changes)
                self._has_news = True


def _is_waiting(job: Job) -> bool:
    """Whether somebody should work on it and nobody does."""
    counts = job.task_counts or {}
    return job.status in _WAITING and not counts.get(TaskStatus.ACTIVE.value)
