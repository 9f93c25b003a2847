"""The Flamenco tab in the sidebars of the editors in which artists work and look at frames.

A sidebar stays open beside the work, also in full screen, and an Image Editor, the compositor or
the sequencer is where the frames arrive; the tabs of the Properties editor are Blender's own, and
its Output tab is for what belongs to the scene.
"""

from __future__ import annotations

from typing import Any

import bpy

from flamenco_core.model.actions import JobAction, TaskAction
from flamenco_core.statuses import JobStatus

from .. import connection, own_properties
from ..language import tr
from ..windows import layout_of
from . import job_operators, live, task_operators, thumbnails, words
from .frame_selection import selected_frames
from .jobs_board import JobRow
from .manager_sentences import said, said_all
from .open_job import JobDetails
from .text_lines import draw_text, width_of

CATEGORY = "Flamenco"
SPACES = ("VIEW_3D", "IMAGE_EDITOR", "NODE_EDITOR", "SEQUENCE_EDITOR")
_MOST_REASONS = 4


class _Tab(bpy.types.Panel):
    bl_region_type = "UI"
    bl_category = CATEGORY

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if cls.bl_space_type != "NODE_EDITOR":
            return True
        space = context.space_data
        return isinstance(space, bpy.types.SpaceNodeEditor) and (
            space.tree_type == "CompositorNodeTree"
        )


class _OfOpenJob(_Tab):
    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and live.shown.details is not None


class _JobsPanel(_Tab):
    bl_label = "Jobs"

    def draw(self, context: bpy.types.Context) -> None:
        live.seen(context)
        layout = layout_of(self)
        kept = own_properties.of_window_manager(context)
        if kept is None:
            return
        monitor: Any = kept.flamenco_monitor
        _draw_state(layout, context)
        row = layout.row(align=True)
        row.prop(monitor, "whose", expand=True)
        if not live.shown.rows:
            if live.shown.has_read:
                draw_text(layout.box().column(align=True), context, _no_jobs(monitor.whose))
            return
        row = layout.row()
        row.template_list(
            "FLAMENCO_UL_jobs", "", monitor, "jobs", monitor, "active_job", rows=6, maxrows=12
        )
        _draw_job_buttons(row.column(align=True))


def _no_jobs(whose: str) -> str:
    if whose == "MINE":
        return tr(
            "You have not submitted any job yet. That is done in the Flamenco panel of the Output"
            " properties, or from the Render menu."
        )
    return tr("There are no jobs on this farm.")


def _draw_state(layout: Any, context: bpy.types.Context) -> None:
    """In words what is wrong; nothing if all is well."""
    now = connection.current()
    is_watching_well = live.shown.liveness.is_live
    text = words.liveness(live.shown.liveness)
    if not now.is_connected and not is_watching_well:
        text = said(now.condition.sentence)
    if not text:
        return
    box = layout.box()
    column = box.column(align=True)
    is_asking = text == tr("Asking the Manager …")
    draw_text(column, context, text, icon="SORTTIME" if is_asking else "ERROR")
    if not now.is_connected and now.condition.advice:
        draw_text(column, context, said(now.condition.advice))
    if not is_asking:
        box.operator("flamenco.refresh_jobs", icon="FILE_REFRESH")


def _draw_job_buttons(column: Any) -> None:
    details = live.shown.details
    is_paused = details is not None and details.job.status is JobStatus.PAUSED
    buttons = (
        ("flamenco.resume_job", JobAction.REQUEUE, "PLAY")
        if is_paused
        else ("flamenco.pause_job", JobAction.PAUSE, "PAUSE"),
        ("flamenco.cancel_job", JobAction.CANCEL, "X"),
        ("flamenco.requeue_job", JobAction.REQUEUE, "FILE_REFRESH"),
        ("flamenco.requeue_failed_tasks", JobAction.REQUEUE_FAILED, "LOOP_BACK"),
        ("flamenco.set_job_priority", JobAction.SET_PRIORITY, "TRIA_UP_BAR"),
        ("flamenco.delete_job", JobAction.DELETE, "TRASH"),
    )
    for place, (operator, action, icon) in enumerate(buttons):
        if place in (2, 5):
            column.separator()
        button = column.row(align=True)
        button.enabled = details is not None and not job_operators.refusal(action)
        button.operator(operator, text="", icon=icon)


