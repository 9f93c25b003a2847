"""Which folder is the project that a file belongs to, found as the preferences say.

All files of the project keep their place in what is sent; others go beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy

from flamenco_core.packing.project import (
    BLENDER_PROJECT,
    GIT,
    ROOT_MARKERS,
    SUBVERSION,
    find_project_root,
)

from . import background, preferences
from .blender_types import persistent
from .windows import all_areas

_found: dict[tuple[Path, tuple[str, ...]], Path] = {}


def project_of(file: Path) -> Path:
    """The root folder; remembered, since drawing asks for it often."""
    return _found.get((file, _markers())) or search(file)()


def search(file: Path) -> Callable[[], Path]:
    """What looks for the root folder afresh, on another thread since it asks the disk."""
    markers = _markers()

    def looked_for() -> Path:
        root = _found[file, markers] = find_project_root(file, markers)
        return root

    return looked_for


def _markers() -> tuple[str, ...]:
    chosen = preferences.preferences()
    match chosen.project_finder if chosen is not None else "ANY":
        case "BLENDER_PROJECT":
            return (BLENDER_PROJECT,)
        case "GIT":
            return (GIT,)
        case "SUBVERSION":
            return (SUBVERSION,)
        case "MARKER" if chosen is not None and chosen.project_marker.strip():
            return (chosen.project_marker.strip(),)
        case "FOLDER":
            return ()
    return ROOT_MARKERS


def _draw_in_preferences(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    chosen = preferences.preferences()
    if chosen is None:
        return
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(chosen, "project_finder")
    if chosen.project_finder == "MARKER":
        column.prop(chosen, "project_marker")
    data = context.blend_data
    if data is None or not data.filepath:
        return
    file = Path(data.filepath)
    root = _found.get((file, _markers()))
    if root is None:
        background.run(search(file), then=lambda _root: _redraw_preferences())
        return
    split = column.split(factor=0.4)
    split.label(text="")
    split.label(text=str(root), icon="FILE_FOLDER", translate=False)


def _redraw_preferences() -> None:
    for area in all_areas():
        if area.type == "PREFERENCES":
            area.tag_redraw()


@persistent
def _forget(*_: object) -> None:
    _found.clear()


def register() -> None:
    preferences.sections.append(_draw_in_preferences)
    bpy.app.handlers.load_post.append(_forget)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_forget)
    if _draw_in_preferences in preferences.sections:
        preferences.sections.remove(_draw_in_preferences)
    _found.clear()
