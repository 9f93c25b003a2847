"""Watches how much room is on the disks that the Manager writes to, and warns in time."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flamenco_core.config import Config

logger = logging.getLogger(__name__)

LITTLE_SHARE = 0.05
LITTLE_BYTES = 10 * 10**9
"""A disk has little room if it has less than this share of its size, and less than so much."""

TOO_LITTLE_BYTES = 200 * 10**6
"""With less, the Manager is not ready: requests that store something are about to fail."""


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """The disk of one of the Manager's folders."""

    use: str
    """What the folder is for: `database`, `local-storage`, `shared-storage`."""
    folder: Path
    free_bytes: int
    total_bytes: int
    error: str = ""
    """Why nothing is known of it, if so."""

    @property
    def is_little(self) -> bool:
        if self.error:
            return False
        return self.free_bytes < min(LITTLE_BYTES, self.total_bytes * LITTLE_SHARE)

    @property
    def is_worrying(self) -> bool:
        return self.is_little or bool(self.error)

    @property
    def is_too_little(self) -> bool:
        return not self.error and self.free_bytes < TOO_LITTLE_BYTES


def measure(config: Config) -> list[DiskSpace]:
    """Asks the file system, which can take long where that is a network drive."""
    folders = {
        "database": config.database_file.parent,
        "local-storage": config.local_storage,
        "shared-storage": config.shared_storage,
    }
    return [_measured(use, folder) for use, folder in folders.items()]


def warn(before: Iterable[DiskSpace], now: Iterable[DiskSpace]) -> None:
    """Logs what has changed: a disk that runs full, or has room again, or has gone."""
    known = {disk.use: disk for disk in before}
    for disk in now:
        last = known.get(disk.use)
        if disk.error and (last is None or not last.error):
            logger.warning("The folder %s (%s) is out of reach: %s", *_named(disk), disk.error)
        elif disk.is_little and (last is None or not last.is_little):
            free = f"{disk.free_bytes / 1e9:,.1f} GB"
            logger.warning("The disk of %s (%s) has only %s free", *_named(disk), free)
        elif last is not None and last.is_worrying and not disk.is_worrying:
            logger.info("The disk of %s (%s) has room again", *_named(disk))


def _named(disk: DiskSpace) -> tuple[Path, str]:
    return disk.folder, disk.use


def _measured(use: str, folder: Path) -> DiskSpace:
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        return DiskSpace(use, folder, 0, 0, error.strerror or str(error))
    return DiskSpace(use, folder, usage.free, usage.total)
