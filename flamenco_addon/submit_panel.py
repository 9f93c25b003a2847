"""The panel in the Output Properties, the entry in the Render menu, and the status bar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from . import background, connection, submission_drivers
from .language import tr
from .monitor.text_lines import draw_text
from .preflight import drawing, fixes
from .preflight.findings import Finding
from .submission import Stage, Submission
from .submit_drawing import draw_connection, draw_job

DIALOG_WIDTH = 420
"""Pixels at a scale of 1."""

_END_ICONS = {Stage.DONE: "CHECKMARK", Stage.FAILED: "CANCEL", Stage.CANCELLED: "INFO"}


class FLAMENCO_PT_submit(bpy.types.Panel):
    bl_label = "Flamenco"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "output"

    def draw(self, context: bpy.types.Context) -> None:
        background.shown(context)
        layout = self.layout
        draw_connection(layout, context)
        if connection.current().farm is None:
            return
        draw_job(layout, context)
        has_type = bool(context.scene.flamenco_job_type_name)
        found = drawing.draw_preflight(layout, context) if has_type else []
        submission = submission_drivers.current()
        if submission is not None:
            _draw_submission(layout, context, submission)
        if submission is None or submission.is_over:
            _draw_buttons(layout, context, found)


def draw_dialog(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What the dialog of the Render menu shows."""
    draw_connection(layout, context)
    if connection.current().farm is None:
        return
    draw_job(layout, context)
    if context.scene.flamenco_job_type_name:
        drawing.draw_preflight(layout, context, width=DIALOG_WIDTH)


def progress_of(submission: Submission) -> tuple[str, float]:
    """A few words and how much of it is done, from 0 to 1."""
    run = submission.pack_run
    if submission.stage is not Stage.PACKING or run is None or run.progress is None:
        return tr(submission.message), 1.0 if submission.stage is Stage.SUBMITTING else 0.0
    progress, left = run.progress.progress, run.progress.seconds_left
    total = progress.bytes_total
    words = [tr(progress.stage.value.replace("-", " ").capitalize())]
    if total:
        words.append(f"{_size(progress.bytes_done)} / {_size(total)}")
    if left is not None and left >= 1:
        words.append(tr("{time} left").format(time=_duration(left)))
    return " · ".join(words), min(1.0, progress.bytes_done / total) if total else 0.0


def _draw_submission(
    layout: bpy.types.UILayout, context: bpy.types.Context, submission: Submission
) -> None:
    """How far it is, or how it ended."""
    if submission.stage is Stage.ASKING:
        layout.label(text=tr("Submit in spite of the warnings?"), icon="QUESTION")
        row = layout.row()
        row.scale_y = 1.3
        row.operator_context = "EXEC_DEFAULT"
        row.operator("flamenco.decide_on_warnings", text=tr("Submit Anyway"))
        row.operator("flamenco.cancel_submission", text=tr("Cancel"))
    elif not submission.is_over:
        _draw_progress(layout, context, submission)
    elif submission.stage in _END_ICONS:
        _draw_end(layout, context, submission)


def _draw_progress(
    layout: bpy.types.UILayout, context: bpy.types.Context, submission: Submission
) -> None:
    row = layout.row(align=True)
    row.scale_y = 1.3
    text, fraction = progress_of(submission)
    row.progress(factor=fraction, text=text)
    row.operator("flamenco.cancel_submission", text="", icon="X")
    run = submission.pack_run
    if submission.stage is Stage.PACKING and run is not None and run.progress is not None:
        progress = run.progress.progress
        text, icon = tr(progress.note), "INFO"
        if not progress.note:
            text, icon = Path(progress.file).name, "FILE_BLANK"
        draw_text(layout.column(align=True), context, text, icon=icon)


def _draw_end(
    layout: bpy.types.UILayout, context: bpy.types.Context, submission: Submission
) -> None:
    row = layout.box().row()
    words = row.column(align=True)
    draw_text(words, context, submission.message, icon=_END_ICONS[submission.stage], taken=30)
    row.operator("flamenco.forget_submission", text="", icon="X", emboss=False)
    if submission.can_try_again:
        words.operator("flamenco.try_submission_again", icon="FILE_REFRESH")
    if submission.jobs:
        url = f"{connection.current().url}/app/jobs/{submission.jobs[0].id}"
        words.operator("wm.url_open", text=tr("Show in Browser"), icon="URL").url = url


def _draw_buttons(
    layout: bpy.types.UILayout, context: bpy.types.Context, found: Sequence[Finding]
) -> None:
    row = layout.row(align=True)
    row.scale_y = 1.5
    has_type = bool(context.scene.flamenco_job_type_name)
    row.enabled = has_type and connection.current().is_connected
    row.operator_context = "INVOKE_DEFAULT"
    submit = row.row(align=True)
    submit.enabled = not drawing.is_stopped(found)
    submit.operator("flamenco.submit_job", icon="RENDER_ANIMATION")
    row.operator("flamenco.dry_run_job")


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
    row.label(text="Flamenco", icon="RENDER_ANIMATION", translate=False)
    bar = row.row(align=True)
    bar.ui_units_x = 12
    bar.progress(factor=fraction, text=text)
    row.operator("flamenco.cancel_submission", text="", icon="X")


class FLAMENCO_OT_open_preferences(bpy.types.Operator):
    """Open the preferences of this extension"""

    bl_idname = "flamenco.open_preferences"
    bl_label = "Flamenco Preferences"
    bl_options = {"REGISTER", "INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        return bpy.ops.preferences.addon_show(module=__package__)


class FLAMENCO_OT_open_folder(bpy.types.Operator):
    """Open this folder, or the nearest one above it that exists"""

    bl_idname = "flamenco.open_folder"
    bl_label = "Open Folder"
    bl_options = {"REGISTER", "INTERNAL"}

    path: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Path", description="The folder, or a file in it"
    )

    def execute(self, _context: bpy.types.Context) -> set[str]:
        folder = Path(bpy.path.abspath(self.path))
        while not folder.is_dir() and folder != folder.parent:
            folder = folder.parent
        return bpy.ops.wm.path_open(filepath=str(folder))


_CLASSES = (FLAMENCO_OT_open_preferences, FLAMENCO_OT_open_folder, FLAMENCO_PT_submit)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    fixes.on_fixed.append(drawing.look_again)
    bpy.types.TOPBAR_MT_render.append(_draw_in_render_menu)
    bpy.types.STATUSBAR_HT_header.append(_draw_in_status_bar)


def unregister() -> None:
    bpy.types.STATUSBAR_HT_header.remove(_draw_in_status_bar)
    bpy.types.TOPBAR_MT_render.remove(_draw_in_render_menu)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
    drawing.look_again()
