"""Finding the root of the project that a blend file belongs to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

BLENDER_PROJECT = ".blender_project"
GIT = ".git"
SUBVERSION = ".svn"

ROOT_MARKERS = (BLENDER_PROJECT, GIT, SUBVERSION)


def find_project_root(blend: Path, markers: Sequence[str] = ROOT_MARKERS) -> Path:
    """The closest folder above `blend` that has one of the markers, else the blend's own folder.

    A working copy of an old Subversion has its marker in every folder: there the root is the
    highest folder of those that lie in each other.
    """
    for folder in blend.parents:
        if any((folder / marker).exists() for marker in markers):
            return _top_of_working_copy(folder, markers)
    return blend.parent


def _top_of_working_copy(folder: Path, markers: Sequence[str]) -> Path:
    others = [marker for marker in markers if marker != SUBVERSION]
    if SUBVERSION not in markers or any((folder / marker).exists() for marker in others):
        return folder
    while (folder.parent / SUBVERSION).exists() and folder.parent != folder:
        folder = folder.parent
    return folder


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
