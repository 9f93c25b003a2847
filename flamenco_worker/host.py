"""The machine that the worker runs on: its platform, its name, and the worker's own folder."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from flamenco_core.errors import FarmLocked, StorageError
from flamenco_core.model import Platform
from flamenco_core.paths import this_platform

LOCK_NAME = "flamenco-worker.lock"


def default_home(environment: Mapping[str, str] = os.environ) -> Path:
    """Where a worker keeps its credentials and its queue: `FLAMENCO_HOME`, or the platform's place.

    The places are those of Flamenco 3, so that a worker keeps its identity when it is upgraded.
    """
    if environment.get("FLAMENCO_HOME"):
        return Path(environment["FLAMENCO_HOME"])
    match this_platform():
        case Platform.WINDOWS:
            local = environment.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
            return Path(local) / "Blender Foundation" / "Flamenco"
        case Platform.DARWIN:
            return Path.home() / "Library" / "Application Support" / "Flamenco"
    data = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "flamenco"


def host_name() -> str:
    """The name of this machine without its domain."""
    return socket.gethostname().partition(".")[0] or "worker"


@contextmanager
def locked_home(home: Path) -> Iterator[None]:
    """Keeps a second worker out of the same folder, where both would be the same worker.

    The operating system gives the lock back when this process ends, however it ends.

    Raises:
        FarmLocked: if another worker uses the folder.
        StorageError: if the folder cannot be written.
    """
    path = home / LOCK_NAME
    try:
        home.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{home} cannot be used: {error.strerror}") from error
    with file:
        if not _take_lock(file.fileno()):
            raise FarmLocked(
                f"Another worker runs in {home}: end it, or give this one a folder of its own "
                "(--home)"
            )
        yield


def _take_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
