"""The lists of jobs and tasks, drawn from `live.shown`; Blender draws visible rows only."""

from __future__ import annotations

from typing import Any

import bpy

from flamenco_core.statuses import JobStatus

from . import live, words
from .jobs_board import JobRow
from .text_lines import width_of

_RUNNING = frozenset({JobStatus.ACTIVE, JobStatus.PAUSE_REQUESTED, JobStatus.CANCEL_REQUESTED})
ROOM_FOR_TIMES = 330
"""Pixels of a sidebar, at a scale of 1, in which a row has room for the time left."""


class FLAMENCO_UL_jobs(bpy.types.UIList):
    """A job on each line: status, name, progress, time left."""

    bl_idname = "FLAMENCO_UL_jobs"

    def draw_item(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: Any,
        item: Any,
        _icon: int | None,
        _active_data: Any,
        _active_property: str | None,
        _index: int | None,
        _filter: int | None = 0,
    ) -> None:
        row = live.shown.rows.get(item.job_id)
        if row is None:
            layout.label(text=item.name, translate=False)
            return
        split = layout.split(factor=0.55, align=True)
        name = split.row(align=True)
        name.alert = row.status is JobStatus.FAILED
        name.label(text=row.name, icon=words.JOB_ICONS[row.status], translate=False)
        side = split.row(align=True)
        if row.status in _RUNNING or (0 < row.fraction < 1 and not row.is_over):
            side.progress(factor=row.fraction, text=_beside(row, context), translate=False)
        else:
            side.label(text=words.row_status(row), translate=False)


def _beside(row: JobRow, context: bpy.types.Context) -> str:
    """Progress, and the time left where there is room for it."""
    progress = words.progress_short(row)
    if width_of(context) < ROOM_FOR_TIMES:
        return progress
    left = words.time_left(live.shown.seconds_left(row.id))
    return f"{progress} · {left}" if left else progress


class FLAMENCO_UL_tasks(bpy.types.UIList):
    """A task on each line: status, name, worker."""

    bl_idname = "FLAMENCO_UL_tasks"

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: Any,
        _item: Any,
        _icon: int | None,
        _active_data: Any,
        _active_property: str | None,
        index: int | None,
        _filter: int | None = 0,
    ) -> None:
        details = live.shown.details
        rows = details.tasks if details is not None else ()
        if index is None or index >= len(rows):
            return
        row = rows[index]
        split = layout.split(factor=0.6, align=True)
        name = split.row(align=True)
        name.alert = row.has_failed
        name.label(text=row.name, icon=words.TASK_ICONS[row.status], translate=False)
        if row.steps_total > 1 and 0 < row.steps_completed < row.steps_total:
            split.progress(
                factor=row.steps_completed / row.steps_total,
                text=f"{row.steps_completed} / {row.steps_total}",
                translate=False,
            )
        else:
            split.label(text=row.worker or words.task_status(row.status), translate=False)


CLASSES = (FLAMENCO_UL_jobs, FLAMENCO_UL_tasks)


def register() -> None:
    for each in CLASSES:
        bpy.utils.register_class(each)


def unregister() -> None:
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
