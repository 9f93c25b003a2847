"""Images of what jobs rendered last, as icons that panels can draw."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy.utils.previews

_previews: Any = None
_shown: Path | None = None


def show(image: Path) -> None:
    """Takes the place of what was shown before; Blender reads the file when it draws it."""
    global _shown
    if _previews is None or image.name in _previews:
        return
    before, _shown = _shown, image
    _previews.load(image.name, str(image), "IMAGE")
    if before is not None and before.name in _previews:
        del _previews[before.name]
        with suppress(OSError):
            before.unlink()


def icon(image: Path | None) -> int:
    """What `template_icon` draws; 0 for nothing."""
    if image is None or _previews is None or image.name not in _previews:
        return 0
    return int(_previews[image.name].icon_id)


def register() -> None:
    global _previews  # noqa: PLW0603
    _previews = bpy.utils.previews.new()


def unregister() -> None:
    global _previews, _shown  # noqa: PLW0603
    if _previews is not None:
        bpy.utils.previews.remove(_previews)
    _previews = _shown = None
