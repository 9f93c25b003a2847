"""The write thread with a real farm file: groups, failures that stay alone, a disk that is full."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.errors import Conflict, FarmLocked, Unavailable
from flamenco_core.events import Event
from flamenco_core.manager import Manager
from flamenco_core.model import RegisteredWorker, WorkerRegistration
from manager_service.write_thread import GroupLimits, WriteThread
from tests.flamenco_core.farms import awake_worker, compiled_job, statuses, store

TIME_LIMIT = 30
NO_HURRY = timedelta(seconds=TIME_LIMIT)


class Farm:
    """A write thread whose work can be held up, so that a test decides what comes together."""

    def __init__(self, file: Path, limits: GroupLimits) -> None:
        self.file = file
        self.events: list[Event] = []
        self.thread = WriteThread(self._open, limits=limits)
        self.thread.start()

    def _open(self) -> Manager:
        manager = Manager.open(self.file)
        manager.subscribe(self.events.extend)
        return manager

    def together(self, *functions: Callable[[Manager], Any]) -> list[Any]:
        """Runs functions as one group; returns what each returned or raised."""
        entered, go_on = threading.Event(), threading.Event()

        def hold_up(_: Manager) -> None:
            entered.set()
            assert go_on.wait(TIME_LIMIT)

        async def ask() -> list[Any]:
            held = asyncio.create_task(self.thread.run(hold_up))
            assert await asyncio.to_thread(entered.wait, TIME_LIMIT)
            tasks = [asyncio.create_task(self.thread.run(function)) for function in functions]
            await asyncio.sleep(0)  # each task queues its function in its first turn
            go_on.set()
            await held
            return await asyncio.gather(*tasks, return_exceptions=True)

        return asyncio.run(ask())

    def workers(self) -> list[str]:
        """The names of the workers that are on disk, sorted; one that is there twice, twice."""
        with sqlite3.connect(f"{self.file.as_uri()}?mode=ro", uri=True) as db:
            names = sorted(name for (name,) in db.execute("SELECT name FROM workers"))
        db.close()
        return names


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    farm = Farm(tmp_path / "farm.sqlite", GroupLimits(count=5, time=NO_HURRY))
    yield farm
    farm.thread.stop()


def register(name: str) -> Callable[[Manager], RegisteredWorker]:
    registration = WorkerRegistration(
        name=name, secret="secret", platform="linux", supported_task_types=["misc"]
    )
    return lambda manager: manager.register_worker(registration, address="::1")


def limit_pages(more: int) -> Callable[[Manager], None]:
    """Lets the file grow by so many pages only: SQLite then acts as if the disk were full.

    The small cache makes it write before the commit, as a large transaction does anyway.
    """

    def limit(manager: Manager) -> None:
        manager._db.execute("PRAGMA cache_size = 10")
        pages = manager._db.execute("PRAGMA page_count").fetchone()[0]
        manager._db.execute(f"PRAGMA max_page_count = {pages + more}")

    return limit


def lift_limit(manager: Manager) -> None:
    manager._db.execute("PRAGMA max_page_count = 1073741823")


def register_many(manager: Manager) -> None:
    """Needs many new pages."""
    for number in range(50):
        register(f"{number}" * 1000)(manager)


def test_what_waits_becomes_one_transaction(farm: Farm) -> None:
    before = farm.thread.statistics.groups
    farm.together(*(register(f"worker {number}") for number in range(4)))
    assert farm.thread.statistics.largest_group == 5  # with the one that held it up
    assert farm.thread.statistics.groups == before + 1
    assert farm.workers() == [f"worker {number}" for number in range(4)]


def test_a_group_has_no_more_requests_than_the_limit(farm: Farm) -> None:
    farm.together(*(register(f"worker {number}") for number in range(11)))
    assert farm.thread.statistics.largest_group == 5
    assert farm.thread.statistics.groups == 3
    assert len(farm.workers()) == 11


def test_a_group_is_closed_when_its_time_is_up(tmp_path: Path) -> None:
    farm = Farm(tmp_path / "farm.sqlite", GroupLimits(time=timedelta(0)))
    farm.together(register("one"), register("two"))
    assert farm.thread.statistics.largest_group == 1
    farm.thread.stop()


def test_a_request_that_comes_alone_does_not_wait_for_others(farm: Farm) -> None:
    worker = farm.thread.call(register("alone"))
    assert worker.name == "alone"
    assert farm.thread.statistics.groups == 1


def test_a_request_that_fails_half_way_is_undone_alone(farm: Farm) -> None:
    def fail(manager: Manager) -> None:
        register("undone")(manager)
        raise Conflict("on second thoughts")

    answers = farm.together(register("before"), fail, register("after"))
    assert isinstance(answers[1], Conflict)
    assert farm.workers() == ["after", "before"]
    assert farm.thread.statistics.repeated == 3


def test_a_request_that_is_refused_before_it_changes_anything_repeats_no_other(
    farm: Farm,
) -> None:
    def refuse(_: Manager) -> None:
        raise Conflict("that is not possible")

    answers = farm.together(register("before"), refuse, register("after"))
    assert isinstance(answers[1], Conflict)
    assert farm.workers() == ["after", "before"]
    assert farm.thread.statistics.repeated == 0


def test_what_a_request_tries_and_takes_back_repeats_no_other(farm: Farm) -> None:
    def foresee(manager: Manager) -> str:
        worker = awake_worker(manager, "blender")
        job = store(manager, compiled_job(1))
        assert len(manager.plan([worker])) == 1
        return statuses(manager, job)[0]

    assert farm.together(register("before"), foresee, register("after"))[1] == "queued"
    assert farm.thread.statistics.repeated == 0


def test_a_bug_in_one_request_is_raised_to_its_asker_only(farm: Farm) -> None:
    def fail(manager: Manager) -> None:
        manager._db.execute("INSERT INTO no_such_table VALUES (1)")

    answers = farm.together(fail, register("other"))
    assert isinstance(answers[0], sqlite3.OperationalError)
    assert farm.workers() == ["other"]


def test_a_full_disk_in_one_request_fails_that_one_and_repeats_the_others(farm: Farm) -> None:
    # The error ends the whole transaction, also for those that had succeeded before.
    answers = farm.together(limit_pages(2), register("before"), register_many)
    assert answers[1].name == "before"
    assert isinstance(answers[2], Unavailable)
    assert farm.workers() == ["before"]
    assert farm.thread.statistics.repeated == 4
    farm.thread.call(lift_limit)
    assert farm.thread.call(register("later")).name == "later"


def test_requests_behind_one_that_ended_the_transaction_are_carried_out(farm: Farm) -> None:
    answers = farm.together(limit_pages(2), register_many, register("after"))
    assert isinstance(answers[1], Unavailable)
    assert answers[2].name == "after"
    assert farm.workers() == ["after"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of file sizes")
def test_a_disk_that_fails_at_the_commit_loses_nothing_that_was_answered(farm: Farm) -> None:
    import resource

    log = farm.file.with_name(f"{farm.file.name}-wal")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_disk(_: Manager) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, hard))

    try:
        answers = farm.together(fill_disk, register("first"), register("second"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [type(answer) for answer in answers[1:]] == [Unavailable, Unavailable]
    assert farm.workers() == []
    assert farm.thread.call(register("later")).name == "later"
    assert farm.workers() == ["later"]


def test_when_the_commit_fails_each_request_is_tried_alone(farm: Farm) -> None:
    """A foreign key that is checked at the commit lets exactly that statement fail."""

    def break_at_commit(manager: Manager) -> None:
        manager._db.execute("PRAGMA defer_foreign_keys = ON")
        manager._db.execute("INSERT INTO worker_tags (worker_id, tag_id) VALUES (998, 999)")

    answers = farm.together(register("before"), break_at_commit, register("after"))
    assert answers[0].name == "before"
    assert isinstance(answers[1], sqlite3.IntegrityError)
    assert answers[2].name == "after"
    assert farm.workers() == ["after", "before"]


def test_nothing_of_a_group_that_was_not_stored_is_published_twice(farm: Farm) -> None:
    worker = farm.thread.call(register("worker"))

    def sign_off(manager: Manager) -> None:
        manager.sign_off(worker.uuid)

    farm.events.clear()
    farm.together(limit_pages(2), sign_off, register_many)
    assert len(farm.events) == 1


def test_a_database_that_another_program_holds_is_unavailable_and_then_works(farm: Farm) -> None:
    farm.thread.call(lambda manager: manager._db.execute("PRAGMA busy_timeout = 0").close())
    with sqlite3.connect(farm.file, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            farm.thread.call(register("too early"))
        other.execute("ROLLBACK")
    other.close()
    assert farm.thread.call(register("in time")).name == "in time"
    assert farm.workers() == ["in time"]


def test_an_answer_comes_only_after_the_commit(farm: Farm) -> None:
    seen: list[list[str]] = []

    async def ask() -> None:
        await farm.thread.run(register("stored"))
        seen.append(farm.workers())

    asyncio.run(ask())
    assert seen == [["stored"]]


def test_stopping_carries_out_what_is_queued_and_refuses_what_comes_later(farm: Farm) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def hold_up(_: Manager) -> None:
        entered.set()
        assert go_on.wait(TIME_LIMIT)

    async def scenario() -> list[Any]:
        held = asyncio.create_task(farm.thread.run(hold_up))
        assert await asyncio.to_thread(entered.wait, TIME_LIMIT)
        queued = [asyncio.create_task(farm.thread.run(register(f"{n}"))) for n in range(7)]
        await asyncio.sleep(0)
        stopping = asyncio.create_task(asyncio.to_thread(farm.thread.stop))
        while not farm.thread._queue.closed:
            await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await farm.thread.run(register("too late"))
        go_on.set()
        await stopping
        await held
        return await asyncio.gather(*queued)

    assert len(asyncio.run(scenario())) == 7
    assert farm.workers() == [f"{n}" for n in range(7)]


def test_an_asker_that_has_gone_does_not_disturb_the_others(farm: Farm) -> None:
    async def scenario() -> RegisteredWorker:
        gone = asyncio.create_task(farm.thread.run(register("gone")))
        await asyncio.sleep(0)
        gone.cancel()
        return await farm.thread.run(register("there"))

    assert asyncio.run(scenario()).name == "there"


def test_a_farm_that_cannot_be_opened_is_reported_by_start(farm: Farm) -> None:
    # Another opener in the same process stands for another program: the lock is per opened file.
    second = WriteThread(lambda: Manager.open(farm.file))
    with pytest.raises(FarmLocked):
        second.start()
    with pytest.raises(Unavailable):
        second.call(register("nobody"))
    second.stop()
