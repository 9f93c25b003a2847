"""Turns of several writers, threads and event loops alike."""

from __future__ import annotations

import asyncio
import threading

from manager_service.turn import Turn
from tests.eventually import eventually

TIME_LIMIT = 30


def in_a_thread(turn: Turn, name: str, order: list[str]) -> threading.Thread:
    """Asks for a turn in a thread of its own, and returns once it has asked."""

    def take() -> None:
        with turn.taken():
            order.append(name)

    before = turn.waiting_count
    thread = threading.Thread(target=take)
    thread.start()
    eventually(lambda: turn.waiting_count > before)
    return thread


def test_who_asked_first_is_next() -> None:
    turn, order = Turn(), list[str]()
    with turn.taken():
        threads = [in_a_thread(turn, name, order) for name in ("first", "second", "third")]
        assert order == []
    for thread in threads:
        thread.join(TIME_LIMIT)
    assert order == ["first", "second", "third"]


def test_a_loop_waits_for_a_thread_and_a_thread_for_a_loop() -> None:
    turn, order = Turn(), list[str]()

    async def take() -> threading.Thread:
        async with turn.taken_on_loop():
            order.append("loop")
            return await asyncio.to_thread(in_a_thread, turn, "second thread", order)

    async def begin() -> asyncio.Task[threading.Thread]:
        with turn.taken():
            task = asyncio.create_task(take())
            await asyncio.sleep(0)
            order.append("first thread")
        return task

    async def run() -> threading.Thread:
        return await (await begin())

    asyncio.run(run()).join(TIME_LIMIT)
    assert order == ["first thread", "loop", "second thread"]


def test_who_gives_up_waiting_holds_nobody_up() -> None:
    turn, order = Turn(), list[str]()

    async def take() -> None:
        async with turn.taken_on_loop():
            order.append("given up")

    async def run() -> threading.Thread:
        with turn.taken():
            task = asyncio.create_task(take())
            await asyncio.sleep(0)
            thread = await asyncio.to_thread(in_a_thread, turn, "next", order)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return thread

    thread = asyncio.run(run())
    thread.join(TIME_LIMIT)
    assert order == ["next"]
    with turn.taken():
        order.append("and everybody after that")
    assert len(order) == 2
