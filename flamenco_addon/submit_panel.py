"""The panel in the Output Properties, the entry in the Render menu, and the status bar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from flamenco_core.packing import PackProgress
from flamenco_core.packing import Stage as PackStage

from . import background, connection, submission_drivers
from .blender_types import OperatorResult
from .language import tr
from .monitor.text_lines import draw_text
from .own_properties import of_scene_in
from .preflight import drawing, fixes
from .preflight.findings import Finding
from .submission import Stage, Submission
from .submit_drawing import draw_connection, draw_job
from .windows import layout_of

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
        layout = layout_of(self)
        draw_connection(layout, context)
        if connection.current().farm is None:
            return
        draw_job(layout, context)
        has_type = _has_type(context)
        found = drawing.draw_preflight(layout, context) if has_type else []
        submission = submission_drivers.current()
        if submission is not None:
            _draw_submission(layout, context, submission)
        if submission is None or submission.is_over:
            _draw_buttons(layout, context, found)


class FLAMENCO_PT_progress(bpy.types.Panel):
    """While something is under way. A panel of its own, since Blender takes a bar that the mouse is
    on for whatever is drawn in its place later, and colours that as it was.
    """

    bl_label = "Progress"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "output"
    bl_parent_id = "FLAMENCO_PT_submit"
    bl_options = {"HIDE_HEADER"}
    bl_order = 10

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        submission = submission_drivers.current()
        return (
            submission is not None
            and not submission.is_over
            and submission.stage is not Stage.ASKING
            and connection.current().farm is not None
        )

    def draw(self, context: bpy.types.Context) -> None:
        submission = submission_drivers.current()
        if submission is not None:
            _draw_progress(layout_of(self), context, submission)


def draw_dialog(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What the dialog of the Render menu shows."""
    draw_connection(layout, context)
    if connection.current().farm is None:
        return
    draw_job(layout, context)
    if _has_type(context):
        drawing.draw_preflight(layout, context, width=DIALOG_WIDTH)


def _has_type(context: bpy.types.Context) -> bool:
    scene = of_scene_in(context)
    return scene is not None and bool(scene.flamenco_job_type_name)


def progress_of(submission: Submission) -> tuple[str, float]:
    """A few words and how much of it is done, from 0 to 1."""
    run = submission.pack_run
    if submission.stage is not Stage.PACKING or run is None or run.progress is None:
        return submission.message, 1.0 if submission.stage is Stage.SUBMITTING else 0.0
    progress, left = run.progress.progress, run.progress.seconds_left
    if progress.stage is PackStage.CHECKING_OUT:
        return _packing_stage(progress.stage), 1.0
    total = progress.bytes_total
    words = [_packing_stage(progress.stage)]
    if total:
        words.append(f"{_size(progress.bytes_done)} / {_size(total)}")
    if left is not None and left >= 1:
        words.append(tr("{time} left").format(time=_duration(left)))
    return " · ".join(words), _fraction(progress)


def _fraction(progress: PackProgress) -> float:
    """Of files and of bytes, as small files take their time, too."""
    parts = (
        (progress.files_done, progress.files_total),
        (progress.bytes_done, progress.bytes_total),
    )
    known = [min(1.0, done / total) for done, total in parts if total]
    return sum(known) / len(known) if known else 0.0


def _file_words(progress: PackProgress) -> str:
    name = Path(progress.file).name
    if not progress.files_total:
        return name
    count = tr("{done} of {total} files").format(
        done=progress.files_done, total=progress.files_total
    )
    return f"{name} · {count}" if name else count


def _packing_stage(stage: PackStage) -> str:
    match stage:
        case PackStage.TRACING:
            return tr("Looking for files")
        case PackStage.HASHING:
            return tr("Comparing files")
        case PackStage.SENDING:
            return tr("Sending")
        case PackStage.COPYING:
            return tr("Copying")
        case PackStage.CHECKING_OUT:
            return tr("Making the job's folder")


def _draw_submission(
    layout: bpy.types.UILayout, context: bpy.types.Context, submission: Submission
) -> None:
    """What it waits for, or how it ended."""
    if submission.stage is Stage.ASKING:
        layout.label(text=tr("Submit in spite of the warnings?"), icon="QUESTION")
        row = layout.row()
        row.scale_y = 1.3
        row.operator_context = "EXEC_DEFAULT"
        row.operator("flamenco.decide_on_warnings", text=tr("Submit Anyway"))
        row.operator("flamenco.cancel_submission", text=tr("Cancel"))
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
    run, words, icon = submission.pack_run, "", "NONE"
    if submission.stage is Stage.PACKING and run is not None and run.progress is not None:
        progress = run.progress.progress
        words, icon = tr(progress.note), "INFO"
        if not progress.note:
            words, icon = _file_words(progress), "FILE_BLANK"
    # There from the beginning, so that what is below stays where it is.
    draw_text(layout.column(align=True), context, words, icon=icon)


def _draw_end(
    layout: bpy.types.UILayout, context: bpy.types.Context, submission: Submission
) -> None:
    row = layout.box().row()
    words = row.column(align=True)
    icon = "ERROR" if submission.is_hopeless else _END_ICONS[submission.stage]
    draw_text(words, context, submission.message, icon=icon, taken=30)
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
    row.enabled = _has_type(context) and connection.current().is_connected
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

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        bpy.ops.preferences.addon_show(module=__package__)
        return {"FINISHED"}


class FLAMENCO_OT_open_folder(bpy.types.Operator):
    """Open this folder, or the nearest one above it that exists"""

    bl_idname = "flamenco.open_folder"
    bl_label = "Open Folder"
    bl_options = {"REGISTER", "INTERNAL"}

    path: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Path", description="The folder, or a file in it"
    )

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        folder = Path(bpy.path.abspath(self.path))
        while not folder.is_dir() and folder != folder.parent:
            folder = folder.parent
        bpy.ops.wm.path_open(filepath=str(folder))
        return {"FINISHED"}


_CLASSES = (
    FLAMENCO_OT_open_preferences,
    FLAMENCO_OT_open_folder,
    FLAMENCO_PT_submit,
    FLAMENCO_PT_progress,
)


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
