"""How things stand with the Manager: in the preferences, and below the submission panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy

from . import background, connection, connection_operators, finding_managers, preferences
from .blender_types import Icon
from .connection import State
from .language import tr
from .monitor.manager_sentences import said
from .monitor.text_lines import draw_text
from .windows import layout_of

_ICONS: Mapping[State, Icon] = {
    State.UNKNOWN: "SORTTIME",
    State.ASKING: "SORTTIME",
    State.CONNECTED: "CHECKMARK",
    State.OTHER_VERSION: "INFO",
    State.LOG_IN: "LOCKED",
    State.OFFLINE: "INTERNET_OFFLINE",
}
_IN_TROUBLE: Icon = "ERROR"


def draw_manager(layout: Any, context: bpy.types.Context) -> None:
    """Address, state in words, and whatever helps."""
    set_here = preferences.preferences()
    if set_here is None:
        return
    row = layout.row(align=True)
    row.prop(set_here, "manager_url")
    row.operator("flamenco.find_managers", text="", icon="VIEWZOOM")
    row.operator("flamenco.refresh", text="", icon="FILE_REFRESH")
    now = connection.current()
    column = layout.column(align=True)
    condition = now.condition
    icon = _ICONS.get(condition.state, _IN_TROUBLE)
    draw_text(column, context, said(condition.sentence), icon=icon)
    if condition.advice:
        draw_text(column, context, said(condition.advice), icon="BLANK1")
    _draw_account(layout, context, now)
    _draw_found(layout, context)
    if now.is_connected:
        _draw_farm(layout, context, now)


def _draw_account(layout: Any, context: bpy.types.Context, now: connection.Connection) -> None:
    caller = now.farm.caller if now.farm is not None and now.is_connected else None
    wants_login = now.condition.state in (State.LOG_IN, State.REFUSED)
    if connection_operators.log_in.is_under_way:
        layout.label(text=tr("Logging in …"), icon="SORTTIME")
    elif wants_login:
        if connection_operators.log_in.message:
            box = layout.column(align=True)
            box.alert = True
            draw_text(box, context, connection_operators.log_in.message, icon="ERROR")
        row = layout.row(align=True)
        row.scale_y = 1.2
        row.operator("flamenco.log_in", icon="USER")
        row.operator("flamenco.use_token")
    elif caller is not None and caller.name and caller.role is not None:
        row = layout.row()
        who = tr("Logged in as {name} ({role})").format(name=caller.name, role=caller.role)
        row.label(text=who, icon="USER", translate=False)
        row.operator("flamenco.log_out", text=tr("Log Out"))


def _draw_found(layout: Any, context: bpy.types.Context) -> None:
    if not (finding_managers.message or finding_managers.found):
        return
    box = layout.box()
    if finding_managers.message:
        icon = "VIEWZOOM" if finding_managers.is_searching() else "INFO"
        draw_text(box.column(align=True), context, tr(finding_managers.message), icon=icon)
    own = connection.current().url
    for manager in finding_managers.found:
        row = box.row()
        words = row.column(align=True)
        words.label(text=manager.name, icon="NETWORK_DRIVE", translate=False)
        words.label(text=f"{manager.url}  {manager.version}", icon="BLANK1", translate=False)
        side = row.column()
        side.enabled = manager.url.rstrip("/") != own.rstrip("/")
        text = tr("Use") if side.enabled else tr("In Use")
        side.operator("flamenco.use_manager", text=text).url = manager.url


def _draw_farm(layout: Any, context: bpy.types.Context, now: connection.Connection) -> None:
    farm = now.farm
    if farm is None:
        return
    column = layout.column(align=True)
    if farm.storage.shamanEnabled:
        text = tr("Files of jobs are uploaded; those that the farm has already are not sent again.")
    else:
        text = tr("Files of jobs go to {folder}").format(folder=farm.storage.location)
    draw_text(column, context, text, icon="FILE_FOLDER")
    awake = sum(worker.status == "awake" for worker in farm.workers)
    counts = tr("{types} job types, {awake} of {workers} workers awake").format(
        types=len(farm.job_types), awake=awake, workers=len(farm.workers)
    )
    column.label(text=counts, icon="DESKTOP", translate=False)
    layout.operator("flamenco.open_manager", icon="URL")


class FLAMENCO_PT_connection(bpy.types.Panel):
    bl_label = "Manager"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "output"
    bl_parent_id = "FLAMENCO_PT_submit"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 90

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        state = connection.current().condition.state
        layout_of(self).label(text="", icon=_ICONS.get(state, _IN_TROUBLE))

    def draw(self, context: bpy.types.Context) -> None:
        background.shown(context)
        draw_manager(layout_of(self), context)


def _draw_in_preferences(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    background.shown(context)
    draw_manager(layout, context)


def register() -> None:
    bpy.utils.register_class(FLAMENCO_PT_connection)
    preferences.sections.insert(0, _draw_in_preferences)


def unregister() -> None:
    if _draw_in_preferences in preferences.sections:
        preferences.sections.remove(_draw_in_preferences)
    bpy.utils.unregister_class(FLAMENCO_PT_connection)
