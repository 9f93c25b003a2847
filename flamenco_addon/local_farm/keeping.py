"""What a farm of one's own remembers: secrets of its people and worker, and where it was."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from flamenco_core.durable import make_folders, replace_private_file

USER = "artist"
"""The account of whoever sits at this computer."""


@dataclass(frozen=True, slots=True)
class FarmMemory:
    """The content of `farm.json`, which only its owner can read."""

    password: str = field(default="", repr=False)
    """Of `USER`, for the Manager's pages."""
    token: str = field(default="", repr=False)
    registration_secret: str = field(default="", repr=False)
    """By which the worker registers."""
    port: int = 0
    """Of the Manager when it ran last, so that addresses that people noted stay good."""
    control_port: int = 0
    """Where the supervisor listens, while it runs."""
    control_key: str = field(default="", repr=False)


def read_memory(home: Path) -> FarmMemory:
    """What is remembered; all new if there is nothing that can be read."""
    try:
        data = json.loads(_file(home).read_text(encoding="utf-8"))
        known = {each.name for each in fields(FarmMemory)}
        return FarmMemory(**{name: value for name, value in data.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return FarmMemory(
            password=secrets.token_urlsafe(18), registration_secret=secrets.token_urlsafe(24)
        )


def write_memory(home: Path, memory: FarmMemory) -> None:
    """Raises `OSError`."""
    make_folders(home)
    replace_private_file(_file(home), json.dumps(asdict(memory)).encode())


def with_free_port(memory: FarmMemory) -> FarmMemory:
    """With the port of last time, or another one if somebody else has that."""
    for port in (memory.port, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            if os.name == "posix":  # on Windows this would share a port that is in use
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return replace(memory, port=probe.getsockname()[1])
    raise OSError("this computer has no free port")


def _file(home: Path) -> Path:
    return home / "farm.json"
