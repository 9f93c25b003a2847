"""How much is in folders, for those who are about to delete them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

MOST_FILES = 100_000
"""After so many the counting ends: it takes a second or so on a network drive."""


@dataclass(frozen=True, slots=True)
class FolderSizes:
    folders: int
    """Those that exist."""
    files: int
    bytes: int
    """What becomes free; content that is linked from elsewhere too stays, and does not count."""
    is_complete: bool
    """False if there are more files than were counted, or some could not be looked at."""


def measure(folders: Iterable[Path], *, most_files: int = MOST_FILES) -> FolderSizes:
    """Counts what lies in folders and below them; links are counted, and not followed."""
    found = files = size = 0
    failed: list[OSError] = []
    for folder in folders:
        if not folder.is_dir():
            continue
        found += 1
        for entry in _files_below(folder, failed):
            if files == most_files:
                return FolderSizes(found, files, size, is_complete=False)
            files += 1
            size += _own_bytes(entry, failed)
    return FolderSizes(found, files, size, is_complete=not failed)


def _files_below(folder: Path, failed: list[OSError]) -> Iterator[Path]:
    for root, folders, names in os.walk(folder, onerror=failed.append):
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        for name in (*names, *links):
            yield Path(root) / name


def _own_bytes(file: Path, failed: list[OSError]) -> int:
    try:
        details = file.lstat()
    except FileNotFoundError:
        return 0  # somebody else removed it meanwhile
    except OSError as error:
        failed.append(error)
        return 0
    is_shared = stat.S_ISREG(details.st_mode) and details.st_nlink > 1
    return 0 if is_shared else details.st_size
