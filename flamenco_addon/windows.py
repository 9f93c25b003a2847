"""Blender's windows, and the dialogs in them, also where there are none.

Blender has no window manager while it starts and ends, and no window with `--background`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from .blender_types import Icon, OperatorResult
from .language import tr


def all_windows() -> list[bpy.types.Window]:
    manager = bpy.context.window_manager
    return [] if manager is None else list(manager.windows)


def all_areas() -> list[bpy.types.Area]:
    """Those of all windows."""
    return [area for window in all_windows() for area in window.screen.areas]


def in_first_window(function: Callable[[], object]) -> bool:
    """Calls it where an operator may open a dialog, which no tick is; False without a window."""
    windows = all_windows()
    if not windows:
        return False
    with bpy.context.temp_override(window=windows[0]):
        function()
    return True


def layout_of(
    drawn: bpy.types.Operator | bpy.types.Panel | bpy.types.AddonPreferences,
) -> bpy.types.UILayout:
    """Where `draw` draws: Blender sets it before it calls that.

    Raises:
        RuntimeError: nothing is being drawn.
    """
    layout = drawn.layout
    if layout is None:
        raise RuntimeError(f"{type(drawn).__name__} is not being drawn")
    return layout


def ask_in_dialog(
    operator: bpy.types.Operator,
    context: bpy.types.Context,
    *,
    width: int,
    title: str = "",
    confirm_text: str = "",
) -> OperatorResult:
    """What an operator's `invoke` returns that shows its properties first.

    Without a title that is the operator's name, and without `confirm_text` Blender says OK.
    """
    manager = context.window_manager
    if manager is None:
        return _nowhere_to_ask(operator)
    # An empty text is not as none: the dialog would have no title, or a button without words.
    texts: dict[str, Any] = {"title": title, "confirm_text": confirm_text}
    given = {name: text for name, text in texts.items() if text}
    return manager.invoke_props_dialog(operator, width=width, **given)


def ask_to_confirm(
    operator: bpy.types.Operator,
    context: bpy.types.Context,
    event: bpy.types.Event,
    *,
    title: str,
    message: str,
    confirm_text: str,
) -> OperatorResult:
    """What an operator's `invoke` returns that asks whether it is meant."""
    manager = context.window_manager
    if manager is None:
        return _nowhere_to_ask(operator)
    return manager.invoke_confirm(
        operator, event, title=title, message=message, confirm_text=confirm_text, icon="QUESTION"
    )


def _nowhere_to_ask(operator: bpy.types.Operator) -> OperatorResult:
    operator.report({"ERROR"}, tr("Blender has no window to ask in"))
    return {"CANCELLED"}


def tell_in_popup(message: str, *, icon: Icon) -> None:
    """Says something where the mouse is; nowhere without a window manager."""
    manager = bpy.context.window_manager
    if manager is None:
        return

    def draw(popup: Any, _context: bpy.types.Context) -> None:
        popup.layout.label(text=message)

    manager.popup_menu(draw, title="Flamenco", icon=icon)
