"""Removes stored files that no checkout uses any more and that nobody asked for in a long time.

What is in use is found by what files are (device and inode), not by how paths are written: a
storage path with a symbolic link in it, or a checkout of hard links, would otherwise make files
look unused that are not. If any part of the checkouts cannot be looked at, nothing is removed.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flamenco_core.errors import StorageError
from flamenco_core.shaman.layout import StoreLayout

logger = logging.getLogger(__name__)

_SUFFIX = ".blob"
_ASIDE = ".garbage"

FileIdentity = tuple[int, int]
"""Device and inode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GarbageReport:
    """What a collection did, or would do."""

    stored_files: int
    removed_files: int
    removed_bytes: int
    is_dry_run: bool

    def __str__(self) -> str:
        verb = "would be removed" if self.is_dry_run else "were removed"
        return (
            f"{self.removed_files} of {self.stored_files} stored files "
            f"({self.removed_bytes / 1e6:,.1f} MB) {verb}"
        )


@dataclass(frozen=True, slots=True)
class _Blob:
    path: Path
    identity: FileIdentity
    size: int
    used_ns: int


def collect(
    layout: StoreLayout, checkouts: Sequence[Path], *, unused_since: datetime, dry_run: bool
) -> GarbageReport:
    """Removes what no checkout below `checkouts` uses and was not asked for since then.

    Raises:
        StorageError: if the store or a checkout cannot be looked at; nothing is removed then.
    """
    limit_ns = int(unused_since.timestamp() * 1_000_000_000)
    _bring_back_strays(layout)
    blobs = list(_blobs(layout.stored))
    old = [blob for blob in blobs if blob.used_ns < limit_ns]
    # Only looked for if it matters: a large farm has millions of links.
    in_use = _in_use(checkouts) if old else frozenset()
    garbage = [blob for blob in old if blob.identity not in in_use]
    removed = garbage if dry_run else [blob for blob in garbage if _remove(blob)]
    return GarbageReport(
        stored_files=len(blobs),
        removed_files=len(removed),
        removed_bytes=sum(blob.size for blob in removed),
        is_dry_run=dry_run,
    )


def _blobs(stored: Path) -> Iterator[_Blob]:
    for path in _files_below(stored):
        if path.suffix == _SUFFIX:
            with suppress(FileNotFoundError):
                status = path.stat()
                identity = (status.st_dev, status.st_ino)
                yield _Blob(path, identity, status.st_size, status.st_mtime_ns)


def _in_use(checkouts: Iterable[Path]) -> frozenset[FileIdentity]:
    found = set()
    for folder in checkouts:
        for path in _files_below(folder):
            with suppress(FileNotFoundError):  # a link whose file is gone
                status = path.stat()
                found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def _files_below(folder: Path) -> Iterator[Path]:
    """Everything below a folder that is no folder; links are not followed."""

    def give_up(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise StorageError(f"{error.filename} cannot be looked at: {error.strerror}") from error

    for here, folders, names in os.walk(folder, onerror=give_up):
        links = [name for name in folders if os.path.islink(os.path.join(here, name))]  # noqa: PTH114, PTH118
        for name in (*names, *links):
            yield Path(here, name)


def _remove(blob: _Blob) -> bool:
    """Removes a stored file unless it was asked for meanwhile.

    It is moved aside first: from then on nobody is told that it is there, and a time that was
    set before that is still seen.
    """
    aside = blob.path.with_name(f"{blob.path.name}{_ASIDE}-{secrets.token_hex(4)}")
    try:
        blob.path.rename(aside)
        if aside.stat().st_mtime_ns != blob.used_ns:
            _move_back(aside)
            return False
        aside.unlink()
    except OSError as error:
        logger.warning("%s could not be removed: %s", blob.path, error)
        with suppress(OSError):
            _move_back(aside)
        return False
    return True


def _bring_back_strays(layout: StoreLayout) -> None:
    """Ends what a crash left between moving aside and removing."""
    for path in _files_below(layout.stored):
        if _ASIDE in path.suffix:
            with suppress(OSError):
                _move_back(path)


def _move_back(aside: Path) -> None:
    blob = aside.with_name(aside.name.partition(_ASIDE)[0])
    if blob.exists():  # it was sent again meanwhile
        aside.unlink()
    else:
        aside.rename(blob)
