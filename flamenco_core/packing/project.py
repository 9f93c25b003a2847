"""Finding the root of the project that a blend file belongs to."""

from __future__ import annotations

from pathlib import Path

ROOT_MARKERS = (".blender_project", ".git", ".svn")


def find_project_root(blend: Path) -> Path:
    """The closest folder above `blend` that has one of the markers, else the blend's own folder."""
    for folder in blend.parents:
        if any((folder / marker).exists() for marker in ROOT_MARKERS):
            return folder
    return blend.parent
