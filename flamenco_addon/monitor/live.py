"""What the tab shows, on the main thread: ready-made results of the threads that follow the farm.

A panel calls `seen` when it draws. While none was drawn for a while, only the jobs that were
submitted in this session are followed, and without any there is no thread at all. Everything here
but `submitted`, `open_job` and the like happens in `draw` or in a tick, and is quick.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from flamenco_core.client import AccountsClient
from flamenco_core.model import Job, Task
from flamenco_core.statuses import JobStatus

from .. import background, connection, submission_drivers
from ..farm import this_platform
from . import job_items, notices, thumbnails, words
from .jobs_board import JobRow
from .jobs_following import Interest, JobsFollowing
from .liveness import Liveness, LivenessState
from .open_job import Choice, JobDetails, OpenJobFollowing

UNSEEN = 4.0
"""Seconds after which a panel that was not drawn is hidden; shown ones are drawn every second."""
MOST_SESSION_JOBS = 50
"""So many of the jobs that were submitted last are followed to their ends."""
_TICKING = "watching"
_RESTING = Liveness(LivenessState.RESTING)


@dataclass(slots=True)
class Shown:
    """What panels read."""

    rows: dict[str, JobRow] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    """From top to bottom."""
    times: dict[str, float | None] = field(default_factory=dict)
    """Seconds left at `times_at`."""
    times_at: float = 0.0
    details: JobDetails | None = None
    """Of the open job; None while it is asked for."""
    task: Task | None = None
    """The one that is looked at."""
    open_job_id: str = ""
    open_task_id: str = ""
    liveness: Liveness = _RESTING
    details_liveness: Liveness = _RESTING
    has_read: bool = False
    """Whether the list was read at least once."""
    only_mine: bool = True
    """Whether the list has the artist's own jobs only."""

    def seconds_left(self, job_id: str) -> float | None:
        """None if it is not known, or nobody works on the job."""
        row, left = self.rows.get(job_id), self.times.get(job_id)
        if row is None or row.status is not JobStatus.ACTIVE:
            return None
        return None if left is None else max(0.0, left - (time.monotonic() - self.times_at))


@dataclass(slots=True)
class _Watching:
    """Who follows what, and why."""

    jobs: JobsFollowing | None = None
    open_job: OpenJobFollowing | None = None
    session: list[str] = field(default_factory=list)
    """The jobs that this Blender has submitted."""
    seen_at: float = float("-inf")
    url: str = ""
    folder: tempfile.TemporaryDirectory[str] | None = None

    def hurry(self) -> None:
        for follower in (self.jobs, self.open_job):
            if follower is not None:
                follower.hurry()

    def let_go(self) -> None:
        """Ends all threads, without waiting for them."""
        for follower in (self.jobs, self.open_job):
            if follower is not None:
                follower.end()
        self.jobs = self.open_job = None
        background.stop_ticking(_TICKING)

    def close_job(self) -> None:
        if self.open_job is not None:
            self.open_job.end()
            self.open_job = None

    def forget(self) -> None:
        """Ends everything, and leaves nothing behind on the disk."""
        self.let_go()
        self.session.clear()
        self.seen_at, self.url = float("-inf"), ""
        if self.folder is not None:
            self.folder.cleanup()
            self.folder = None


shown = Shown()
watching = _Watching()
on_details: list[Callable[[], object]] = []
"""Called when `shown.details` has become another one."""


def seen(context: bpy.types.Context) -> None:
    """A panel with jobs is being drawn."""
    background.shown(context)
    was_shown, watching.seen_at = _is_shown(), time.monotonic()
    if not was_shown:
        _follow()


def submitted(job_id: str) -> None:
    """This Blender has submitted a job: it is followed to its end, whatever is shown."""
    if job_id not in watching.session:
        watching.session.append(job_id)
        del watching.session[:-MOST_SESSION_JOBS]
        _follow()


def session_jobs() -> tuple[str, ...]:
    return tuple(watching.session)


def show_whose(mine: bool) -> None:
    """Lists the artist's own jobs, or everybody's."""
    shown.only_mine = mine
    shown.has_read = False
    _follow()


def try_again() -> None:
    """Asks at once, after something went wrong."""
    connection.refresh()
    watching.hurry()
    _follow()


def open_job(job_id: str) -> None:
    """Shows a job with its tasks; an empty id shows none."""
    if job_id == shown.open_job_id:
        return
    watching.close_job()
    shown.open_job_id, shown.open_task_id = job_id, ""
    shown.details = shown.task = None
    _details_changed()
    _follow()


def open_task(task_id: str) -> None:
    """Looks at a task of the open job; an empty id at none."""
    if task_id == shown.open_task_id:
        return
    shown.open_task_id, shown.task = task_id, None
    if watching.open_job is not None:
        watching.open_job.open_task(task_id)
    if task_id:
        client = connection.current().client
        background.run(lambda: _fetch_task(client(), task_id), then=_show_task, failed=_no_task)


