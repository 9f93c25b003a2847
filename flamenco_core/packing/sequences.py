"""Which files a path stands for when it stands for several."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

_TILE_PATTERNS = {"<UDIM>": r"[1-9]\d{3}", "<UVTILE>": r"u\d+_v\d+"}


def files_of_sequence(path: Path) -> tuple[Path, ...]:
    """All files of a sequence, sorted.

    `path` is a folder (all that lies below), a name with `<UDIM>`, `<UVTILE>` or `*` in it, or
    the first of numbered files.
    """
    if path.is_dir():
        return tuple(sorted(file for file in path.rglob("*") if file.is_file()))
    pattern = _name_pattern(path.name)
    if pattern is None:
        return (path,) if path.is_file() else ()
    try:
        return tuple(
            sorted(
                file
                for file in path.parent.iterdir()
                if pattern.fullmatch(file.name) and file.is_file()
            )
        )
    except (FileNotFoundError, NotADirectoryError):
        return ()


def _name_pattern(name: str) -> re.Pattern[str] | None:
    """What the names of the sequence look like; None if the name stands for one file."""
    for marker, tile in _TILE_PATTERNS.items():
        if marker in name:
            before, _, after = name.partition(marker)
            return re.compile(re.escape(before) + tile + re.escape(after))
    if "*" in name:
        return re.compile(fnmatch.translate(name.replace("[", "[[]")))
    numbered = re.fullmatch(r"(.*?)(\d+)(\.[^.]*|)", name, re.DOTALL)
    if numbered is None:
        return None
    before, _, suffix = numbered.groups()
    return re.compile(re.escape(before) + r"\d+" + re.escape(suffix))
