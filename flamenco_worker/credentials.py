"""The files that keep who a worker is, readable for their owner only."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flamenco_core.errors import InvalidInput, StorageError

CREDENTIALS_NAME = "flamenco-worker-credentials.yaml"
REGISTERING_NAME = "flamenco-worker-registering.txt"
"""There while a registration has been sent, and its answer has not come."""
SECRET_BYTES = 32
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the Manager knows this worker by."""

    worker_id: str
    secret: str


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
    text = (
        "# The identity of this Flamenco Worker. Written by the worker, which may overwrite it.\n"
        f"# {datetime.now(tz=UTC):%Y-%m-%dT%H:%M:%SZ}\n"
        f'worker_id: "{credentials.worker_id}"\n'
        f'worker_secret: "{credentials.secret}"\n'
    )
    _write(path, text)


def secret_for_registering(home: Path) -> tuple[str, bool]:
    """The secret to register with, and whether it was sent before, by an earlier run of this
    worker: by it the Manager knows a worker again that has not heard its answer.

    Raises:
        StorageError: if it cannot be kept.
    """
    path = home / REGISTERING_NAME
    try:
        kept = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        kept = ""
    if len(kept) == 2 * SECRET_BYTES:
        return kept, True
    secret = secrets.token_hex(SECRET_BYTES)
    _write(path, f"{secret}\n")
    return secret, False


def is_registered(home: Path) -> None:
    """The answer has come, and its credentials are kept."""
    (home / REGISTERING_NAME).unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    partial = path.with_name(f"{path.name}~")
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
