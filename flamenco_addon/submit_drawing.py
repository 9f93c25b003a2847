"""What makes the job, drawn alike in the panel and in the dialog of the Render menu."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from flamenco_core.model import AvailableJobSetting

from . import connection, job_settings, rna_overrides
from .blender_types import collapsible
from .expressions import untrusted_expressions
from .language import tr
from .local_farm import operators as local_farm
from .monitor.manager_sentences import said
from .monitor.text_lines import draw_text
from .own_properties import of_scene
from .setting_properties import (
    can_be_linked,
    is_editable,
    is_path,
    label_of,
    link_key,
    settings_groups,
)
from .submission_properties import UNNAMED

_WAITING = frozenset({connection.State.UNKNOWN, connection.State.ASKING})
_FRAMES = ("frames", "frame")


def draw_connection(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """How things stand with the Manager, if that needs words."""
    now = connection.current()
    if now.is_connected or local_farm.is_changing():
        return
    box = layout.box()
    column = box.column(align=True)
    icon = "SORTTIME" if now.condition.state in _WAITING else "UNLINKED"
    draw_text(column, context, said(now.condition.sentence), icon=icon)
    if now.condition.advice:
        draw_text(column, context, said(now.condition.advice), icon="BLANK1")
    row = box.row(align=True)
    row.operator("flamenco.fix", text=tr("Ask Again"), icon="FILE_REFRESH").fix = "ask-again"
    row.operator("flamenco.open_preferences", text=tr("Preferences"), icon="PREFERENCES")


def draw_job(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Name, type, settings and everything else that makes the job."""
    scene = context.scene
    if scene is None:
        return
    column = _properties(layout)
    stem = Path(bpy.data.filepath).stem or UNNAMED
    column.prop(scene, "flamenco_job_name", placeholder=stem)
    column.prop(scene, "flamenco_job_type")
    if job_settings.job_type_of(scene) is None:
        wanted = of_scene(scene).flamenco_job_type_name
        if wanted:
            text = tr("The farm has no job type “{name}”.").format(name=wanted)
            draw_text(layout.column(align=True), context, text, icon="ERROR")
        return
    column.prop(scene, "flamenco_job_priority", slider=True)
    farm = connection.current().farm
    if farm is not None and farm.tags:
        column.prop(scene, "flamenco_worker_tag")
    column.prop(scene, "flamenco_job_submit_as_paused")
    _draw_settings(layout, scene)
    _draw_several(layout, scene)
    _draw_overrides(layout, scene)


def _properties(layout: Any) -> Any:
    """A column as Blender's own properties look."""
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    return column


def _draw_settings(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    job_type = job_settings.job_type_of(scene)
    group, said = job_settings.group_of(scene), of_scene(scene)
    if job_type is None or group is None:
        return
    if untrusted_expressions(job_type):
        row = layout.row()
        row.label(text=tr("This farm computes settings with Python"), icon="LOCKED")
        row.operator("flamenco.trust_farm", text=tr("Look at It"))
    for part in settings_groups(job_type):
        header, body = collapsible(layout, f"FLAMENCO_PT_{part.identifier}", default_closed=False)
        header.label(text=part.label)
        if body is None:
            continue
        column = _properties(body)
        has_frames = any(setting.key in _FRAMES for setting in part.settings)
        if has_frames:
            column.prop(scene, "flamenco_frames", text=tr("Render"))
        for setting in part.settings:
            row = column.row(align=True)
            row.active = setting.key not in _FRAMES or said.flamenco_frames == "SETTINGS"
            _draw_setting(row, group, setting)


def _draw_setting(row: Any, group: Any, setting: AvailableJobSetting) -> None:
    # What Blender cannot set it greys out by itself.
    if not is_editable(setting):
        row.prop(group, setting.key)
        return
    if can_be_linked(setting):
        is_linked = getattr(group, link_key(setting))
        shown = job_settings.SHOWN_PREFIX + setting.key if is_linked else setting.key
        row.prop(group, shown, text=label_of(setting))
        icon = "LINKED" if is_linked else "UNLINKED"
        row.prop(group, link_key(setting), text="", icon=icon)
        return
    row.prop(group, setting.key)
    if setting.eval:
        operator = row.operator("flamenco.eval_setting", text="", icon="SCRIPT")
        operator.setting_key = setting.key
    value = getattr(group, setting.key)
    if is_path(setting) and value:
        opening = row.operator("flamenco.open_folder", text="", icon="FOLDER_REDIRECT")
        opening.path = value


def _draw_several(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    header, body = collapsible(layout, "FLAMENCO_PT_several", default_closed=True)
    header.label(text=tr("Several Jobs at Once"))
    if body is None:
        return
    column = _properties(body)
    column.prop(scene, "flamenco_scenes")
    if of_scene(scene).flamenco_scenes == "MARKED":
        marked = column.column(align=True, heading=tr("Marked"))
        for each in bpy.data.scenes:
            marked.prop(each, "flamenco_is_marked", text=each.name)
    column.prop(scene, "flamenco_cameras")
    column.prop(scene, "flamenco_view_layers")


def _draw_overrides(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    header, body = collapsible(layout, "FLAMENCO_PT_overrides", default_closed=True)
    count = len(rna_overrides.lines_of(scene))
    title = tr("RNA Overrides")
    header.label(text=f"{title} ({count})" if count else title)
    if body is not None:
        rna_overrides.draw_list(body, scene)
