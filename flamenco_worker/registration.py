"""Who this worker is: registers once, keeps the credentials, signs on with them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.errors import InvalidInput
from flamenco_core.model import (
    WorkerAbilities,
    WorkerRegistration,
    WorkerSignOn,
    WorkerStateChange,
)
from flamenco_core.model.worker_protocol import ProvisionedSettings
from flamenco_core.paths import this_platform
from flamenco_core.statuses import WorkerStatus
from flamenco_core.version import current_version
from flamenco_worker.abilities import BlenderCommand
from flamenco_worker.backing_off import BackOff
from flamenco_worker.config import WorkerConfig
from flamenco_worker.credentials import (
    Credentials,
    is_registered,
    load_credentials,
    save_credentials,
    secret_for_registering,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

_REFUSED = frozenset({401, 403})
_MOST_NAMESAKES = 20
"""Workers of the same name that are tried; a farm that names all alike has more."""


@dataclass(frozen=True, slots=True)
class SignedOn:
    """What came of signing on."""

    credentials: Credentials
    status: WorkerStatus
    """That the Manager wants this worker in."""
    offers: frozenset[str]
    """What the Manager offers beyond Flamenco 3's protocol."""
    blender: BlenderCommand | None = None
    """What tasks start for `{blender}`, if the Manager tells it."""


class Stopped(Exception):
    """The worker is to end, so that there is no point in trying on."""


class Registration:
    """Signs on, registering first where needed. Waits for a Manager that is away, however long."""

    def __init__(
        self,
        client: ManagerClient,
        config: WorkerConfig,
        stopping: threading.Event,
        new_back_off: Callable[[], BackOff],
        *,
        take_settings: Callable[[ProvisionedSettings | None], None],
        abilities: Callable[[], WorkerAbilities] | None = None,
    ) -> None:
        """`take_settings` is called with what the Manager tells of this machine's set-up;
        `abilities` gives what this machine can do, as far as that is known by now: by default,
        what its configuration says.
        """
        self._client = client
        self._config = config
        self._stopping = stopping
        self._new_back_off = new_back_off
        self._take_settings = take_settings
        self._was_sent = False
        """Whether the Manager may have registered this worker without its knowing."""
        self._abilities = abilities or self._configured_abilities

    def sign_on(self) -> SignedOn:
        """Returns who this worker is, and what the Manager wants and offers.

        Registers anew only if there are no credentials, or the Manager says that it does not know
        them (401, 403). Any other trouble of the Manager is waited for.

        Raises:
            Stopped: if the worker is to end.
            ManagerRefused: if the Manager does not want this worker.
            InvalidInput: if the kept credentials cannot be used.
        """
        kept = load_credentials(self._config.home)
        if kept is not None:
            self._client.sign_in(kept.worker_id, kept.secret)
            try:
                return self._signed_on(kept)
            except ManagerRefused as refusal:
                if refusal.status not in _REFUSED:
                    raise
                log.warning("the Manager does not know this worker (%s); registering", refusal)
        secret, self._was_sent = secret_for_registering(self._config.home)
        new = self._repeat(lambda: self._find_again(secret) or self._try_register(secret))
        save_credentials(self._config.home, new)
        is_registered(self._config.home)
        self._client.sign_in(new.worker_id, new.secret)
        return self._signed_on(new)

    def sign_on_again(self, credentials: Credentials) -> SignedOn:
        """The same as who this worker is already; never registers.

        Raises:
            Stopped: if the worker is to end.
            ManagerRefused: if the Manager does not want this worker.
        """
        self._client.sign_in(credentials.worker_id, credentials.secret)
        return self._signed_on(credentials)

    def _configured_abilities(self) -> WorkerAbilities:
        return WorkerAbilities(supported_task_types=list(self._config.task_types))

    def _signed_on(self, credentials: Credentials) -> SignedOn:
        change = self._repeat(self._try_sign_on)
        self._take_settings(change.settings)
        blender = None
        if change.blender is not None:
            blender = BlenderCommand(change.blender, change.blender_args or "")
        return SignedOn(
            credentials, change.status_requested, frozenset(change.offers or ()), blender
        )

    def _try_sign_on(self) -> WorkerStateChange:
        abilities = self._abilities()
        sign_on = WorkerSignOn(
            name=self._config.worker_name,
            supported_task_types=abilities.supported_task_types,
            software_version=current_version().shown,
            can_restart=self._config.restart_exit_code != 0,
            capabilities=abilities.capabilities,
            slots=abilities.slots or [],
        )
        return self._client.sign_on(sign_on)

    def _find_again(self, secret: str) -> Credentials | None:
        """Who this worker is by a registration whose answer was lost, if there was one.

        A Manager of ours tells it when it is asked again. One of Flamenco 3 would make another
        worker, but lists those that it has, and lets in the one that knows its secret.
        """
        if not self._was_sent:
            return None
        try:
            namesakes = self._client.find_workers(self._config.worker_name)[:_MOST_NAMESAKES]
        except ManagerRefused as refusal:
            if is_temporary(refusal):
                raise
            log.info("the Manager does not tell which workers it knows: %s", refusal)
            return None
        for worker_id in reversed(namesakes):
            self._client.sign_in(worker_id, secret)
            try:
                self._try_sign_on()
            except ManagerRefused as refusal:
                if refusal.status not in _REFUSED:
                    raise
            else:
                log.info("the Manager knows this worker as %s", worker_id)
                return Credentials(worker_id, secret)
        return None

    def _try_register(self, secret: str) -> Credentials:
        self._was_sent = True
        registration = WorkerRegistration(
            name=self._config.worker_name,
            secret=secret,
            platform=this_platform(),
            supported_task_types=self._abilities().supported_task_types,
        )
        registered = self._client.register_worker(
            registration, enrolment_secret=self._config.worker_registration_secret
        )
        log.info("registered at the Manager as %s (%s)", registered.name, registered.uuid)
        return Credentials(registered.uuid, secret)

    def _repeat(self, action: Callable[[], T]) -> T:
        """Tries until the Manager gives an answer that is its own."""
        back_off = self._new_back_off()
        while not self._stopping.is_set():
            try:
                return action()
            except ManagerUnreachable as error:
                trouble = str(error)
            except InvalidInput as error:  # a proxy's page instead of the Manager's JSON
                trouble = str(error)
            except ManagerRefused as error:
                if not is_temporary(error):
                    raise
                trouble = f"the Manager answers {error.status}: {error.message}"
            wait = back_off.next_wait()
            log.warning("%s; trying again in %.0f s", trouble, wait.total_seconds())
            self._stopping.wait(wait.total_seconds())
        raise Stopped


def is_temporary(refusal: ManagerRefused) -> bool:
    """Whether the same request may succeed later: the Manager's own troubles, and "too many"."""
    return refusal.status >= 500 or refusal.status in (408, 425, 429)
