"""A Manager that dies again and again while it is busy with many things at once."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter

import psutil
import pytest
import yaml

from flamenco_core.manager import Manager
from tests.eventually import eventually
from tests.farm.crowd import Crowd
from tests.farm.crowd_clients import clients, make_knobs
from tests.farm.farm import Farm
from tests.farm.promises import Auditor
from tests.processes import is_alive

KILLS = 10
KILLS_WHEN_THOROUGH = 100
MOST_KILLS = 4
"""Times as many, until enough of them count and something of each kind was promised."""
PROMISED = {"cancelled", "checkout", "completed", "deleted", "file", "image", "job", "log"}
IN_FLIGHT = 20
"""Requests that a death must leave unanswered to count."""
SENT_AT_ONCE = 40
"""Requests that are sent and not read an answer to when the Manager is killed; some of the answers
are on their way.
"""


ORDINARY_LINE = re.compile(r"Flamenco Manager |[\d-]{10} [\d:.+]+ (DEBUG|INFO|WARNING) ")


@pytest.mark.timeout(1800)
def test_random_kills_under_load_break_no_promise(
    idle_farm: Farm, pytestconfig: pytest.Config
) -> None:
    farm = idle_farm
    kills = KILLS_WHEN_THOROUGH if pytestconfig.getoption("--thorough") else KILLS
    crowd = asyncio.run(kill_again_and_again(farm, kills))
    assert crowd.promises.kinds >= PROMISED
    jobs = farm.get("/api/v3/jobs")["jobs"]
    assert [name for name, count in Counter(job["name"] for job in jobs).items() if count > 1] == []
    farm.stop()
    with Manager.open(farm.home / "flamenco-manager.sqlite", read_only=True) as manager:
        assert manager.check(whole_file=True) == []
    printed = (farm.folder / "manager.log").read_text(encoding="utf-8").splitlines()
    assert [line for line in printed if not ORDINARY_LINE.match(line)] == []


async def kill_again_and_again(farm: Farm, kills: int) -> Crowd:
    """Until the Manager has died so many times in the middle of enough requests."""
    chance, crowd, died = random.Random(20), Crowd(farm.manager_port), 0
    auditor = Auditor(crowd.promises, farm.manager_port, farm.folder / "shared")
    crowd.is_up.set()
    await make_knobs(crowd)
    async with asyncio.TaskGroup() as group:
        for client in clients(crowd):
            group.create_task(client)
        for life in range(MOST_KILLS * kills):
            crowd.unanswered = 0
            if life % 2:
                await crowd.submission()
            await crowd.answers(chance.randrange(20, 300))
            await crowd.crowding(SENT_AT_ONCE)
            kill(farm)
            await crowd.silence()
            await asyncio.to_thread(farm.start_manager)
            assert await auditor.broken() == []
            crowd.is_up.set()
            died += crowd.unanswered >= IN_FLIGHT
            if died >= kills and crowd.promises.kinds >= PROMISED:
                break
        crowd.is_over = True
    assert died >= kills, f"too few requests were in flight, except {died} times"
    assert await auditor.broken(all_of_them=True) == []
    return crowd


def kill(farm: Farm) -> None:
    """And see that what the Manager had started ends with it, and its settings can be read."""
    assert farm.manager is not None
    started = psutil.Process(farm.manager.pid).children(recursive=True)
    farm.kill_manager()
    eventually(lambda: not any(is_alive(process) for process in started), "its helpers end")
    settings = yaml.safe_load((farm.home / "flamenco-manager.yaml").read_text(encoding="utf-8"))
    assert settings["shared_storage_path"] == str(farm.folder / "shared")
