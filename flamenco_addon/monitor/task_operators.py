"""What can be done with a task: queue it again, cancel it, read its log."""

from __future__ import annotations

from typing import Any, ClassVar

import bpy

from flamenco_core.model.action_requests import TaskActionRequest
from flamenco_core.model.actions import TaskAction

from ..language import tr
from . import live, log_texts
from .doing import ask_manager


def refusal(action: TaskAction) -> str:
    """Why an action is not possible for the selected task; empty if it is."""
    task = live.shown.task
    reasons = {
        choice.action: choice.reason or "" for choice in (task.actions if task else ()) or ()
    }
    return reasons.get(action.value, "")


def _task_property() -> Any:
    return bpy.props.StringProperty(
        name="Task",
        description="The id of the task; empty for the one that is selected in the Flamenco tab",
        options={"SKIP_SAVE", "HIDDEN"},
    )


class _TaskOperator:
    """Asks for one action of a task."""

    action: ClassVar[TaskAction]
    bl_options: ClassVar[set[str]] = {"REGISTER"}

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        text = tr(cls.bl_description)  # type: ignore[attr-defined]
        reason = refusal(cls.action)
        if reason and properties.task_id in ("", live.shown.open_task_id):
            text += "\n\n" + tr("Not possible now: {reason}").format(reason=tr(reason))
        return text

    def execute(self, _context: bpy.types.Context) -> set[str]:
        task_id = self.task_id or live.shown.open_task_id  # type: ignore[attr-defined]
        if not task_id:
            self.report({"ERROR"}, tr("No task is selected"))  # type: ignore[attr-defined]
            return {"CANCELLED"}
        request = TaskActionRequest(action=self.action, reason=tr("Asked for in Blender"))
        return ask_manager(
            self,
            lambda client: client.act_on_task(task_id, request),
        )


class FLAMENCO_OT_requeue_task(_TaskOperator, bpy.types.Operator):
    bl_idname = "flamenco.requeue_task"
    bl_label = "Queue Task Again"
    bl_description = "Have this task done again, and what was made from its result"
    action = TaskAction.REQUEUE
    task_id: _task_property()  # type: ignore[valid-type]


class FLAMENCO_OT_cancel_task(_TaskOperator, bpy.types.Operator):
    bl_idname = "flamenco.cancel_task"
    bl_label = "Cancel Task"
    bl_description = "Do not carry out this task"
    action = TaskAction.CANCEL
    task_id: _task_property()  # type: ignore[valid-type]


class FLAMENCO_OT_show_task_log(bpy.types.Operator):
    bl_idname = "flamenco.show_task_log"
    bl_label = "Show Log"
    bl_description = "Show the log of this task in a Text Editor; it goes on while the task runs"
    bl_options = {"REGISTER"}
    task_id: _task_property()  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> set[str]:
        task_id = self.task_id or live.shown.open_task_id
        if not task_id:
            self.report({"ERROR"}, tr("No task is selected"))
            return {"CANCELLED"}
        task = live.shown.task
        name = task.name if task is not None and task.id == task_id else task_id
        log_texts.show(context, task_id, name)
        return {"FINISHED"}


class FLAMENCO_OT_show_more_tasks(bpy.types.Operator):
    bl_idname = "flamenco.show_more_tasks"
    bl_label = "Show More Tasks"
    bl_description = "List more tasks of this job; those that need attention come first"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
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
