"""How the farm on this computer is doing: a panel in the Output Properties."""

from __future__ import annotations

from typing import Any

import bpy

from .. import background, preferences
from ..blender_types import collapsible
from ..language import tr
from ..monitor.text_lines import draw_text
from ..windows import layout_of
from . import operators
from .farm_process import FarmState, FarmStatus

_WORKER_WORDS = {
    "awake": "The Worker is ready to render",
    "asleep": "The Worker is asleep",
    "error": "The Worker is in trouble; see its log",
    "testing": "The Worker tries itself",
    "starting": "The Worker is starting",
    "offline": "The Worker is offline",
    "": "There is no Worker yet",
}
_MOST_LINES = 8
"""Of what a program said last."""


def draw_farm(layout: Any, context: bpy.types.Context) -> None:
    """State in words, and what can be done now."""
    now = operators.status()
    set_here = preferences.preferences()
    column = layout.column()
    if now.state is FarmState.RUNNING:
        _draw_running(column, now)
    elif not draw_change(column, context) and not operators.why_not():
        column.operator("flamenco.local_farm_start", icon="PLAY")
        if set_here is not None:
            folder = str(operators.storage_folder())
            column.prop(set_here, "local_farm_folder", placeholder=folder)
    if operators.why_not():
        draw_text(column, context, tr(operators.why_not()), icon="INFO")
    if set_here is not None:
        column.prop(set_here, "local_farm_goes_on")


def draw_change(layout: Any, context: bpy.types.Context) -> bool:
    """That the farm is starting or stopping, or why it failed; False if none of these is so."""
    now = operators.status()
    if now.state is FarmState.FAILED:
        box = layout.box().column(align=True)
        for number, line in enumerate(now.message.splitlines()[:_MOST_LINES]):
            draw_text(box, context, line, icon="BLANK1" if number else "CANCEL")
        row = layout.row(align=True)
        row.operator("flamenco.local_farm_start", text=tr("Try Again"), icon="PLAY")
        row.operator("flamenco.local_farm_logs", icon="TEXT")
        return True
    if now.is_over or now.state is FarmState.RUNNING:
        return False
    row = layout.row()
    draw_text(row.column(align=True), context, tr(now.message or "Please wait …"), icon="SORTTIME")
    if now.state is not FarmState.STOPPING:
        row.operator("flamenco.local_farm_stop", text="", icon="CANCEL")
    return True


def _draw_running(column: Any, now: FarmStatus) -> None:
    words = tr("The Manager runs at {url}").format(url=now.url)
    column.label(text=words, icon="CHECKMARK", translate=False)
    icon = "CHECKMARK" if now.worker == "awake" else "ERROR"
    column.label(text=tr(_WORKER_WORDS.get(now.worker, now.worker)), icon=icon, translate=False)
    row = column.row(align=True)
    row.operator("flamenco.local_farm_stop", text=tr("Stop"), icon="CANCEL")
    row.operator("flamenco.local_farm_open", icon="URL")
    row.operator("flamenco.local_farm_logs", text="", icon="TEXT")


class LocalFarmPanel(bpy.types.Panel):
    bl_idname = "FLAMENCO_PT_local_farm"
    bl_label = "This Computer"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "output"
    bl_parent_id = "FLAMENCO_PT_submit"
    bl_order = 100

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return not operators.why_not()

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        if operators.status().state is FarmState.RUNNING:
            side = layout_of(self).row()
            side.active = False
            side.label(text=tr("Running"), translate=False)

    def draw(self, context: bpy.types.Context) -> None:
        background.shown(context)
        draw_farm(layout_of(self), context)


def _draw_in_preferences(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    background.shown(context)
    header, body = collapsible(layout, "FLAMENCO_PT_local_farm_preferences", default_closed=True)
    header.label(text="Render on This Computer")
    if body is not None:
        draw_farm(body, context)


def register() -> None:
    bpy.utils.register_class(LocalFarmPanel)
    preferences.sections.append(_draw_in_preferences)


def unregister() -> None:
    if _draw_in_preferences in preferences.sections:
        preferences.sections.remove(_draw_in_preferences)
    bpy.utils.unregister_class(LocalFarmPanel)
