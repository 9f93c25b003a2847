"""News in Blender's status bar: a job has ended, something could not be done."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import bpy

from .. import background
from ..blender_types import OperatorResult
from ..language import tr
from ..windows import all_windows

SHOWN_FOR = timedelta(seconds=30)
MOST_NOTICES = 20
"""So many are remembered, for whoever asks."""
_TICKING = "notices"


@dataclass(frozen=True, slots=True)
class Notice:
    icon: str
    text: str
    job_id: str
    until: float
    """By the monotonic clock."""


recent: list[Notice] = []
"""The newest one last; also those that are not shown any more."""


class _EndOfNotice:
    """When what is said is said no longer: it was dismissed, or its time is over."""

    def __init__(self) -> None:
        self.is_dismissed = False
        self._timer: threading.Timer | None = None

    def wait(self) -> None:
        """Looks again when the time is over."""
        self.stop_waiting()
        timer = threading.Timer(SHOWN_FOR.total_seconds() + 0.1, background.post, [_look])
        timer.daemon = True
        timer.start()
        self._timer = timer

    def stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_end = _EndOfNotice()


def tell(icon: str, text: str, *, job_id: str = "") -> None:
    """Says something for a while; on the main thread."""
    until = time.monotonic() + SHOWN_FOR.total_seconds()
    recent.append(Notice(icon, text, job_id, until))
    del recent[:-MOST_NOTICES]
    _end.is_dismissed = False
    redraw()
    if not bpy.app.background:
        background.keep_ticking(_TICKING)
        _end.wait()


def shown() -> Notice | None:
    """What is said now."""
    if _end.is_dismissed or not recent or time.monotonic() >= recent[-1].until:
        return None
    return recent[-1]


def dismiss() -> None:
    _end.is_dismissed = True
    _look()


def _look() -> None:
    if shown() is None:
        background.stop_ticking(_TICKING)
        redraw()


def redraw() -> None:
    """Has the status bar drawn again."""
    for window in all_windows():
        # The status bar is no area that could be asked to draw itself; a text that is set is.
        window.workspace.status_text_set_internal(None)


def _draw(header: Any, _context: bpy.types.Context) -> None:
    notice = shown()
    if notice is None:
        return
    row = header.layout.row(align=True)
    row.alert = notice.icon == "ERROR"
    if notice.job_id:
        operator = row.operator(
            "flamenco.show_job", text=notice.text, icon=notice.icon, translate=False
        )
        operator.job_id = notice.job_id
    else:
        row.label(text=notice.text, icon=notice.icon, translate=False)
    row.operator("flamenco.dismiss_notice", text="", icon="PANEL_CLOSE", emboss=False)


class FLAMENCO_OT_dismiss_notice(bpy.types.Operator):
    bl_idname = "flamenco.dismiss_notice"
    bl_label = "Dismiss"
    bl_description = "Remove the message from the status bar"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        dismiss()
        return {"FINISHED"}


class FLAMENCO_OT_show_job(bpy.types.Operator):
    bl_idname = "flamenco.show_job"
    bl_label = "Show Job"
    bl_description = "Show this job in the Flamenco tab of the sidebar"
    bl_options = {"INTERNAL"}

    job_id: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Job", description="The id of the job", options={"SKIP_SAVE", "HIDDEN"}
    )

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        from . import job_items, live

        live.open_job(self.job_id)
        job_items.show_jobs(live.shown)
        area = _largest_area(context)
        if area is None:
            self.report({"INFO"}, tr("Open a 3D Viewport to see the job in its sidebar"))
            return {"FINISHED"}
        area.spaces.active.show_region_ui = True
        region = next(each for each in area.regions if each.type == "UI")
        # It cannot be set before the sidebar was drawn for the first time, nor by all versions.
        with suppress(AttributeError, TypeError):
            region.active_panel_category = "Flamenco"
        area.tag_redraw()
        return {"FINISHED"}


def _largest_area(context: bpy.types.Context) -> Any:
    areas = [
        area
        for area in (context.window.screen.areas if context.window is not None else ())
        if area.type in ("VIEW_3D", "IMAGE_EDITOR", "SEQUENCE_EDITOR", "NODE_EDITOR")
    ]
    return max(areas, key=lambda area: area.width * area.height, default=None)


_CLASSES = (FLAMENCO_OT_dismiss_notice, FLAMENCO_OT_show_job)


def register() -> None:
    for each in _CLASSES:
        bpy.utils.register_class(each)
    bpy.types.STATUSBAR_HT_header.append(_draw)


def unregister() -> None:
    bpy.types.STATUSBAR_HT_header.remove(_draw)
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
    _end.stop_waiting()
    recent.clear()
