"""Finding the root of the project that a blend file belongs to."""

from __future__ import annotations

import os
from pathlib import Path

ROOT_MARKERS = (".blender_project", ".git", ".svn")


def find_project_root(blend: Path) -> Path:
    """The closest folder above `blend` that has one of the markers, else the blend's own folder."""
    for folder in blend.parents:
        if any((folder / marker).exists() for marker in ROOT_MARKERS):
            return folder
    return blend.parent


def without_dots(path: Path) -> Path:
    """The absolute path of something that exists, without `.` and `..`.

    Symbolic links stay as they are, as artists know their folders by these names, unless `..`
    behind a link makes that impossible.
    """
    shortened = Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve() follows links
    try:
        is_same = shortened.samefile(path)
    except OSError:
        is_same = False
    return shortened if is_same else path.resolve()
