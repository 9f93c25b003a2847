"""Who this worker is: registers once, keeps the credentials, signs on with them."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.errors import InvalidInput, StorageError
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
from flamenco_worker.backing_off import BackOff
from flamenco_worker.config import WorkerConfig

log = logging.getLogger(__name__)

T = TypeVar("T")

CREDENTIALS_NAME = "flamenco-worker-credentials.yaml"
SECRET_BYTES = 32
_OWNER_ONLY = 0o600
_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the Manager knows this worker by."""

    worker_id: str
    secret: str


@dataclass(frozen=True, slots=True)
class SignedOn:
    """What came of signing on."""

    credentials: Credentials
    status: WorkerStatus
    """That the Manager wants this worker in."""
    offers: frozenset[str]
    """What the Manager offers beyond Flamenco 3's protocol."""


class Stopped(Exception):
    """The worker is to end, so that there is no point in trying on."""


def load_credentials(home: Path) -> Credentials | None:
    """The kept credentials, None if there are none.

    Raises:
        InvalidInput: if the file is there but cannot be used; taking a new identity without a
            word would leave a dead worker on the Manager.
    """
    import yaml

    path = home / CREDENTIALS_NAME
    try:
        # Everything as text: an id or a secret may consist of digits only.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from error
    values = content if isinstance(content, dict) else {}
    worker_id, secret = values.get("worker_id"), values.get("worker_secret")
    if not (isinstance(worker_id, str) and isinstance(secret, str) and worker_id and secret):
        raise InvalidInput(f"{path} lacks the credentials; delete it to register as a new worker")
    return Credentials(worker_id, secret)


def save_credentials(home: Path, credentials: Credentials) -> None:
    """Writes the credentials so that only their owner can read them, whole or not at all."""
    path = home / CREDENTIALS_NAME
    partial = path.with_name(f"{path.name}~")
    text = (
        "# The identity of this Flamenco Worker. Written by the worker, which may overwrite it.\n"
        f"# {datetime.now(tz=UTC):%Y-%m-%dT%H:%M:%SZ}\n"
        f'worker_id: "{credentials.worker_id}"\n'
        f'worker_secret: "{credentials.secret}"\n'
    )
    try:
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


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
        self._secret = secrets.token_hex(SECRET_BYTES)
        """For a registration. The same for each try: by it the Manager knows a worker again that
        has not heard its answer."""
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
        new = self._repeat(self._try_register)
        save_credentials(self._config.home, new)
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
        return SignedOn(credentials, change.status_requested, frozenset(change.offers or ()))

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

    def _try_register(self) -> Credentials:
        registration = WorkerRegistration(
            name=self._config.worker_name,
            secret=self._secret,
            platform=this_platform(),
            supported_task_types=self._abilities().supported_task_types,
        )
        registered = self._client.register_worker(
            registration, enrolment_secret=self._config.worker_registration_secret
        )
        log.info("registered at the Manager as %s (%s)", registered.name, registered.uuid)
        return Credentials(registered.uuid, self._secret)

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
