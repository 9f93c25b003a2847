"""What becomes of changes whose asker goes away in the middle of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from flamenco_core.config import Config, load_config
from manager_service.settings.live_configuration import LiveConfiguration
from manager_service.threads import Threads

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
