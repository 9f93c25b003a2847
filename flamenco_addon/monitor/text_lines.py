"""Whole sentences in a panel: Blender's labels have one line, and are cut off at its end."""

from __future__ import annotations

import textwrap
from typing import Any

import bpy

CHARACTER = 6.2
"""Pixels that a character of a label takes on average, at a scale of 1."""
_MARGINS = 56
_ICON = 20


def width_of(context: bpy.types.Context) -> float:
    """Of the region that is drawn, in pixels at a scale of 1."""
    region = context.region
    preferences = context.preferences
    scale = (preferences.system.ui_scale if preferences is not None else 0.0) or 1.0
    return (region.width if region is not None else 300) / scale


def draw_text(
    column: Any,
    context: bpy.types.Context,
    text: str,
    *,
    icon: str = "NONE",
    taken: float = 0,
    width: float | None = None,
) -> None:
    """As many labels as the text needs lines, the first one with the icon.

    `taken` are pixels, at a scale of 1, that what stands beside the text needs; `width` is that of
    a dialog, which does not know its region.
    """
    whole = width_of(context) if width is None else width
    room = whole - _MARGINS - (_ICON if icon != "NONE" else 0) - taken
    lines = textwrap.wrap(text, max(16, int(room / CHARACTER))) or [""]
    for number, line in enumerate(lines):
        if icon == "NONE":
            column.label(text=line, translate=False)
        else:
            column.label(text=line, icon=icon if number == 0 else "BLANK1", translate=False)
