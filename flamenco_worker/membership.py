"""A worker as a member of a farm: who it is there, what both sides offer, until it signs off."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from flamenco_core.client import ManagerClient
from flamenco_core.errors import FlamencoError
from flamenco_core.model import WorkerAbilities
from flamenco_worker.abilities import Abilities
from flamenco_worker.backing_off import BackOff
from flamenco_worker.config import WorkerConfig
from flamenco_worker.credentials import Credentials
from flamenco_worker.machine_settings import MachineSettings
from flamenco_worker.pace import Pace
from flamenco_worker.registration import Registration, SignedOn

log = logging.getLogger(__name__)


class Membership:
    """What a worker and its Manager know of each other. For the worker's own thread, but for
    `declare_abilities`."""

    def __init__(
        self,
        client: ManagerClient,
        config: WorkerConfig,
        pace: Pace,
        *,
        abilities: Abilities,
        machine: MachineSettings,
        stopping: threading.Event,
        new_back_off: Callable[[], BackOff],
    ) -> None:
        """`client` is signed in as this worker once that is known."""
        self._client = client
        self._config = config
        self._pace = pace
        self._abilities = abilities
        self._machine = machine
        self._stopping = stopping
        self._new_back_off = new_back_off
        self._declaring = threading.Lock()
        """So that what was known earlier cannot arrive later."""
        self._declared: WorkerAbilities | None = None
        self.credentials: Credentials | None = None
        """None until it has signed on."""
        self.offers: frozenset[str] = frozenset()
        """What the Manager offers beyond Flamenco 3's protocol."""

    def sign_on(self) -> SignedOn:
        """Registers where needed, signs on, and takes the Manager's settings.

        Raises:
            Stopped: if the worker is to end.
            ManagerRefused: if the Manager does not want this worker.
            InvalidInput: if the kept credentials cannot be used.
        """
        self._declared = self._abilities.now()
        registration = Registration(
            self._client,
            self._config,
            self._stopping,
            self._new_back_off,
            take_settings=self._machine.take,
            abilities=lambda: self._declared or self._abilities.now(),
        )
        signed_on = registration.sign_on()
        self.credentials, self.offers = signed_on.credentials, signed_on.offers
        log.info("signed on at %s as %s", self._client.url, self._config.worker_name)
        return signed_on

    def declare_abilities(self) -> None:
        """Tells the Manager what this worker can do, if it has not heard that yet.

        Raises:
            FlamencoError: if it cannot be told now.
        """
        if self.credentials is None or "slots" not in self.offers:
            return
        with self._declaring:
            abilities = self._abilities.now()
            if abilities == self._declared:
                return
            self._client.change_worker_abilities(abilities)
            self._declared = abilities

    def sign_off(self) -> None:
        """Says goodbye, if it has signed on; a Manager that does not hear it finds out itself."""
        if self.credentials is None:
            return
        client = ManagerClient(
            self._config.manager_url,
            worker_id=self.credentials.worker_id,
            secret=self.credentials.secret,
            timeout=self._pace.sign_off,
        )
        try:
            client.sign_off()
        except FlamencoError as error:
            log.warning("%s", error)
        client.abort()
