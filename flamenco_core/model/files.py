"""Files that Manager and workers share, as people see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FileKind(StrEnum):
    FOLDER = "folder"
    FILE = "file"
    SEQUENCE = "sequence"
    """Images whose names differ by a number only."""
    OTHER = "other"
    """What cannot be opened: a device, or a link to somewhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    name: str
    """Of a sequence, with a `#` for each digit."""
    path: str
    """To ask for it, or for what is in it."""
    kind: FileKind
    size: int | None = None
    """Bytes of a file."""
    modified: datetime | None = None
    """Of a sequence, that of its last frame."""
    frames: str | None = None
    """Of a sequence, such as `1-10,12`."""
    count: int | None = None
    """How many images a sequence has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderListing:
    path: str
    """Empty for the list of the top folders."""
    parent: str | None = None
    """The folder around it; absent if that may not be seen."""
    entries: list[FileEntry]
    """Folders first, then everything by name."""
    next: str | None = None
    """The `cursor` for the next page, if there is more."""
    total: int
    """How many entries there are on all pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceFrame:
    frame: int
    path: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceListing:
    """The images of a sequence."""

    path: str
    frames: list[SequenceFrame]
    next: str | None = None
    """The `cursor` for the next page, if there is more."""
    total: int
    """How many images there are on all pages."""
    missing: str
    """Frames between the first and the last that are not there, such as `4,7-9`."""
