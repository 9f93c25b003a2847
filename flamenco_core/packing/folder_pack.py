"""Copying a pack into a new folder of the farm's shared storage."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from flamenco_core.errors import StorageError
from flamenco_core.packing.contents import opened, source_size
from flamenco_core.packing.errors import PackingCancelled
from flamenco_core.packing.plan import PackedFile, PackPlan
from flamenco_core.packing.progress import ProgressCallback, ProgressCounter, Stage, no_progress

_PIECE = 1 << 20


def pack_into_folder(
    plan: PackPlan,
    storage: Path,
    name: str,
    *,
    now: Callable[[], datetime],
    progress: ProgressCallback = no_progress,
    cancel: threading.Event | None = None,
) -> Path:
    """Copy the pack into a folder of its own below `storage` and return that folder.

    The folder is called after the local time and `name`. Raises `StorageError` if the storage
    cannot be written, `PackingError` if a file cannot be read, `PackingCancelled`; then the
    folder is removed.
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
    folder = _new_folder(storage, f"{now().astimezone():%Y-%m-%d-%H%M%S}-{name}")
    try:
        for file in plan.files:
            _copy(file, folder / file.path_in_pack, counter, cancel)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _new_folder(storage: Path, name: str) -> Path:
    """A folder that did not exist before, with a number behind its name if need be."""
    number = 1
    while True:
        folder = storage / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        except OSError as error:
            raise _storage_error(folder, error) from error
        else:
            return folder


def _copy(
    file: PackedFile,
    destination: Path,
    counter: ProgressCounter,
    cancel: threading.Event | None,
) -> None:
    with opened(file) as content:
        try:
            destination.parent.mkdir(parents=True, exist_ok=True)
            with destination.open("xb") as copy:
                while piece := content.read(_PIECE):
                    if cancel is not None and cancel.is_set():
                        raise PackingCancelled
                    copy.write(piece)
                    counter.add_bytes(file.path_in_pack, len(piece))
                copy.flush()
                os.fsync(copy.fileno())
        except OSError as error:
            raise _storage_error(destination, error) from error
    counter.file_done(file.path_in_pack)


def _storage_error(path: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot write {path}: {error.strerror or error}")