class _OpenJobPanel(_OfOpenJob):
    bl_label = ""

    def draw_header(self, _context: bpy.types.Context) -> None:
        row = live.shown.rows.get(live.shown.open_job_id)
        name = row.name if row is not None else ""
        layout_of(self).label(text=name, translate=False)

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        layout_of(self).operator("flamenco.open_job_page", text="", icon="URL", emboss=False)

    def draw(self, context: bpy.types.Context) -> None:
        live.seen(context)
        details = live.shown.details
        row = live.shown.rows.get(live.shown.open_job_id)
        if details is None or row is None:
            return
        layout = layout_of(self)
        icon = thumbnails.icon(details.image)
        if icon:
            layout.box().template_icon(icon_value=icon, scale=_image_scale(context))
        _draw_progress(layout.column(align=True), row)
        _draw_facts(layout.column(align=True), details, row)
        if details.why_not is not None:
            _draw_why_not(layout, context, details)
        _draw_frames(layout, context, details)


def _image_scale(context: bpy.types.Context) -> float:
    """As wide as the sidebar; a scale of 1 is the height of a button."""
    width = width_of(context)
    return max(5.0, min(14.0, (width - 70) / 20))


def _draw_progress(column: Any, row: JobRow) -> None:
    left = words.time_left(live.shown.seconds_left(row.id))
    split = column.split(factor=0.5 if left else 1.0)
    name = split.row()
    name.alert = row.status is JobStatus.FAILED
    name.label(text=words.row_status(row), icon=words.JOB_ICONS[row.status], translate=False)
    if left:
        side = split.row()
        side.alignment = "RIGHT"
        side.label(text=tr("{time} left").format(time=left), translate=False)
    column.progress(factor=row.fraction, text=words.progress(row), translate=False)


def _draw_facts(column: Any, details: JobDetails, row: JobRow) -> None:
    failures = words.failures(row)
    if failures:
        line = column.row()
        line.alert = True
        line.label(text=failures, icon="ERROR", translate=False)
    facts = [
        (tr("Priority"), str(row.priority)),
        (tr("Submitted"), details.job.created.astimezone().strftime("%Y-%m-%d %H:%M")),
    ]
    user = details.job.submitted_by or ""
    if user and not live.shown.only_mine:
        facts.append((tr("By"), user.partition(":")[2] or user))
    for name, value in facts:
        line = column.split(factor=0.4)
        label = line.row()
        label.active = False
        label.label(text=name, translate=False)
        line.label(text=value, translate=False)


def _draw_why_not(layout: Any, context: bpy.types.Context, details: JobDetails) -> None:
    why_not, plan = details.why_not, details.plan
    if why_not is None:
        return
    box = layout.box()
    column = box.column(align=True)
    column.label(text="Why Is It Not Rendering?", icon="QUESTION")
    if why_not.note and why_not.workers_looked_at:
        draw_text(column, context, _sentence(said(why_not.note)))
    if not why_not.workers_looked_at:
        draw_text(column, context, tr("There are no workers on this farm yet."))
    if why_not.workers_that_get_tasks and plan is not None:
        draw_text(column, context, said_all(plan.summary))
    for reason in why_not.reasons[:_MOST_REASONS]:
        text = _sentence(said(reason.what))
        if reason.workers > 1:
            text += " " + tr("(so for {count} workers)").format(count=reason.workers)
        if reason.remedy:
            text += " " + _sentence(said(reason.remedy))
        draw_text(column, context, text, icon="DOT")


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _draw_frames(layout: Any, context: bpy.types.Context, details: JobDetails) -> None:
    if "render_output_path" not in details.job.settings:
        return
    column = layout.column(align=True)
    column.label(text="Rendered Frames")
    row = column.row(align=True)
    for target, text, icon in (
        ("IMAGE", tr("Image"), "IMAGE_DATA"),
        ("COMPOSITOR", tr("Comp"), "NODE_COMPOSITING"),
        ("SEQUENCER", tr("Strip"), "SEQUENCE"),
    ):
        row.operator("flamenco.load_frames", text=text, icon=icon).target = target
    row.operator("flamenco.open_output_folder", text="", icon="FILE_FOLDER")
    again = column.row(align=True)
    again.operator("flamenco.render_frames_again", icon="FILE_REFRESH")
    again.enabled = selected_frames(context) is not None or bool(details.tasks)


