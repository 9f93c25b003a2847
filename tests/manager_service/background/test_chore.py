"""What becomes of work that the Manager does by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from manager_service.background import Chore, chore

TIME_LIMIT = 30
LONG = timedelta(hours=1)


def live(scene: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(TIME_LIMIT):
            await scene()

    asyncio.run(limited())


class Work:
    """Counts how often it was done, and can be held up."""

    def __init__(self) -> None:
        self.began = asyncio.Semaphore(0)
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.count = 0

    async def __call__(self) -> str:
        self.count += 1
        self.began.release()
        await self.may_end.wait()
        return f"done {self.count}"


def test_calls_while_it_goes_on_are_one_more_time() -> None:
    async def scene() -> None:
        work = Work()
        work.may_end.clear()
        mine = Chore("mine", "Working", work)
        mine.start()
        await work.began.acquire()
        assert (mine.state.is_running, mine.state.last_duration) == (True, None)
        for _ in range(5):
            mine.due()
        work.may_end.set()
        await work.began.acquire()
        await mine.stop()
        assert (work.count, mine.state.runs, mine.state.result) == (2, 2, "done 2")

    live(scene)


def test_with_a_period_it_is_due_by_itself_and_says_when() -> None:
    async def scene() -> None:
        quick, slow = Work(), Work()
        often = Chore("often", "Working", quick, period=timedelta(milliseconds=5))
        rarely = Chore("rarely", "Working", slow, period=LONG, at_start=False)
        for each in (often, rarely):
            each.start()
        for _ in range(3):
            await quick.began.acquire()
        told = rarely.state.next_run
        assert told is not None
        assert timedelta(0) < told - datetime.now(UTC) <= LONG
        assert slow.count == 0
        for each in (often, rarely):
            await each.stop()
        assert slow.count == 0, "an end is no reason to begin"

    live(scene)


def test_what_fails_is_tried_again_after_a_while_and_not_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene() -> None:
        failed = asyncio.Event()

        async def fail() -> str:
            failed.set()
            raise OSError("the disk is full")

        mine = Chore("mine", "Working", fail)
        mine.start()
        await failed.wait()
        while mine.state.next_run is None:
            await asyncio.sleep(0)
        for _ in range(5):
            mine.due()
            await asyncio.sleep(0)
        assert (mine.state.runs, mine.state.error) == (1, "the disk is full")
        await mine.stop()

    monkeypatch.setattr(chore, "RETRY_DELAY", LONG)
    live(scene)


def test_a_mistake_of_our_own_is_told_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async def fail() -> str:
            raise ZeroDivisionError("a secret")

        mine = Chore("mine", "Working", fail)
        mine.start()
        while not mine.state.error:
            await asyncio.sleep(0)
        await mine.stop()
        assert "ZeroDivisionError" in mine.state.error
        assert "a secret" not in mine.state.error

    live(scene)
    assert "a secret" in caplog.text


def test_work_that_takes_long_is_interrupted_at_the_end() -> None:
    async def scene() -> None:
        work = Work()
        work.may_end.clear()
        mine = Chore("mine", "Working", work, interrupt=work.may_end.set)
        mine.start()
        await work.began.acquire()
        await mine.stop()
        assert not mine.state.is_running

    live(scene)
