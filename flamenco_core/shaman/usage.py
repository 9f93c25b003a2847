"""How much a content store holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flamenco_core.shaman.layout import StoreLayout

_SUFFIX = ".blob"


@dataclass(frozen=True, slots=True)
class StoreUsage:
    files: int
    bytes: int
    is_complete: bool
    """False if the time was up before everything was counted."""


def usage_of(file_store: Path, *, is_time_up: Callable[[], bool]) -> StoreUsage:
    """Counts what is stored, from the names alone: each says how large its file is."""
    files = size = 0
    for _here, _folders, names in os.walk(StoreLayout(file_store).stored):
        for name in names:
            stem, suffix = os.path.splitext(name)  # noqa: PTH122 - there may be millions
            if suffix == _SUFFIX and stem.isascii() and stem.isdigit():
                files += 1
                size += int(stem)
        if is_time_up():
            return StoreUsage(files, size, is_complete=False)
    return StoreUsage(files, size, is_complete=True)
