"""The panel in the Output Properties, the entry in the Render menu, and the status bar."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import bpy

from flamenco_core.errors import FlamencoError
from flamenco_core.model import AvailableJobSetting

from . import background, connection, job_settings, rna_overrides, submission_drivers
from .expressions import untrusted_expressions
from .job_planning import Wishes, plan_jobs
from .preflight import checking, gathering
from .preflight.findings import FIX_LABELS, Finding, Severity, by_severity
from .setting_properties import (
    can_be_linked,
    is_editable,
    is_path,
    label_of,
    link_key,
    settings_groups,
)
from .submission import Stage, Submission
from .submission_properties import UNNAMED

_ICONS = {Severity.ERROR: "CANCEL", Severity.WARNING: "ERROR", Severity.NOTE: "INFO"}
_FRESH_SECONDS = 0.5
"""How long what was found stands before drawing looks again."""

_live: tuple[float, str, list[Finding]] = (0.0, "", [])


def draw_job(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Name, type, settings and everything else that makes the job."""
    scene = context.scene
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    stem = Path(bpy.data.filepath).stem or UNNAMED
    column.prop(scene, "flamenco_job_name", placeholder=stem)
    column.prop(scene, "flamenco_job_type")
    column.prop(scene, "flamenco_job_priority", slider=True)
    farm = connection.current().farm
    if farm is not None and farm.tags:
        column.prop(scene, "flamenco_worker_tag")
    column.prop(scene, "flamenco_job_submit_as_paused")
    _draw_settings(layout, scene)
    _draw_several(layout, scene)
    _draw_overrides(layout, scene)


