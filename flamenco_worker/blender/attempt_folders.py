"""The folders that frames are rendered into before they are verified: `.attempt-<number>-<token>`.

Each run has one of its own, beside the final frames and thus on the same file system. A Blender
whose worker has died can go on writing into its own folder and tear nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from flamenco_worker.blender.in_blender_report import PROBE_NAME

_PREFIX = ".attempt-"


def new_folder_name(attempt: int) -> str:
    """A name that no other run has, not even one with the same attempt number."""
    return f"{_PREFIX}{attempt}-{uuid4().hex[:8]}"


def remove_leftovers(parent: Path, owner: str, own: Path | None) -> list[Path]:
    """Removes the folders in `parent` that earlier runs of the same task have left.

    `owner` is what the probe file of such a run says; `own` is this run's folder, and stays.
    Returns what was removed.
    """
    removed = []
    for found in parent.glob(f"{_PREFIX}*"):
        if found != own and _owner(found) == owner:
            shutil.rmtree(found, ignore_errors=True)
            removed.append(found)
    return removed


def remove_folders(folders: Iterable[Path]) -> None:
    """Removes a run's own folders; what cannot be removed now goes with the next attempt."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def probe_of(folder: Path | None) -> Path | None:
    """The file that was written when the attempt began."""
    return folder / PROBE_NAME if folder is not None else None


def _owner(folder: Path) -> str | None:
    try:
        return (folder / PROBE_NAME).read_text(encoding="utf-8")
    except OSError:
        return None
