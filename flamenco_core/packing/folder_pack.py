"""Copying a pack into a new folder of the farm's shared storage."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from flamenco_core.errors import StorageError
from flamenco_core.packing.contents import opened, source_size
from flamenco_core.packing.errors import PackingCancelled
from flamenco_core.packing.long_paths import openable
from flamenco_core.packing.plan import PackedFile, PackPlan
from flamenco_core.packing.progress import ProgressCallback, ProgressCounter, Stage, no_progress

_PIECE = 1 << 20
INCOMPLETE = ".flamenco-incomplete-"
"""What the names of folders begin with that are still being filled."""
_ABANDONED = timedelta(days=7)
"""Since when an incomplete folder has not changed, if whoever filled it was killed."""


def pack_into_folder(
    plan: PackPlan,
    storage: Path,
    name: str,
    *,
    now: Callable[[], datetime],
    progress: ProgressCallback = no_progress,
    cancel: threading.Event | None = None,
    on_folder: Callable[[Path], None] = lambda _folder: None,
) -> Path:
    """Copy the pack into a folder of its own below `storage` and return that folder.

    The folder is called after the local time and `name`; until it is complete it has another name,
    which `on_folder` is told. Raises `StorageError` if the storage cannot be written,
    `PackingError` if a file cannot be read, `PackingCancelled`; then the folder is removed.
    """
    if not storage.is_dir():
        raise StorageError(
            f"the farm's shared storage {storage} does not exist on this computer; mount it, or "
            "let the Manager's administrator switch on Shaman"
        )
    counter = ProgressCounter(
        Stage.COPYING,
        progress,
        files_total=len(plan.files),
        bytes_total=sum(source_size(file) for file in plan.files),
    )
    _remove_abandoned(storage)
    incomplete = storage / f"{INCOMPLETE}{secrets.token_hex(8)}"
    on_folder(incomplete)
    try:
        _make_folder(incomplete)
        for file in plan.files:
            _copy(file, openable(incomplete / file.path_in_pack), counter, cancel)
        _raise_if_cancelled(cancel)
        return _complete(incomplete, storage, f"{now().astimezone():%Y-%m-%d-%H%M%S}-{name}")
    except BaseException:
        shutil.rmtree(openable(incomplete), ignore_errors=True)
        raise


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir()
    except OSError as error:
        raise _storage_error(folder, error) from error


def _complete(incomplete: Path, storage: Path, name: str) -> Path:
    """Gives the folder a name that none has, with a number behind it if need be."""
    number = 1
    while True:
        folder = storage / (name if number == 1 else f"{name}-{number}")
        try:
            if not folder.exists():  # POSIX would take the place of an empty folder
                return incomplete.rename(folder)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise _storage_error(folder, error) from error
        number += 1


def _remove_abandoned(storage: Path) -> None:
    """What killed programs have left. Only time and space are lost if that fails."""
    oldest = time.time() - _ABANDONED.total_seconds()
    with contextlib.suppress(OSError):
        for folder in storage.glob(f"{INCOMPLETE}*"):
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(openable(folder), ignore_errors=True)


def _raise_if_cancelled(cancel: threading.Event | None) -> None:
    if cancel is not None and cancel.is_set():
        raise PackingCancelled


def _copy(
    file: PackedFile,
    destination: Path,
    counter: ProgressCounter,
    cancel: threading.Event | None,
) -> None:
    _raise_if_cancelled(cancel)
    with opened(file) as content:
        try:
            destination.parent.mkdir(parents=True, exist_ok=True)
            with destination.open("xb") as copy:
                while piece := content.read(_PIECE):
                    _raise_if_cancelled(cancel)
                    copy.write(piece)
                    counter.add_bytes(file.path_in_pack, len(piece))
                copy.flush()
                os.fsync(copy.fileno())
        except OSError as error:
            raise _storage_error(destination, error) from error
    counter.file_done(file.path_in_pack)


def _storage_error(path: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot write {path}: {error.strerror or error}")
