"""A file by which programs of the same machine and user command a running Manager.

Whoever can read it can read and write the farm's file beside it too, so it gives nobody more than
they have. It is anew with each start, counts for requests from this machine only, and is how
`flamenco-manager user …` works while the Manager runs.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from flamenco_core.errors import StorageError

_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class MachineKey:
    url: str
    """Where the Manager is reached on this machine."""
    key: str = field(repr=False)
    """To be sent as `Authorization: Bearer`."""


def key_file(database: Path) -> Path:
    return database.with_name(f"{database.name}.key")


def write_key(database: Path, key: MachineKey) -> None:
    """Raises `StorageError`. On Windows, who may read the folder may read the file."""
    path = key_file(database)
    try:
        # Never written into a file that others may have open already.
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"url": key.url, "key": key.key}, file)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def read_key(database: Path) -> MachineKey | None:
    """The key of the Manager that runs this farm; None if there is none that can be read."""
    try:
        content = json.loads(key_file(database).read_text(encoding="utf-8"))
        return MachineKey(str(content["url"]), str(content["key"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_key(database: Path) -> None:
    with contextlib.suppress(OSError):
        key_file(database).unlink()
