"""What the tab keeps in Blender: the rows of its lists, and what is selected in them.

It belongs to the window manager, and is taken out before a file is saved, so that no file carries
the names of somebody's jobs.
"""

from __future__ import annotations

from typing import Any

import bpy

from .. import own_properties
from . import live


class FlamencoJobItem(bpy.types.PropertyGroup):
    """A row of the list of jobs; its name is the job's, which the list can be searched by."""

    job_id: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Job", description="The id of the job"
    )


class FlamencoTaskItem(bpy.types.PropertyGroup):
    """A row of the list of tasks; its name is the task's."""

    task_id: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Task", description="The id of the task"
    )


def _job_selected(monitor: FlamencoMonitor, _context: Any) -> None:
    if 0 <= monitor.active_job < len(monitor.jobs):
        live.open_job(monitor.jobs[monitor.active_job].job_id)


def _task_selected(monitor: FlamencoMonitor, _context: Any) -> None:
    if 0 <= monitor.active_task < len(monitor.tasks):
        live.open_task(monitor.tasks[monitor.active_task].task_id)


def _whose_chosen(monitor: FlamencoMonitor, _context: Any) -> None:
    live.show_whose(monitor.whose == "MINE")


class FlamencoMonitor(bpy.types.PropertyGroup):
    """The state of the Flamenco tab."""

    jobs: bpy.props.CollectionProperty(  # type: ignore[valid-type]
        type=FlamencoJobItem, name="Jobs", description="The jobs in the list, the newest first"
    )
    active_job: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Job",
        description="The job that is shown below the list",
        default=-1,
        min=-1,
        update=_job_selected,
        options={"SKIP_SAVE"},
    )
    tasks: bpy.props.CollectionProperty(  # type: ignore[valid-type]
        type=FlamencoTaskItem, name="Tasks", description="The tasks of the job, failed ones first"
    )
    active_task: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Task",
        description="The task that is shown below the list",
        default=-1,
        min=-1,
        update=_task_selected,
        options={"SKIP_SAVE"},
    )
    whose: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Whose Jobs",
        description="Whose jobs the list shows",
        items=[
            ("MINE", "Mine", "Jobs that you have submitted"),
            ("ALL", "All", "The jobs of everybody on the farm"),
        ],
        default="MINE",
        update=_whose_chosen,
        options={"SKIP_SAVE"},
    )


_CLASSES = (FlamencoJobItem, FlamencoTaskItem, FlamencoMonitor)


def register() -> None:
    for each in _CLASSES:
        bpy.utils.register_class(each)
    own_properties.add(
        bpy.types.WindowManager,
        flamenco_monitor=own_properties.definitions.PointerProperty(
            type=FlamencoMonitor, name="Flamenco", description="The state of the Flamenco tab"
        ),
    )


def unregister() -> None:
    own_properties.remove(bpy.types.WindowManager, "flamenco_monitor")
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
