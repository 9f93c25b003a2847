"""Follows the list of jobs while somebody looks at it, and else the jobs of this session."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from flamenco_core.client import AccountsClient, FarmEvent, ManagerRefused
from flamenco_core.model import Job
from flamenco_core.statuses import JobStatus, TaskStatus

from .follower import Follower, OpenClient, Wanted
from .jobs_board import BoardChange, JobRow, JobsBoard
from .liveness import Liveness
from .time_left import Pace, seconds_left

MOST_JOBS = 200
"""So many are listed, the newest ones; jobs that something happens to come in addition."""
FIELDS = (
    "name,type,status,priority,activity,created,updated,steps_completed,steps_total,settings,"
    "metadata,submitter_platform,task_counts,submitted_by,archived_at,delete_requested_at"
)
STATISTICS_AGE = timedelta(seconds=60)
"""So long a job's statistics are believed, until its pace was seen."""
TIMES_AGE = timedelta(seconds=5)
"""Between two estimates of how long jobs take."""
MOST_STATISTICS = 20
"""Jobs whose statistics are asked for at all."""
RESTING = timedelta(seconds=15)
"""Between looks while nobody looks at the list."""


@dataclass(frozen=True, slots=True)
class Interest:
    """What is to be followed."""

    is_list_shown: bool = False
    only_mine: bool = True
    session_jobs: frozenset[str] = frozenset()
    """Jobs that were submitted by this Blender and have not ended."""


@dataclass(slots=True)
class JobsNews:
    """What the main thread takes."""

    change: BoardChange = field(default_factory=BoardChange)
    times: dict[str, float | None] | None = None
    """Seconds left for the jobs that are worked on; None if there is no new estimate."""
    at: float = 0.0
    """When, by the monotonic clock."""
    liveness: Liveness | None = None


