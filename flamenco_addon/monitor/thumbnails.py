"""Images of what jobs rendered last, as icons that panels can draw."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy.utils.previews


class _Icons:
    """The one image that is shown, as Blender keeps it."""

    def __init__(self) -> None:
        self._previews: Any = None
        self._shown: Path | None = None

    def open(self) -> None:
        self._previews = bpy.utils.previews.new()

    def close(self) -> None:
        if self._previews is not None:
            bpy.utils.previews.remove(self._previews)
        self._previews = self._shown = None

    def __contains__(self, image: Path) -> bool:
        return self._previews is not None and image.name in self._previews

    def show(self, image: Path) -> None:
        if self._previews is None or image in self:
            return
        before, self._shown = self._shown, image
        self._previews.load(image.name, str(image), "IMAGE")
        if before is not None and before in self:
            del self._previews[before.name]
            with suppress(OSError):
                before.unlink()

    def icon(self, image: Path) -> int:
        return int(self._previews[image.name].icon_id) if image in self else 0


_icons = _Icons()


def show(image: Path) -> None:
    """Takes the place of what was shown before; Blender reads the file when it draws it."""
    _icons.show(image)


def icon(image: Path | None) -> int:
    """What `template_icon` draws; 0 for nothing."""
    return _icons.icon(image) if image is not None else 0


def register() -> None:
    _icons.open()


def unregister() -> None:
    _icons.close()
