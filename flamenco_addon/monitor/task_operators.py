"""What can be done with a task: queue it again, cancel it, read its log."""

from __future__ import annotations

from typing import Any, ClassVar

import bpy

from flamenco_core.model.action_requests import TaskActionRequest
from flamenco_core.model.actions import TaskAction

from ..blender_types import OperatorResult
from ..language import tr
from . import live, log_texts
from .doing import AboutTask, ask_manager, none_is_selected, tooltip


def refusal(action: TaskAction) -> str:
    """Why an action is not possible for the selected task; empty if it is."""
    task = live.shown.task
    reasons = {
        choice.action: choice.reason or "" for choice in (task.actions if task else ()) or ()
    }
    return reasons.get(action.value, "")


class _TaskOperator(AboutTask, bpy.types.Operator):
    """Asks for one action of a task."""

    bl_options = {"REGISTER"}
    action: ClassVar[TaskAction]

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        is_shown = properties.task_id in ("", live.shown.open_task_id)
        return tooltip(cls.bl_description, refusal(cls.action) if is_shown else "")

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        task_id = self.chosen_task()
        if not task_id:
            return none_is_selected(self, tr("No task is selected"))
        request = TaskActionRequest(action=self.action, reason=tr("Asked for in Blender"))
        return ask_manager(self, lambda client: client.act_on_task(task_id, request))


class FLAMENCO_OT_requeue_task(_TaskOperator):
    bl_idname = "flamenco.requeue_task"
    bl_label = "Queue Task Again"
    bl_description = "Have this task done again, and what was made from its result"
    action = TaskAction.REQUEUE


class FLAMENCO_OT_cancel_task(_TaskOperator):
    bl_idname = "flamenco.cancel_task"
    bl_label = "Cancel Task"
    bl_description = "Do not carry out this task"
    action = TaskAction.CANCEL


class FLAMENCO_OT_show_task_log(AboutTask, bpy.types.Operator):
    bl_idname = "flamenco.show_task_log"
    bl_label = "Show Log"
    bl_description = "Show the log of this task in a Text Editor; it goes on while the task runs"
    bl_options = {"REGISTER"}

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        task_id = self.chosen_task()
        if not task_id:
            return none_is_selected(self, tr("No task is selected"))
        task = live.shown.task
        name = task.name if task is not None and task.id == task_id else task_id
        log_texts.show(context, task_id, name)
        return {"FINISHED"}


class FLAMENCO_OT_show_more_tasks(bpy.types.Operator):
    bl_idname = "flamenco.show_more_tasks"
    bl_label = "Show More Tasks"
    bl_description = "List more tasks of this job; those that need attention come first"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        live.show_more_tasks()
        return {"FINISHED"}


CLASSES = (
    FLAMENCO_OT_requeue_task,
    FLAMENCO_OT_cancel_task,
    FLAMENCO_OT_show_task_log,
    FLAMENCO_OT_show_more_tasks,
)


def register() -> None:
    for each in CLASSES:
        bpy.utils.register_class(each)


def unregister() -> None:
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
