"""Threads that follow a real Manager: nothing is lost or told twice, whatever the line does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from flamenco_addon.monitor.follower import Follower
from flamenco_addon.monitor.jobs_board import BoardChange
from flamenco_addon.monitor.jobs_following import Interest, JobsFollowing
from flamenco_addon.monitor.liveness import LivenessState, while_followed
from flamenco_addon.monitor.log_following import LogFollowing
from flamenco_addon.monitor.open_job import Choice, JobDetails, OpenJobFollowing
from flamenco_core.client import AccountsClient
from flamenco_core.statuses import JobStatus
from tests.eventually import eventually
from tests.manager_service.realtime.following import report, take_task
from tests.manager_service.realtime.interrupted_line import InterruptedLine
from tests.manager_service.running_manager import RunningManager

F = TypeVar("F", bound=Follower)
LIMIT = timedelta(seconds=120)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[RunningManager]:
    with RunningManager(tmp_path / "farm") as running:
        yield running


@pytest.fixture
def line(manager: RunningManager) -> Iterator[InterruptedLine]:
    with InterruptedLine(manager.port) as made:
        yield made


class Watched:
    """A `JobsFollowing`, and all that it has told so far."""

    def __init__(self, port: int, interest: Interest) -> None:
        self.interest = interest
        self.told = BoardChange()
        self.deliveries = 0
        self.follower = JobsFollowing(
            lambda: AccountsClient(f"http://127.0.0.1:{port}", timeout=timedelta(seconds=30)),
            self._count,
            lambda: self.interest,
        )

    def _count(self) -> None:
        self.deliveries += 1

    def look(self) -> BoardChange:
        self.told.add(self.follower.take().change)
        return self.told

    def names(self) -> list[str]:
        return [self.told.rows[job_id].name for job_id in self.look().order or ()]

    def change(self, interest: Interest) -> None:
        self.interest = interest
        self.follower.reconsider()


@contextmanager
def watched(port: int, interest: Interest) -> Iterator[Watched]:
    made = Watched(port, interest)
    with running(made.follower):
        yield made


@contextmanager
def running(follower: F) -> Iterator[F]:
    follower.start()
    try:
        yield follower
    finally:
        follower.end()
        assert follower.join(LIMIT), "the thread goes on"


SHOWN = Interest(is_list_shown=True)


def test_jobs_are_read_and_then_followed(manager: RunningManager) -> None:
    worker = manager.add_worker()
    manager.submit(name="before")
    with watched(manager.port, SHOWN) as seen:
        eventually(lambda: seen.names() == ["before"])
        manager.submit(name="after")
        eventually(lambda: seen.names() == ["after", "before"])
        task = take_task(manager, worker)
        report(manager, worker, task["uuid"], taskStatus="completed", stepsCompleted=1)
        eventually(lambda: any(row.steps_completed for row in seen.look().rows.values()))
        assert seen.follower.liveness.is_live


def test_what_happened_while_the_line_was_cut_comes_once(
    manager: RunningManager, line: InterruptedLine
) -> None:
    with watched(line.port, SHOWN) as seen:
        for number in range(4):
            line.cut()
            job = manager.submit(name=f"shot {number}")
            line.cut()
            cancel(manager, job["id"])
        eventually(lambda: len(seen.look().rows) == 4)
        eventually(
            lambda: {row.status for row in seen.look().rows.values()} == {JobStatus.CANCELED}
        )
        manager.submit(name="last")
        eventually(lambda: seen.names() == ["last", "shot 3", "shot 2", "shot 1", "shot 0"])
    ended = [row.name for row in seen.told.ended]
    assert len(ended) == len(set(ended))


def test_a_manager_that_was_away_is_caught_up_with(tmp_path: Path) -> None:
    with RunningManager(tmp_path / "farm") as first:
        line = InterruptedLine(first.port)
        job = first.submit(name="shot")
        seen = Watched(line.port, Interest(is_list_shown=True, session_jobs=frozenset({job["id"]})))
        seen.follower.start()
        eventually(lambda: seen.names() == ["shot"])
    try:
        eventually(lambda: seen.follower.liveness.state is LivenessState.AWAY)
        # First that the connection has ended, and then who it is that cannot be reached.
        eventually(lambda: "127.0.0.1" in seen.follower.liveness.reason)
        with RunningManager(tmp_path / "farm") as second:
            cancel(second, job["id"])
            line.target = second.port
            seen.follower.hurry()
            eventually(lambda: [row.status for row in seen.look().ended] == ["canceled"])
            eventually(lambda: seen.follower.liveness.is_live)
            assert seen.names() == ["shot"]
            seen.follower.end()
            assert seen.follower.join(LIMIT)
    finally:
        seen.follower.end()
        line.__exit__(None, None, None)


def test_a_manager_that_hangs_is_told_of_as_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:  # takes connections, never answers
        follower = JobsFollowing(
            lambda: AccountsClient(
                f"http://127.0.0.1:{hanging.getsockname()[1]}", timeout=timedelta(seconds=1)
            ),
            lambda: None,
            lambda: SHOWN,
        )
        with running(follower):
            eventually(lambda: follower.liveness.state is LivenessState.AWAY)
            assert "did not answer in time" in follower.liveness.reason


def test_a_connection_that_says_nothing_is_told_as_such() -> None:
    assert while_followed("", timedelta(seconds=16)).state is LivenessState.LIVE
    assert while_followed("", timedelta(seconds=21)).state is LivenessState.SILENT
    assert while_followed("it is gone", timedelta(0)).reason == "it is gone"


def test_hidden_lists_rest_and_jobs_of_this_session_are_followed(manager: RunningManager) -> None:
    job = manager.submit(name="mine")
    interest = Interest(session_jobs=frozenset({job["id"]}))
    with watched(manager.port, interest) as seen:
        eventually(lambda: set(seen.look().rows) == {job["id"]})
        other = manager.submit(name="other")
        cancel(manager, job["id"])
        eventually(lambda: [row.name for row in seen.look().ended] == ["mine"])
        assert other["id"] not in seen.told.rows
        seen.change(replace(interest, is_list_shown=True))
        eventually(lambda: set(seen.names()) == {"mine", "other"})


def test_without_anything_to_follow_the_thread_ends(manager: RunningManager) -> None:
    seen = Watched(manager.port, SHOWN)
    seen.follower.start()
    eventually(lambda: seen.follower.liveness.is_live)
    seen.change(Interest())
    assert seen.follower.join(LIMIT)


def test_a_job_that_ended_before_it_was_looked_at_is_told(manager: RunningManager) -> None:
    job = manager.submit(name="quick")
    cancel(manager, job["id"])
    eventually(lambda: manager.get(f"/jobs/{job['id']}").json["status"] == "canceled")
    with watched(manager.port, Interest(session_jobs=frozenset({job["id"]}))) as seen:
        eventually(lambda: [row.name for row in seen.look().ended] == ["quick"])


def test_the_main_thread_is_called_once_until_it_has_taken_the_news(
    manager: RunningManager,
) -> None:
    with watched(manager.port, SHOWN) as seen:
        eventually(lambda: seen.deliveries)
        for number in range(5):
            manager.submit(name=f"{number}")
        manager.submit(name="last")
        eventually(lambda: len(seen.follower._board) == 6)
        assert seen.deliveries == 1
        eventually(lambda: len(seen.names()) == 6)


class Opened:
    """An `OpenJobFollowing`."""

    def __init__(self, port: int, job_id: str, folder: Path) -> None:
        self.told = threading.Event()
        self.follower = OpenJobFollowing(
            lambda: AccountsClient(f"http://127.0.0.1:{port}"),
            self.told.set,
            Choice(job_id=job_id),
            platform="linux",
            folder=folder,
        )

    def details(self) -> JobDetails | None:
        return self.follower.take() if self.follower.has_details else None

    def until(self, what: str, **names: object) -> JobDetails:
        """Until an expression about the `job` details is true."""

        def looked() -> JobDetails | None:
            job = self.details()
            is_so = job is not None and eval(what, {}, {"job": job, **names})
            return job if is_so else None

        return eventually(looked, what)


def test_an_open_job_shows_its_tasks_failed_ones_first_with_the_reason(
    manager: RunningManager, tmp_path: Path
) -> None:
    worker = manager.add_worker()
    job = manager.submit(name="shot")
    opened = Opened(manager.port, job["id"], tmp_path)
    with running(opened.follower):
        details = opened.until("len(job.tasks) == 2 and job.plan")
        assert [task.name for task in details.tasks] == ["echo", "sleep"]
        assert details.why_not is not None
        assert details.refusals["pause"] == ""
        assert details.refusals["requeue-failed"] == "none of its tasks has failed"
        task = take_task(manager, worker)["uuid"]
        opened.until("job.why_not is None")
        opened.follower.open_task(task)
        report(manager, worker, task, log="CUDA error: out of memory", taskStatus="failed")
        details = opened.until("job.task and job.task.failure and job.tasks[0].has_failed")
        assert details.task is not None
        assert details.task.failure is not None
        assert details.task.failure.failure_class == "out-of-memory"
        assert details.tasks[0].activity.startswith(details.task.failure.sentence)
        assert details.tasks[0].worker == "worker"


def test_why_a_job_waits_is_told_as_long_as_nobody_works_on_it(
    manager: RunningManager, tmp_path: Path
) -> None:
    manager.add_worker("render-1", types=("blender",))
    opened = Opened(manager.port, manager.submit()["id"], tmp_path)
    with running(opened.follower):
        details = opened.until("job.why_not")
    assert details.why_not is not None
    assert details.why_not.reasons[0].condition == "task-type"
    assert details.plan is not None
    assert details.plan.missing_task_types == ["misc"]


def test_a_job_that_is_deleted_closes(manager: RunningManager, tmp_path: Path) -> None:
    job = manager.submit()
    opened = Opened(manager.port, job["id"], tmp_path)
    with running(opened.follower):
        opened.until("job.tasks")
        assert manager.request("DELETE", f"/jobs/{job['id']}").status == 204
        eventually(lambda: opened.follower.has_details and opened.follower.take() is None)


def test_an_open_job_of_a_hidden_panel_is_not_followed(
    manager: RunningManager, tmp_path: Path
) -> None:
    follower = OpenJobFollowing(
        lambda: AccountsClient(f"http://127.0.0.1:{manager.port}"),
        lambda: None,
        Choice(job_id=manager.submit()["id"]),
        platform="linux",
        folder=tmp_path,
        is_shown=lambda: False,
    )
    follower.start()
    assert follower.join(LIMIT)


def test_a_log_comes_whole_and_once_over_cut_lines(
    manager: RunningManager, line: InterruptedLine
) -> None:
    worker = manager.add_worker()
    manager.submit()
    task = take_task(manager, worker)["uuid"]
    report(manager, worker, task, log="before anybody looked: ü")
    follower = LogFollowing(
        lambda: AccountsClient(f"http://127.0.0.1:{line.port}"), lambda: None, task
    )
    text = ""

    def read(wanted: str) -> bool:
        nonlocal text
        while piece := follower.take():
            text += piece
        return wanted in text

    with running(follower):
        eventually(lambda: read("looked: ü\n"))
        for number in range(4):
            if number % 2:
                line.cut()
            report(manager, worker, task, log=f"line {number} äöü")
            eventually(lambda: read(f"line {number} äöü\n"))  # noqa: B023 - called at once
        report(manager, worker, task, taskStatus="completed")
        eventually(
            lambda: read("") and text.encode() == manager.get(f"/tasks/{task}/log.txt").content
        )


def cancel(manager: RunningManager, job_id: str) -> None:
    change = {"status": "cancel-requested", "reason": "a test"}
    assert manager.post(f"/jobs/{job_id}/setstatus", change).status == 204
