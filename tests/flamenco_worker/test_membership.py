"""What a worker tells its Manager of itself, from several threads."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from flamenco_core.client import ManagerClient
from flamenco_core.model import WorkerAbilities
from flamenco_worker.abilities import Abilities
from flamenco_worker.backing_off import BackOff
from flamenco_worker.config import WorkerConfig
from flamenco_worker.machine_settings import MachineSettings
from flamenco_worker.membership import Membership
from flamenco_worker.pace import Pace
from tests.flamenco_worker.protocol_manager import PATIENCE, ProtocolManager

AT_SIGN_ON, EARLIER = 0, 1


class GrowingAbilities(Abilities):
    """More is known at each look; the second one takes so long that another may overtake it."""

    def __init__(self, config: WorkerConfig) -> None:
        super().__init__(config, MachineSettings(config), lambda: None)
        self.is_looking = threading.Event()
        self.is_overtaken = threading.Event()
        self._looks = itertools.count()

    def now(self) -> WorkerAbilities:
        look = next(self._looks)
        if look == EARLIER:
            self.is_looking.set()
            self.is_overtaken.wait(0.5)
        return replace(super().now(), capabilities={"look": str(look)})


def membership_of(client: ManagerClient, config: WorkerConfig, abilities: Abilities) -> Membership:
    return Membership(
        client,
        config,
        Pace(),
        abilities=abilities,
        machine=MachineSettings(config),
        stopping=threading.Event(),
        new_back_off=lambda: BackOff(timedelta(seconds=0.02), timedelta(seconds=0.1)),
    )


def test_what_was_known_earlier_is_never_told_later(tmp_path: Path) -> None:
    with ProtocolManager() as manager:
        manager.offers = ["slots"]
        config = WorkerConfig(home=tmp_path, worker_name="tester", manager_url=manager.url)
        abilities = GrowingAbilities(config)
        client = ManagerClient(manager.url)
        membership = membership_of(client, config, abilities)
        membership.sign_on()
        earlier = threading.Thread(target=membership.declare_abilities)
        earlier.start()
        assert abilities.is_looking.wait(PATIENCE)
        membership.declare_abilities()
        abilities.is_overtaken.set()
        earlier.join(PATIENCE)
        client.abort()
        told = [request.body["capabilities"]["look"] for request in manager.requests("/abilities")]
    assert told == ["1", "2"]
