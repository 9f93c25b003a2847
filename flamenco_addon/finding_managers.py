"""The Managers that were found in the network, and the search for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import bpy

from flamenco_core.client.discovery import FoundManager, find_managers

from . import background

_ON_THIS_MACHINE = "http://localhost:8080/"
"""Asked always: many try a Manager on their own computer first."""
_LOOPBACK = ("127.0.0.1",)
_NO_TIME = timedelta(0)

found: Sequence[FoundManager] = ()
"""What the last search has found."""
message = ""
"""How the search stands, or went."""
_work: background.Work | None = None


def is_searching() -> bool:
    return _work is not None


def search() -> background.Work:
    """Looks for Managers for a few seconds, on another thread."""
    global _work, message  # noqa: PLW0603
    if _work is None:
        message = "Looking for Managers in the network …"
        may_go_online = bpy.app.online_access
        _work = background.run(
            lambda: _find(may_go_online),
            then=_take_over,
            failed=_could_not,
            name="looking for Managers",
        )
        background.redraw()
    return _work


def forget() -> None:
    """Ends a search, and shows nothing any more."""
    global _work, found, message
    if _work is not None:
        _work.cancel()
    _work, found, message = None, (), ""


def _find(may_go_online: bool) -> list[FoundManager]:
    if may_go_online:
        return find_managers(also=[_ON_THIS_MACHINE])
    # Other machines must not hear of it.
    return find_managers(search_time=_NO_TIME, interfaces=_LOOPBACK, also=[_ON_THIS_MACHINE])


def _take_over(managers: Sequence[FoundManager]) -> None:
    global _work, found, message  # noqa: PLW0603
    _work, found = None, tuple(managers)
    if managers:
        message = ""
    elif bpy.app.online_access:
        message = "No Manager answered. Ask for its address, and type it in above."
    else:
        message = "Blender is set not to use the network, so only this computer was asked."
    background.redraw()


def _could_not(error: Exception) -> None:
    global _work, message
    _work, message = None, f"The search failed: {error}"
    background.redraw()
