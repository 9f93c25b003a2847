"""Folders and names that survive a power cut.

`fsync` of a file keeps its bytes; its *name* is kept by `fsync` of the folder it lies in. Windows
cannot open a folder for that and journals names by itself, so there it is left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_CAN_SYNC_FOLDERS = os.name != "nt"
_OWNER_ONLY = 0o600


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    if not _CAN_SYNC_FOLDERS:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folders(folders: Iterable[Path]) -> None:
    for folder in folders:
        sync_folder(folder)


def make_folders(folder: Path) -> list[Path]:
    """Create `folder` and what is missing above it, durably; returns what this call created.

    Folders that somebody else creates at the same moment are not counted as ours.
    """
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    created = []
    for path in reversed(missing):
        try:
            path.mkdir()
        except FileExistsError:
            if not path.is_dir():
                raise
        else:
            created.append(path)
        sync_folder(path.parent)
    return created


def make_private_file(path: Path) -> None:
    """Makes an empty file for this user's eyes only, unless there is one already.

    Windows has no such modes: there, who may read the folder may read the file.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, _OWNER_ONLY))


def replace_private_file(path: Path, content: bytes) -> None:
    """Like `replace_file`, for this user's eyes only.

    Windows has no such modes: there, who may read the folder may read the file.
    """
    replace_file(path, content, mode=_OWNER_ONLY)


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """Puts `content` where `path` is, whole or not at all, durably; raises `OSError`."""
    partial = path.with_name(f"{path.name}~")
    try:
        partial.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(partial, flags, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(mode)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