def _draw_settings(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    job_type = job_settings.job_type_of(scene)
    group = job_settings.group_of(scene)
    if job_type is None or group is None:
        if scene.flamenco_job_type_name and connection.current().farm is not None:
            text = f"The farm has no job type “{scene.flamenco_job_type_name}”"
            layout.label(text=text, icon="ERROR")
        return
    if untrusted_expressions(job_type):
        row = layout.row()
        row.label(text="This farm computes settings with Python", icon="LOCKED")
        row.operator("flamenco.trust_farm", text="Look at It")
    for part in settings_groups(job_type):
        header, body = layout.panel(f"FLAMENCO_PT_{part.identifier}", default_closed=False)
        header.label(text=part.label)
        if body is None:
            continue
        body.use_property_split = True
        body.use_property_decorate = False
        if part.identifier == "frames":
            body.prop(scene, "flamenco_frames", text="Render")
        is_decided = part.identifier == "frames" and scene.flamenco_frames != "SETTINGS"
        for setting in part.settings:
            row = body.row(align=True)
            row.active = not (is_decided and setting.key in ("frames", "frame"))
            _draw_setting(row, group, setting)


def _draw_setting(row: Any, group: Any, setting: AvailableJobSetting) -> None:
    if not is_editable(setting):
        row.prop(group, setting.key)
        return
    if can_be_linked(setting):
        is_linked = getattr(group, link_key(setting))
        # What is shown of a linked setting can only be looked at, so Blender greys it out.
        shown = job_settings.SHOWN_PREFIX + setting.key if is_linked else setting.key
        row.prop(group, shown, text=label_of(setting))
        icon = "LINKED" if is_linked else "UNLINKED"
        row.prop(group, link_key(setting), text="", icon=icon)
        return
    row.prop(group, setting.key)
    if setting.eval:
        operator = row.operator("flamenco.eval_setting", text="", icon="SCRIPT")
        operator.setting_key = setting.key
    if is_path(setting) and getattr(group, setting.key):
        row.operator("wm.path_open", text="", icon="EXTERNAL_DRIVE").filepath = _folder(
            getattr(group, setting.key)
        )


def _folder(path: str) -> str:
    return bpy.path.abspath(path)


def _draw_several(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    header, body = layout.panel("FLAMENCO_PT_several", default_closed=True)
    header.label(text="Several Jobs at Once")
    if body is None:
        return
    body.use_property_split = True
    body.use_property_decorate = False
    body.prop(scene, "flamenco_scenes")
    if scene.flamenco_scenes == "MARKED":
        column = body.column(align=True, heading="Marked")
        for each in bpy.data.scenes:
            column.prop(each, "flamenco_is_marked", text=each.name)
    body.prop(scene, "flamenco_cameras")
    body.prop(scene, "flamenco_view_layers")


def _draw_overrides(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    header, body = layout.panel("FLAMENCO_PT_overrides", default_closed=True)
    count = len(rna_overrides.lines_of(scene))
    header.label(text=f"RNA Overrides ({count})" if count else "RNA Overrides")
    if body is not None:
        rna_overrides.draw_list(body, scene)


def draw_connection(layout: bpy.types.UILayout) -> None:
    """How things stand with the Manager, if that needs words."""
    now = connection.current()
    if now.is_connected:
        return
    box = layout.box().column(align=True)
    icon = "SORTTIME" if now.condition.state in _WAITING else "UNLINKED"
    _draw_text(box, now.condition.sentence, icon, 54)
    if now.condition.advice:
        _draw_text(box, now.condition.advice, "BLANK1", 54)
    row = layout.row(align=True)
    row.operator("flamenco.fix", text="Ask Again", icon="FILE_REFRESH").fix = "ask-again"
    row.operator("flamenco.open_preferences", text="Preferences", icon="PREFERENCES")


_WAITING = frozenset({connection.State.UNKNOWN, connection.State.ASKING})


def draw_findings(layout: bpy.types.UILayout, found: Iterable[Finding], *, width: int = 48) -> None:
    """Each with its sentence, and a button where it can be mended."""
    column = layout.column(align=True)
    for finding in found:
        row = column.row()
        words = row.column(align=True)
        text = f"{finding.what} {finding.hint}".strip()
        _draw_text(words, text, _ICONS[finding.severity], width - (12 if finding.fix else 0))
        if finding.fix is not None:
            side = row.column()
            side.alignment = "RIGHT"
            operator = side.operator("flamenco.fix", text=FIX_LABELS[finding.fix])
            operator.fix, operator.scene = finding.fix.value, finding.scene
            operator.target = finding.target


def _draw_text(column: Any, text: str, icon: str, width: int) -> None:
    for number, line in enumerate(textwrap.wrap(text, width) or [""]):
        column.label(text=line, icon=icon if number == 0 else "BLANK1")


def _draw_preflight(layout: bpy.types.UILayout, context: bpy.types.Context) -> list[Finding]:
    found = findings_now(context.scene)
    header, body = layout.panel("FLAMENCO_PT_preflight", default_closed=False)
    worst = found[0].severity if found else None
    header.label(text=_preflight_title(found), icon=_ICONS[worst] if worst is not None else "NONE")
    if body is not None:
        if found:
            draw_findings(body, found)
        else:
            body.label(text="Nothing stands in the way", icon="CHECKMARK")
    return found


def _preflight_title(found: Sequence[Finding]) -> str:
    counts = dict.fromkeys(Severity, 0)
    for finding in found:
        counts[finding.severity] += 1
    words = [
        f"{count} {name}{'' if count == 1 else 's'}"
        for severity, name in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"))
        if (count := counts[severity])
    ]
    return f"Pre-flight: {', '.join(words)}" if words else "Pre-flight"


def findings_now(scene: bpy.types.Scene) -> list[Finding]:
    """What can be seen at once, and what the last look at files and farm has found."""
    global _live  # noqa: PLW0603
    now = time.monotonic()
    if now - _live[0] > _FRESH_SECONDS or _live[1] != scene.name:
        _live = (now, scene.name, _look_quickly(scene))
    found = list(_live[2])
    submission = submission_drivers.current()
    if submission is not None and submission.stage in _WITH_FINDINGS:
        seen_at_once = {finding.check for finding in found} | _SEEN_AT_ONCE
        found += [each for each in submission.findings if each.check not in seen_at_once]
    return by_severity(found)


_WITH_FINDINGS = frozenset({Stage.STOPPED, Stage.ASKING, Stage.DONE})
_SEEN_AT_ONCE = frozenset(
    {"camera", "format", "frames", "view-layers", "unsaved", "manager", "tag", "trust", "paths"}
    | {"gpu", "overrides", "blender-version"}
)


def _look_quickly(scene: bpy.types.Scene) -> list[Finding]:
    farm = gathering.gather_farm(scene)
    session = gathering.gather_session()
    try:
        jobs = tuple(job.facts for job in plan_jobs(scene, Wishes(), thorough=False))
    except FlamencoError as error:
        if connection.current().farm is None or not scene.flamenco_job_type_name:
            return []
        text = error.problems[0].what if error.problems else error.message
        return [Finding("choice", Severity.ERROR, text[:1].upper() + text[1:] + ".")]
    found = checking.find(checking.Facts(session=session, farm=farm, jobs=jobs))
    # How things stand with the Manager is said at the top of the panel.
    return [finding for finding in found if finding.check != "manager"]


def _draw_submission(layout: bpy.types.UILayout, submission: Submission) -> None:
    """How far it is, or how it ended."""
    if submission.stage is Stage.ASKING:
        layout.label(text="Submit in spite of the warnings?", icon="QUESTION")
        row = layout.row()
        row.scale_y = 1.3
        row.operator("flamenco.decide_on_warnings", text="Submit Anyway")
        row.operator("flamenco.cancel_submission", text="Cancel")
        return
    if not submission.is_over:
        row = layout.row(align=True)
        row.scale_y = 1.3
        text, fraction = progress_of(submission)
        row.progress(factor=fraction, text=text)
        row.operator("flamenco.cancel_submission", text="", icon="X")
        detail = _detail_of(submission)
        if detail:
            layout.label(text=detail, icon="BLANK1")
        return
    if submission.stage is Stage.STOPPED:
        return
    icon = _END_ICONS[submission.stage]
    row = layout.row()
    _draw_text(row.column(align=True), submission.message, icon, 50)
    row.operator("flamenco.forget_submission", text="", icon="X", emboss=False)
    if submission.can_try_again:
        layout.operator("flamenco.try_submission_again", icon="FILE_REFRESH")
    if submission.stage is Stage.DONE and submission.jobs:
        url = f"{connection.current().url}/app/jobs/{submission.jobs[0].id}"
        layout.operator("wm.url_open", text="Show in Browser", icon="URL").url = url


_END_ICONS = {
    Stage.DONE: "CHECKMARK",
    Stage.FAILED: "CANCEL",
    Stage.CANCELLED: "INFO",
    Stage.STOPPED: "CANCEL",
}


def progress_of(submission: Submission) -> tuple[str, float]:
    """A few words and how much of it is done, from 0 to 1."""
    run = submission.pack_run
    if submission.stage is not Stage.PACKING or run is None or run.progress is None:
        return submission.message, 1.0 if submission.stage is Stage.SUBMITTING else 0.0
    progress, left = run.progress.progress, run.progress.seconds_left
    total = progress.bytes_total
    fraction = min(1.0, progress.bytes_done / total) if total else 0.0
    text = progress.stage.value.replace("-", " ").capitalize()
    if total:
        text += f" {_size(progress.bytes_done)} of {_size(total)}"
    if left is not None and left >= 1:
        text += f", {_duration(left)} left"
    return text, fraction


def _detail_of(submission: Submission) -> str:
    run = submission.pack_run
    if submission.stage is not Stage.PACKING or run is None or run.progress is None:
        return ""
    name = run.progress.progress.file
    return name if len(name) <= 56 else f"…{name[-55:]}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class FLAMENCO_PT_submit(bpy.types.Panel):
    bl_label = "Flamenco"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "output"

    def draw(self, context: bpy.types.Context) -> None:
        background.shown(context)
        layout = self.layout
        draw_connection(layout)
        if connection.current().farm is None:
            return
        draw_job(layout, context)
        found: list[Finding] = []
        if context.scene.flamenco_job_type_name:
            found = _draw_preflight(layout, context)
        submission = submission_drivers.current()
        if submission is not None:
            _draw_submission(layout, submission)
        if submission is None or submission.is_over:
            _draw_buttons(layout, context, found)


def _draw_buttons(
    layout: bpy.types.UILayout, context: bpy.types.Context, found: Sequence[Finding]
) -> None:
    row = layout.row(align=True)
    row.scale_y = 1.5
    can_submit = bool(context.scene.flamenco_job_type_name) and connection.current().is_connected
    stops = any(each.severity is Severity.ERROR and each.check in _SEEN_AT_ONCE for each in found)
    row.enabled = can_submit
    submit = row.row(align=True)
    submit.enabled = not stops
    submit.operator_context = "INVOKE_DEFAULT"
    submit.operator("flamenco.submit_job", icon="RENDER_ANIMATION")
    row.operator("flamenco.dry_run_job")


def draw_dialog(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What the dialog of the Render menu shows."""
    draw_connection(layout)
    if connection.current().farm is None:
        return
    draw_job(layout, context)
    if context.scene.flamenco_job_type_name:
        _draw_preflight(layout, context)


def _draw_in_render_menu(menu: Any, _context: bpy.types.Context) -> None:
    layout = menu.layout
    layout.separator()
    layout.operator_context = "INVOKE_DEFAULT"
    layout.operator("flamenco.submit_dialog", text="Submit to Flamenco…", icon="RENDER_ANIMATION")


def _draw_in_status_bar(header: Any, _context: bpy.types.Context) -> None:
    """While something is under way, wherever the artist is in Blender."""
    submission = submission_drivers.current()
    if submission is None or submission.is_over:
        return
    text, fraction = progress_of(submission)
    row = header.layout.row(align=True)
    row.label(text="Flamenco", icon="RENDER_ANIMATION")
    row.progress(factor=fraction, text=text)
    row.operator("flamenco.cancel_submission", text="", icon="X")


class FLAMENCO_OT_open_preferences(bpy.types.Operator):
    """Open the preferences of this extension"""

    bl_idname = "flamenco.open_preferences"
    bl_label = "Flamenco Preferences"
    bl_options = {"REGISTER", "INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        return bpy.ops.preferences.addon_show(module=__package__)


_CLASSES = (FLAMENCO_OT_open_preferences, FLAMENCO_PT_submit)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.TOPBAR_MT_render.append(_draw_in_render_menu)
    bpy.types.STATUSBAR_HT_header.append(_draw_in_status_bar)


def unregister() -> None:
    global _live  # noqa: PLW0603
    bpy.types.STATUSBAR_HT_header.remove(_draw_in_status_bar)
    bpy.types.TOPBAR_MT_render.remove(_draw_in_render_menu)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
    _live = (0.0, "", [])
