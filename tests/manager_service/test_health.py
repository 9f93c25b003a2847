"""What a Manager says of its writes, as its own clock sees them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco_core.manager import Manager
from manager_service.health import Health
from manager_service.write_thread import WriteThread
from tests.manager_service.running_manager import TIME_LIMIT


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[WriteThread]:
    thread = WriteThread(lambda: Manager.open(tmp_path / "farm.sqlite"))
    thread.start()
    yield thread
    thread.stop()


@pytest.mark.parametrize("has_written", [False, True])
def test_a_write_that_waits_is_told_before_it_has_ended(
    farm: WriteThread, has_written: bool
) -> None:
    now = [0.0]
    health = Health(clock=lambda: now[0])

    def told() -> list[str]:
        return [problem.what for problem in health.problems()]

    async def scenario() -> None:
        if has_written:
            await health.probe(farm)
            assert told() == []
        released = threading.Event()
        others = asyncio.create_task(farm.run(lambda _: released.wait(TIME_LIMIT)))
        probe = asyncio.create_task(health.probe(farm))
        await asyncio.sleep(0)  # both have asked
        now[0] = 12
        assert told() == ([] if has_written else ["nothing was written yet"]) + [
            "a write takes 12 s"
        ]
        now[0] = 31
        assert told() == ["the database has not answered for 31 s"]
        released.set()
        await asyncio.gather(others, probe)
        assert told() == ["a write takes 31 s"]
        await health.probe(farm)
        assert told() == []

    asyncio.run(scenario())
