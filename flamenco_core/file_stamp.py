"""Tells whether a file is still what it was, without reading it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileStamp:
    """Tells one content of a file from another."""

    modified_ns: int
    size: int
    inode: int
    """Differs after an editor has replaced the file; zero on some file systems of Windows."""

    @classmethod
    def of_status(cls, status: os.stat_result) -> FileStamp:
        """The stamp of the file whose status this is."""
        return cls(status.st_mtime_ns, status.st_size, status.st_ino)

    @classmethod
    def of(cls, file: Path) -> FileStamp | None:
        """None if nothing is there, or it cannot be looked at."""
        try:
            return cls.of_status(file.stat())
        except (OSError, ValueError):  # the latter for a path that no file can have
            return None
