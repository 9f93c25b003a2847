"""How followers are served by the hub itself, on a real farm file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from flamenco_core.errors import StorageError
from flamenco_core.manager import Manager
from flamenco_core.store.reader import FarmReader
from manager_service.realtime import hub as hub_module
from manager_service.realtime.hub import Follower, Hub
from manager_service.realtime.ring import Numbered
from tests.flamenco_core.farms import compiled_job, store

TIME_LIMIT = 20
JOBS = frozenset({"jobs"})


class Listener(Follower):
    """Keeps what it is given."""

    written = 0
    """How often messages were written for any listener."""

    def __init__(self) -> None:
        super().__init__(write)
        self.frames: list[bytes] = []
        self.lost: list[frozenset[str]] = []
        self.is_closed = False

    def deliver(self, frames: Sequence[bytes]) -> None:
        self.frames += frames

    def lose_track(self, about: frozenset[str]) -> None:
        self.lost.append(about)

    async def close(self) -> None:
        self.is_closed = True


def write(_hub: Hub, messages: Sequence[Numbered]) -> Sequence[bytes]:
    Listener.written += 1
    return [each.message.data for each in messages]


@asynccontextmanager
async def running(manager: Manager, open_reader: Callable[[], FarmReader]) -> AsyncIterator[Hub]:
    made = Hub(open_reader)
    manager.subscribe(made.on_events)
    made.start(manager.farm_id)
    try:
        yield made
    finally:
        await made.stop()


def listener_of(hub: Hub) -> Listener:
    made = Listener()
    assert hub.join(made)
    hub.change_topics(made, JOBS)
    return made


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(TIME_LIMIT):
        while not is_so():
            await asyncio.sleep(0.005)


def test_what_many_follow_is_written_once(tmp_path: Path) -> None:
    async def follow(manager: Manager) -> None:
        async with running(manager, manager.reader) as hub:
            listeners = [listener_of(hub) for _ in range(100)]
            Listener.written = 0
            store(manager, compiled_job(1))
            await until(lambda: all(each.frames for each in listeners))
            assert Listener.written == 1
            assert all(each.frames[-1] is listeners[0].frames[-1] for each in listeners)
        assert all(each.is_closed for each in listeners)

    with Manager.open(tmp_path / "farm.sqlite") as manager:
        asyncio.run(follow(manager))


def test_when_something_cannot_be_told_everybody_reads_again_and_the_rest_is_told(
    tmp_path: Path,
) -> None:
    failures = [StorageError("the disk is away for a moment")]

    async def follow(manager: Manager) -> None:
        def open_reader() -> FarmReader:
            if failures:
                raise failures.pop()
            return manager.reader()

        async with running(manager, open_reader) as hub:
            listener = listener_of(hub)
            before = hub.last_id
            store(manager, compiled_job(1))
            await until(lambda: listener.lost)
            assert listener.lost == [JOBS]
            assert hub.missed(JOBS, before) == ([], JOBS)
            after = hub.last_id
            told = store(manager, compiled_job(1))
            await until(lambda: any(told.encode() in frame for frame in listener.frames))
            missed, unknown = hub.missed(JOBS, after)
            assert (len(missed), unknown) == (1, frozenset())

    with Manager.open(tmp_path / "farm.sqlite") as manager:
        asyncio.run(follow(manager))


def test_there_is_a_limit_to_followers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def follow(manager: Manager) -> None:
        async with running(manager, manager.reader) as hub:
            monkeypatch.setattr(hub_module, "MOST_FOLLOWERS", 2)
            first, _second = listener_of(hub), listener_of(hub)
            assert not hub.join(Listener())
            hub.leave(first)
            assert hub.join(Listener())

    with Manager.open(tmp_path / "farm.sqlite") as manager:
        asyncio.run(follow(manager))


def test_what_happened_while_nobody_followed_is_not_told_later(tmp_path: Path) -> None:
    async def follow(manager: Manager) -> None:
        async with running(manager, manager.reader) as hub:
            before = store(manager, compiled_job(1))
            listener = listener_of(hub)
            after = store(manager, compiled_job(1))
            await until(lambda: any(after.encode() in frame for frame in listener.frames))
            assert not any(before.encode() in frame for frame in listener.frames)

    with Manager.open(tmp_path / "farm.sqlite") as manager:
        asyncio.run(follow(manager))
