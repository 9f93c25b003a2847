"""Checkouts that wait for the job they were made for.

The marker of a new checkout says since when; a job takes that off, and from then on nothing but the
deletion of the job erases the checkout. What is left waiting was made for somebody who never heard
of it, or who changed their mind. Checkouts without such a marker, Flamenco 3's above all, wait for
nothing as far as anybody knows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flamenco_core.shaman.checkout_paths import MARKER_NAME

_WAITS_SINCE = "waits_for_job_since"


@dataclass(frozen=True, slots=True)
class WaitingCheckout:
    path: str
    """Below the folder of all checkouts, with forward slashes."""
    since: datetime


def write_marker(folder: Path, checkout_path: str, *, since: datetime | None) -> None:
    """Marks a folder as a checkout; `since` it waits for a job.

    Raises `FileExistsError` if it is marked already.
    """
    marker = {"checkout": checkout_path}
    if since is not None:
        marker[_WAITS_SINCE] = since.isoformat()
    _write(folder / MARKER_NAME, marker)


def claim(folder: Path) -> None:
    """Notes that a checkout has its job. Without a checkout there it does nothing."""
    marker = _read(folder)
    if marker.pop(_WAITS_SINCE, None) is None:
        return
    claimed = folder / f"{MARKER_NAME}.new"
    claimed.unlink(missing_ok=True)  # a crash left it
    with suppress(FileNotFoundError):  # the checkout is being erased
        _write(claimed, marker)
        claimed.replace(folder / MARKER_NAME)


def waiting_checkouts(root: Path) -> Iterator[WaitingCheckout]:
    """All checkouts below `root` that wait for their job; looks into no checkout."""
    for folder in _marked_folders(root):
        since = _read(folder).get(_WAITS_SINCE)
        with suppress(TypeError, ValueError):  # None, or not written by us
            time = datetime.fromisoformat(since)  # type: ignore[arg-type]
            if time.tzinfo is not None:
                yield WaitingCheckout(folder.relative_to(root).as_posix(), time)


def _marked_folders(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            folders = [Path(each.path) for each in entries if each.is_dir(follow_symlinks=False)]
    except FileNotFoundError:  # erased meanwhile, or nothing was ever checked out
        return
    for each in folders:
        if (each / MARKER_NAME).exists():
            yield each
        else:
            yield from _marked_folders(each)


def _read(folder: Path) -> dict[str, Any]:
    try:
        marker = json.loads((folder / MARKER_NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return marker if isinstance(marker, dict) else {}


def _write(path: Path, marker: dict[str, str]) -> None:
    with path.open("x", encoding="utf-8") as file:
        json.dump(marker, file)
        file.flush()
        os.fsync(file.fileno())
