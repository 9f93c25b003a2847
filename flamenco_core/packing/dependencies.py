"""What a .blend file uses, as whoever traces it reports it.

The tracer itself depends on the Blender that a file is for, so it stands behind `Tracer`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PathField:
    """The place in a blend file, decompressed, where a path is written."""

    offset: int
    size: int
    """Bytes, the zero at the end included."""
    holds_folder_only: bool = False
    """The file's name is kept elsewhere (image and movie strips of the sequencer do that)."""


class UseKind(Enum):
    FILE = auto()
    SEQUENCE = auto()
    """Numbered files or tiles; the path is that of the first, or a pattern such as `<UDIM>`."""
    CACHE = auto()
    """What Blender computed and may compute again: a folder or a pattern that can be empty."""


@dataclass(frozen=True, slots=True)
class FileUse:
    """One path that one data block of one blend file refers to."""

    used_by: Path
    """The blend file, absolute."""
    data_block: str
    """As Blender calls it, with its two letters for the type: `IMwood.png`."""
    stored: str
    """The path as it is written in the blend file, with forward slashes."""
    path: Path
    """The same, absolute; a pattern if the use is one of many files."""
    kind: UseKind
    written_at: PathField
    files: tuple[Path, ...]
    """What exists of it."""


def file_identity(path: Path) -> str:
    """Changes whenever the file's content does, as far as its folder entry can tell.

    Raises `OSError`.
    """
    status = path.stat()
    return f"{status.st_size}/{status.st_mtime_ns}/{status.st_ctime_ns}/{status.st_ino}"


@dataclass(frozen=True, slots=True)
class Trace:
    blend: Path
    uses: tuple[FileUse, ...]
    identities: Mapping[Path, str] = field(default_factory=dict)
    """Of each blend file that was read, before it was read."""
    contents: Mapping[Path, Path] = field(default_factory=dict)
    """Where to read those files whose content lies elsewhere."""

    @property
    def missing(self) -> tuple[FileUse, ...]:
        """Uses of files that do not exist, except caches that may be empty."""
        return tuple(use for use in self.uses if not use.files and use.kind is not UseKind.CACHE)


class Tracer(Protocol):
    """Finds all files that a blend file needs, directly or through other blend files."""

    def trace(
        self,
        blend: Path,
        *,
        content: Path | None = None,
        cancel: threading.Event | None = None,
        on_blend: Callable[[Path], None] | None = None,
    ) -> Trace:
        """Trace `blend`, calling `on_blend` for each blend file that is opened.

        With `content` that file is read in place of `blend`, whose place it takes.

        Raises `PackingError` for a file that cannot be read, `PackingCancelled` once `cancel` is
        set.
        """
        ...


def default_tracer() -> Tracer:
    """The tracer for this Python; raises `MissingExtra` if none is installed."""
    from flamenco_core.packing.bat1 import Bat1Tracer

    return Bat1Tracer()
