"""Types of Blender that signatures name, and what its published stubs have wrong about others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import bpy

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems, OperatorReturnItems

    Icon = IconItems
    OperatorResult = set[OperatorReturnItems]
else:  # Blender itself has no such names
    Icon = str
    OperatorResult = set


_Handler = TypeVar("_Handler", bound=Callable[..., object])


def persistent(handler: _Handler) -> _Handler:
    """Has a handler stay when another file is opened."""
    marked: _Handler = bpy.app.handlers.persistent(handler)
    return marked


def is_linked(block: bpy.types.ID) -> bool:
    """Whether it comes from another file. By the stubs everything does."""
    library: Any = block.library
    return library is not None


def collapsible(
    layout: bpy.types.UILayout, identifier: str, *, default_closed: bool
) -> tuple[bpy.types.UILayout, bpy.types.UILayout | None]:
    """Head and body of a panel inside a panel; there is no body while it is closed."""
    parts: Any = layout.panel(identifier, default_closed=default_closed)
    header, body = parts
    return header, body