def _fetch_task(client: AccountsClient, task_id: str) -> Task:
    with client:
        return client.fetch_task(task_id)


def _show_task(task: Task) -> None:
    if task.id == shown.open_task_id:
        shown.task = task
        background.redraw()


def _no_task(_error: Exception) -> None:
    """The thread that follows the job says how things stand, and tries again."""


def show_more_tasks() -> None:
    if watching.open_job is not None:
        watching.open_job.show_more()


def image_folder() -> Path:
    """Where thumbnails are put; gone when the extension is disabled."""
    if watching.folder is None:
        watching.folder = tempfile.TemporaryDirectory(prefix="flamenco-")
    return Path(watching.folder.name)


def _is_shown() -> bool:
    return time.monotonic() - watching.seen_at < UNSEEN


def _interest() -> Interest:
    """Asked on the thread as well."""
    return Interest(
        is_list_shown=_is_shown(),
        only_mine=shown.only_mine,
        session_jobs=frozenset(watching.session),
    )


def _follow() -> None:
    """Has threads follow what is to be followed now."""
    now = connection.current()
    if now.url != watching.url:
        watching.let_go()
        watching.url = now.url
        shown.rows, shown.order, shown.has_read = {}, [], False
        job_items.show_jobs(shown)
    if not now.url or now.condition.state in _MAY_NOT_ASK:
        return
    if watching.jobs is None or watching.jobs.is_over:
        if not (_is_shown() or watching.session):
            return
        watching.jobs = JobsFollowing(now.client, _post_jobs, _interest)
        watching.jobs.start()
    else:
        watching.jobs.reconsider()
    is_followed = watching.open_job is not None and not watching.open_job.is_over
    if shown.open_job_id and not is_followed and _is_shown():
        watching.open_job = OpenJobFollowing(
            now.client,
            _post_details,
            Choice(job_id=shown.open_job_id, task_id=shown.open_task_id),
            platform=this_platform(),
            folder=image_folder(),
            is_shown=_is_shown,
        )
        watching.open_job.start()
    background.keep_ticking(_TICKING)


_IN_TROUBLE = frozenset({LivenessState.AWAY, LivenessState.REFUSED})
_MAY_NOT_ASK = frozenset({connection.State.BAD_ADDRESS, connection.State.OFFLINE})


def _post_jobs() -> None:
    background.post(_take_jobs)


def _post_details() -> None:
    background.post(_take_details)


def _take_jobs() -> Iterator[None]:
    follower = watching.jobs
    if follower is None:
        return
    news = follower.take()
    shown.liveness = news.liveness or _RESTING
    change = news.change
    for job_id in change.gone:
        shown.rows.pop(job_id, None)
    shown.rows |= change.rows
    if news.times is not None:
        shown.times, shown.times_at = news.times, news.at
    if shown.liveness.is_live:
        shown.has_read = True
    if change.order is not None:
        shown.order = change.order
        yield
        yield from job_items.jobs_shown(shown)
    for row in change.ended:
        notices.tell(*words.ended(row), job_id=row.id)
    if follower.is_over and not watching.session:
        background.stop_ticking(_TICKING)
    background.redraw()


def _take_details() -> Iterator[None]:
    follower = watching.open_job
    if follower is None:
        return
    shown.details_liveness = follower.liveness
    if follower.has_details:
        details = follower.take()
        before = shown.details
        shown.details = details
        if details is not None and details.task and details.task.id == shown.open_task_id:
            shown.task = details.task
        if details is None:
            watching.close_job()
            shown.open_job_id = ""
        elif details.image is not None and (before is None or before.image != details.image):
            thumbnails.show(details.image)
            yield
        if before is None or details is None or before.tasks != details.tasks:
            yield from job_items.tasks_shown(shown)
        _details_changed()
    else:
        follower.take()
    background.redraw()


def _details_changed() -> None:
    for function in tuple(on_details):
        function()


def _connection_changed() -> None:
    now = connection.current()
    if now.url != watching.url or now.is_connected:
        _follow()
    if now.is_connected:
        # Such as after somebody has logged in: no need to wait for the next try.
        for follower in (watching.jobs, watching.open_job):
            if follower is not None and follower.liveness.state in _IN_TROUBLE:
                follower.hurry()


def _jobs_submitted(jobs: list[Job]) -> None:
    """Scripts without a window wait for nothing."""
    if not bpy.app.background:
        for job in jobs:
            submitted(job.id)


def register() -> None:
    connection.on_change.append(_connection_changed)
    submission_drivers.on_submitted.append(_jobs_submitted)


def unregister() -> None:
    watching.forget()
    if _connection_changed in connection.on_change:
        connection.on_change.remove(_connection_changed)
    if _jobs_submitted in submission_drivers.on_submitted:
        submission_drivers.on_submitted.remove(_jobs_submitted)
    on_details.clear()