class _TasksPanel(_OfOpenJob):
    bl_label = "Tasks"

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        row = live.shown.rows.get(live.shown.open_job_id)
        if row is not None:
            side = layout_of(self).row()
            side.active = False
            side.label(text=str(row.tasks_total), translate=False)

    def draw(self, context: bpy.types.Context) -> None:
        live.seen(context)
        details = live.shown.details
        if details is None:
            return
        layout = layout_of(self)
        kept = own_properties.of_window_manager(context)
        if kept is None:
            return
        monitor: Any = kept.flamenco_monitor
        row = layout.row()
        row.template_list(
            "FLAMENCO_UL_tasks", "", monitor, "tasks", monitor, "active_task", rows=5, maxrows=12
        )
        _draw_task_buttons(row.column(align=True))
        total = sum((details.job.task_counts or {}).values())
        if total > len(details.tasks) > 0:
            text = tr("Show More ({shown} of {total})").format(
                shown=len(details.tasks), total=total
            )
            layout.operator("flamenco.show_more_tasks", text=text, translate=False)
        _draw_task(layout, context)


def _draw_task_buttons(column: Any) -> None:
    for operator, action, icon in (
        ("flamenco.requeue_task", TaskAction.REQUEUE, "FILE_REFRESH"),
        ("flamenco.cancel_task", TaskAction.CANCEL, "X"),
    ):
        button = column.row(align=True)
        button.enabled = live.shown.task is not None and not task_operators.refusal(action)
        button.operator(operator, text="", icon=icon)
    column.separator()
    button = column.row(align=True)
    button.enabled = bool(live.shown.open_task_id)
    button.operator("flamenco.show_task_log", text="", icon="TEXT")


def _draw_task(layout: Any, context: bpy.types.Context) -> None:
    task = live.shown.task
    if task is None:
        return
    box = layout.box()
    column = box.column(align=True)
    head = column.row()
    head.alert = task.failure is not None
    status = words.task_status(task.status)
    head.label(text=f"{task.name}: {status}", icon=words.TASK_ICONS[task.status], translate=False)
    if task.failure is not None:
        draw_text(column, context, tr(task.failure.sentence))
    elif task.activity:
        draw_text(column, context, task.activity)
    if task.worker is not None:
        column.label(text=task.worker.name, icon="DESKTOP", translate=False)
    last = task.worker.name if task.worker is not None else ""
    others = [worker.name for worker in task.failed_by_workers if worker.name != last]
    if others:
        names = ", ".join(others)
        draw_text(column, context, tr("Failed before on {workers}").format(workers=names))
    box.operator("flamenco.show_task_log", icon="TEXT")


def _panels() -> list[type]:
    """Each panel for each editor: a panel class belongs to one."""
    made: list[type] = []
    for space in SPACES:
        for name, base in (
            ("jobs", _JobsPanel),
            ("open_job", _OpenJobPanel),
            ("tasks", _TasksPanel),
        ):
            idname = f"FLAMENCO_PT_{name}_{space.lower()}"
            members = {
                "bl_idname": idname,
                "bl_space_type": space,
                "draw": base.draw,
                "__module__": __name__,
            }
            made.append(type(idname, (base,), members))
    return made


CLASSES: list[type] = _panels()


def register() -> None:
    for each in CLASSES:
        bpy.utils.register_class(each)


def unregister() -> None:
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
