"""The watched configuration: changes whose asker goes away, and looks that fail."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.config import Config, load_config
from manager_service.settings.live_configuration import LiveConfiguration
from manager_service.threads import Threads
from tests.manager_service.running_manager import TIME_LIMIT

FILE = "flamenco-manager.yaml"


@pytest.mark.parametrize("awaited_first", range(8))
def test_a_change_is_made_whole_or_not_at_all_when_its_asker_goes_away(
    tmp_path: Path, awaited_first: int
) -> None:
    taken_over: list[str] = []

    async def take_over(config: Config) -> None:
        await asyncio.sleep(0)
        taken_over.append(config.manager_name)

    async def live() -> None:
        threads = Threads("files", 1)
        (tmp_path / FILE).write_text("manager_name: Before\n", encoding="utf-8")
        config = load_config(tmp_path / FILE, environment={})
        configuration = LiveConfiguration(config, threads, take_over, environment={})
        await configuration.look()
        asking = asyncio.create_task(configuration.replace("manager_name: After\n"))
        for _ in range(awaited_first):
            await threads.run(lambda: None)
        asking.cancel()
        await asyncio.wait([asking])
        await configuration.stop()
        threads.close()
        written = (tmp_path / FILE).read_text(encoding="utf-8")
        name = written.removeprefix("manager_name: ").strip()
        assert taken_over[-1] == name
        assert configuration.running.manager_name == name

    asyncio.run(live())


def test_the_file_is_watched_also_after_a_look_that_failed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tried: list[str] = []

    async def take_over(config: Config) -> None:
        tried.append(config.manager_name)
        if config.manager_name == "Bad":
            raise OSError("the network drive is gone")

    async def until_tried(name: str) -> None:
        async with asyncio.timeout(TIME_LIMIT):
            while name not in tried:
                await asyncio.sleep(0.01)

    async def live() -> None:
        threads = Threads("files", 1)
        file = tmp_path / FILE
        file.write_text("manager_name: Before\n", encoding="utf-8")
        config = load_config(file, environment={})
        often = timedelta(milliseconds=10)
        configuration = LiveConfiguration(
            config, threads, take_over, environment={}, look_period=often
        )
        await configuration.start()
        file.write_text("manager_name: Bad\n", encoding="utf-8")
        await until_tried("Bad")
        file.write_text("manager_name: After this\n", encoding="utf-8")
        await until_tried("After this")
        await configuration.stop()
        threads.close()

    asyncio.run(live())
    assert "Looking at the configuration failed" in caplog.text
