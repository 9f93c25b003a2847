"""What is in a folder, and in a sequence of images, page by page.

Names are read anew for each page; sizes and times only of the page itself, which is what takes
long on a network drive.
"""

from __future__ import annotations

import itertools
import os
import stat
from bisect import bisect_right
from collections.abc import Sequence as Seq
from datetime import UTC, datetime
from pathlib import Path

from flamenco_core.errors import NotFound, one_problem
from flamenco_core.model.files import (
    FileEntry,
    FileKind,
    FolderListing,
    SequenceFrame,
    SequenceListing,
)
from flamenco_core.store.listing import opaque_cursor, read_opaque_cursor, wrong_cursor
from manager_service.files.roots import Roots
from manager_service.files.sequences import Sequence, grouped, read_pattern

MOST_ENTRIES = 200_000
"""What a folder can have and still be listed."""

_Key = tuple[int, str, str]
"""Folders before everything else, then by name with upper and lower case alike."""


def list_roots(roots: Roots) -> FolderListing:
    """The top folders that are there."""
    entries = [
        FileEntry(name=root.name, path=str(root.path), kind=FileKind.FOLDER)
        for root in roots
        if root.path.is_dir()
    ]
    return FolderListing(path="", entries=entries, total=len(entries))


def list_folder(
    roots: Roots, text: str, *, limit: int, cursor: str = "", is_grouped: bool = True
) -> FolderListing:
    """A page of what is in a folder; with `is_grouped`, numbered images are sequences.

    Raises:
        InvalidInput: for a path or a cursor that cannot be.
        NotAllowed: if the folder is not in a root.
        NotFound: if there is no such folder.
    """
    folder = roots.resolve(text)
    kinds = _kinds(folder, text)
    files = [name for name, is_folder in kinds.items() if not is_folder]
    single, sequences = grouped(files) if is_grouped else (files, [])
    by_key: dict[_Key, Sequence | str] = {
        **{_key(name, is_folder=True): name for name, is_folder in kinds.items() if is_folder},
        **{_key(name): name for name in single},
        **{_key(sequence.name): sequence for sequence in sequences},
    }
    keys = sorted(by_key)
    first = bisect_right(keys, _read_cursor(cursor)) if cursor else 0
    page = keys[first : first + limit]
    parent = folder.parent
    return FolderListing(
        path=str(folder),
        parent=str(parent) if parent != folder and roots.may_see(parent) else None,
        entries=[_entry(roots, folder, by_key[key]) for key in page],
        next=_cursor(page[-1]) if page and first + limit < len(keys) else None,
        total=len(keys),
    )


def list_sequence(roots: Roots, text: str, *, limit: int, after: int | None) -> SequenceListing:
    """A page of the images of a sequence, by its path with a `#` for each digit.

    `after` is the last frame of the page before. Raises what `list_folder` raises.
    """
    folder_text, name = os.path.split(text)
    folder = roots.resolve(folder_text)
    sequence = read_pattern(name, _kinds(folder, folder_text))
    if sequence is None:
        raise NotFound(f"There is no sequence of images {text}")
    frames = sequence.frames
    first = 0 if after is None else bisect_right(frames, after)
    page = frames[first : first + limit]
    found = [_frame(roots, folder / sequence.file_name(frame), frame) for frame in page]
    return SequenceListing(
        path=str(folder / name),
        frames=[frame for frame in found if frame is not None],
        next=str(page[-1]) if page and first + limit < len(frames) else None,
        total=len(frames),
        missing=_missing(frames),
    )


def _missing(frames: Seq[int]) -> str:
    """The gaps between frames, in the usual notation."""
    pairs = itertools.pairwise(frames)
    return ",".join(_gap(low, high) for low, high in pairs if high > low + 1)


def _gap(low: int, high: int) -> str:
    return str(low + 1) if high == low + 2 else f"{low + 1}-{high - 1}"


def _kinds(folder: Path, text: str) -> dict[str, bool]:
    """All names in a folder, and whether each is a folder (links are followed)."""
    kinds: dict[str, bool] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(kinds) == MOST_ENTRIES:
                    raise one_problem(
                        "query path", f"{text} has more than {MOST_ENTRIES} entries, too many"
                    )
                if _is_text(entry.name):
                    kinds[entry.name] = _is_folder(entry)
    except NotADirectoryError:
        raise NotFound(f"{text} is no folder") from None
    except OSError as error:
        raise NotFound(f"The folder {text} cannot be read: {error.strerror}") from None
    return kinds


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_text(name: str) -> bool:
    """A name of bytes that are no text cannot be told, or asked for."""
    return not any("\ud800" <= char <= "\udfff" for char in name)


def _entry(roots: Roots, folder: Path, item: Sequence | str) -> FileEntry:
    if isinstance(item, Sequence):
        last = _status(roots, folder / item.file_name(item.frames[-1]))
        return FileEntry(
            name=item.name,
            path=str(folder / item.name),
            kind=FileKind.SEQUENCE,
            modified=None if last is None else _time(last),
            frames=item.ranges,
            count=len(item.frames),
        )
    path = folder / item
    status = _status(roots, path)
    if status is None:
        return FileEntry(name=item, path=str(path), kind=FileKind.OTHER)
    if stat.S_ISDIR(status.st_mode):
        return FileEntry(name=item, path=str(path), kind=FileKind.FOLDER, modified=_time(status))
    return FileEntry(
        name=item,
        path=str(path),
        kind=FileKind.FILE,
        size=status.st_size,
        modified=_time(status),
    )


def _frame(roots: Roots, path: Path, frame: int) -> SequenceFrame | None:
    status = _status(roots, path)
    if status is None:
        return None
    return SequenceFrame(frame=frame, path=str(path), size=status.st_size, modified=_time(status))


def _status(roots: Roots, path: Path) -> os.stat_result | None:
    """Of a file or folder that may be seen; None for everything else."""
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            real = path.resolve(strict=True)
            if not roots.may_see(real):
                return None
            status = real.stat()
    except (OSError, RuntimeError):
        return None
    is_usual = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
    return status if is_usual else None


def _time(status: os.stat_result) -> datetime:
    return datetime.fromtimestamp(status.st_mtime, UTC)


def _key(name: str, *, is_folder: bool = False) -> _Key:
    return (0 if is_folder else 1, name.casefold(), name)


def _cursor(key: _Key) -> str:
    return opaque_cursor([key[0], key[2]])


def _read_cursor(text: str) -> _Key:
    match read_opaque_cursor(text):
        case [0 | 1 as rank, str(name)]:
            return _key(name, is_folder=rank == 0)
        case _:
            raise wrong_cursor()