class JobsFollowing(Follower):
    """Folds what happens to jobs into a board."""

    def __init__(
        self,
        open_client: OpenClient,
        deliver: Callable[[], object],
        interest: Callable[[], Interest],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`interest` is asked on the thread, often: it must be quick and touch no Blender."""
        super().__init__(open_client, deliver, "jobs")
        self._interest = interest
        self._clock = clock
        self._board = JobsBoard()
        self._news = JobsNews()
        self._me: str | None = None
        """As jobs name their submitter; None if the Manager does not tell people apart."""
        self._mine_only = False
        self._foreign: set[str] = set()
        """Jobs that happen on the farm and are not to be listed."""
        self._paces: dict[str, Pace] = {}
        self._worked: dict[str, tuple[float, float, int]] = {}
        """When statistics of a job were read, the seconds worked, and the steps then."""
        self._estimated_at = float("-inf")

    def take(self) -> JobsNews:
        """What is new; on the main thread."""
        with self._lock:
            self._taken()
            news, self._news = self._news, JobsNews()
        news.liveness = self.liveness
        return news

    def has_news(self) -> bool:
        with self._lock:
            return bool(self._news.change) or self._news.times is not None

    def wanted(self) -> Wanted:
        interest = self._interest()
        if interest.is_list_shown:
            return Wanted(("jobs", "last-rendered"), interest.only_mine)
        return Wanted(tuple(f"jobs/{job_id}" for job_id in sorted(interest.session_jobs)))

    def patience(self) -> timedelta:
        return super().patience() if self._interest().is_list_shown else RESTING

    def read(self, client: AccountsClient) -> None:
        interest = self._interest()
        if interest.is_list_shown:
            self._read_list(client, interest)
        else:
            for job_id in interest.session_jobs:
                job = _fetch(client, job_id)
                if job is None:
                    self._board.remove(job_id)
                else:
                    self._board.add(job, is_awaited=True)
        for job_id in self._board:
            self._note_pace(self._board.row(job_id))
        self._publish()

    def _read_list(self, client: AccountsClient, interest: Interest) -> None:
        self._me = _who_am_i(client)
        self._mine_only = interest.only_mine and self._me is not None
        query = {"limit": str(MOST_JOBS), "archived": "false", "fields": FIELDS}
        if self._mine_only:
            query["submitted_by"] = str(self._me)
        jobs = {job.id: job for job in client.fetch_jobs_page(query).jobs}
        for job_id in interest.session_jobs - jobs.keys():
            found = _fetch(client, job_id)
            if found is not None:
                jobs[job_id] = found
        self._foreign.clear()
        self._board.read(jobs.values(), awaited=interest.session_jobs)

    def fold(self, client: AccountsClient, event: FarmEvent) -> None:
        if event.type == "last-rendered":
            self._board.image_changed(event.data.job_id)
        elif event.type == "job":
            if not self._board.apply(event.data):
                self._meet(client, event.data.id, was_deleted=bool(event.data.was_deleted))
            self._note_pace(self._board.row(event.data.id))

    def look(self, client: AccountsClient) -> None:
        if self._clock() - self._estimated_at >= TIMES_AGE.total_seconds():
            self._estimate(client)
        self._publish()

    def _meet(self, client: AccountsClient, job_id: str, *, was_deleted: bool) -> None:
        """A job that is not on the board: new, or older than those listed."""
        if was_deleted or job_id in self._foreign:
            return
        job = _fetch(client, job_id)
        session_jobs = self._interest().session_jobs
        if job is None or job.archived_at is not None:
            return
        if self._mine_only and job.submitted_by != self._me and job_id not in session_jobs:
            self._foreign.add(job_id)
            return
        self._board.add(job, is_awaited=job_id in session_jobs)

    def _note_pace(self, row: JobRow | None) -> None:
        if row is None:
            return
        if row.status is not JobStatus.ACTIVE or not row.tasks_with(TaskStatus.ACTIVE):
            self._paces.pop(row.id, None)
            return
        self._paces.setdefault(row.id, Pace()).note(self._clock(), row.steps_completed)

    def _estimate(self, client: AccountsClient) -> None:
        now = self._estimated_at = self._clock()
        if not self._interest().is_list_shown:
            return
        times: dict[str, float | None] = {}
        for job_id, pace in list(self._paces.items()):
            row = self._board.row(job_id)
            if row is None:
                del self._paces[job_id]
                continue
            seen = pace.seconds_per_step(now)
            worked = self._worked_on(client, row, now) if seen is None else (0.0, 0)
            times[job_id] = seconds_left(
                row.steps_total - row.steps_completed,
                seen=seen,
                worked_seconds=worked[0],
                worked_steps=worked[1],
                at_once=row.tasks_with(TaskStatus.ACTIVE),
            )
        with self._lock:
            self._news.times, self._news.at = times, now

    def _worked_on(self, client: AccountsClient, row: JobRow, now: float) -> tuple[float, int]:
        """Seconds that attempts at a job took, and how many steps they did."""
        known = self._worked.get(row.id)
        is_new = known is not None and now - known[0] < STATISTICS_AGE.total_seconds()
        if not is_new and row.steps_completed and len(self._paces) <= MOST_STATISTICS:
            try:
                seconds = client.fetch_job_statistics(row.id).run_seconds
            except ManagerRefused:
                seconds = 0.0
            known = self._worked[row.id] = (now, seconds, row.steps_completed)
        return known[1:] if known is not None else (0.0, 0)

    def _publish(self) -> None:
        change = self._board.take()
        # Other people hear of their jobs themselves.
        session_jobs = self._interest().session_jobs
        change.ended = [
            row
            for row in change.ended
            if row.id in session_jobs or (self._me is not None and row.submitted_by == self._me)
        ]
        if change:
            with self._lock:
                self._news.change.add(change)


def _who_am_i(client: AccountsClient) -> str | None:
    try:
        return client.who_am_i().actor
    except ManagerRefused as error:
        if error.status in (404, 405):
            return None
        raise


def _fetch(client: AccountsClient, job_id: str) -> Job | None:
    try:
        return client.fetch_job(job_id)
    except ManagerRefused as error:
        if error.status == 404:
            return None
        raise
