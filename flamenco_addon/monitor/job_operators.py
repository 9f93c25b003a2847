"""What can be done with a job. Each of these works on the job that is open, or on any by its id."""

from __future__ import annotations

from typing import Any, ClassVar

import bpy

from flamenco_core.client import AccountsClient
from flamenco_core.model import HIGHEST_PRIORITY, LOWEST_PRIORITY, JobDeletionInfo
from flamenco_core.model.action_requests import JobActionRequest
from flamenco_core.model.actions import JobAction

from .. import background, connection
from ..language import tr
from . import live
from .doing import ask_manager, job_of


def refusal(action: JobAction) -> str:
    """Why an action is not possible for the open job; empty if it is."""
    details = live.shown.details
    return details.refusals.get(action.value, "") if details is not None else ""


def _job_property() -> Any:
    return bpy.props.StringProperty(
        name="Job",
        description="The id of the job; empty for the job that is open in the Flamenco tab",
        options={"SKIP_SAVE", "HIDDEN"},
    )


class _JobOperator:
    """Asks for one action of a job."""

    action: ClassVar[JobAction]
    bl_options: ClassVar[set[str]] = {"REGISTER"}

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        text = tr(cls.bl_description)  # type: ignore[attr-defined]
        reason = refusal(cls.action)
        if reason and properties.job_id in ("", live.shown.open_job_id):
            text += "\n\n" + tr("Not possible now: {reason}").format(reason=tr(reason))
        return text

    def execute(self, _context: bpy.types.Context) -> set[str]:
        job_id = job_of(self)
        if not job_id:
            self.report({"ERROR"}, tr("No job is selected"))  # type: ignore[attr-defined]
            return {"CANCELLED"}
        request = self.request()
        return ask_manager(
            self,
            lambda client: client.act_on_job(job_id, request),
        )

    def request(self) -> JobActionRequest:
        return JobActionRequest(action=self.action, reason=tr("Asked for in Blender"))


def _job_name() -> str:
    details = live.shown.details
    return details.job.name if details is not None else ""


class FLAMENCO_OT_pause_job(_JobOperator, bpy.types.Operator):
    bl_idname = "flamenco.pause_job"
    bl_label = "Pause Job"
    bl_description = "Hand out no more tasks of this job; those that run go on to their end"
    action = JobAction.PAUSE
    job_id: _job_property()  # type: ignore[valid-type]


class FLAMENCO_OT_resume_job(_JobOperator, bpy.types.Operator):
    bl_idname = "flamenco.resume_job"
    bl_label = "Resume Job"
    bl_description = "Let this paused job go on where it stopped"
    action = JobAction.REQUEUE
    job_id: _job_property()  # type: ignore[valid-type]


class FLAMENCO_OT_cancel_job(_JobOperator, bpy.types.Operator):
    bl_idname = "flamenco.cancel_job"
    bl_label = "Cancel Job"
    bl_description = "Stop this job and its tasks; frames that are done stay where they are"
    action = JobAction.CANCEL
    job_id: _job_property()  # type: ignore[valid-type]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=tr("Cancel “{name}”?").format(name=_job_name()),
            message=tr("Frames that are done stay. It can be queued again later."),
            confirm_text=tr("Yes, Cancel It"),
            icon="QUESTION",
        )


class FLAMENCO_OT_requeue_job(_JobOperator, bpy.types.Operator):
    bl_idname = "flamenco.requeue_job"
    bl_label = "Queue Job Again"
    bl_description = "Queue what is not done again, or all tasks of a completed job"
    action = JobAction.REQUEUE
    job_id: _job_property()  # type: ignore[valid-type]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=tr("Queue “{name}” again?").format(name=_job_name()),
            message=tr("Frames that exist are kept and not rendered again."),
            confirm_text=tr("Queue Again"),
            icon="QUESTION",
        )


class FLAMENCO_OT_requeue_failed_tasks(_JobOperator, bpy.types.Operator):
    bl_idname = "flamenco.requeue_failed_tasks"
    bl_label = "Queue Failed Tasks Again"
    bl_description = "Queue only those tasks of this job again that have failed"
    action = JobAction.REQUEUE_FAILED
    job_id: _job_property()  # type: ignore[valid-type]


class FLAMENCO_OT_set_job_priority(_JobOperator, bpy.types.Operator):
    bl_idname = "flamenco.set_job_priority"
    bl_label = "Set Job Priority"
    bl_description = "Let this job go before those with a lower priority"
    action = JobAction.SET_PRIORITY
    job_id: _job_property()  # type: ignore[valid-type]
    priority: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Priority",
        description="Jobs with a higher priority go first",
        min=LOWEST_PRIORITY,
        max=HIGHEST_PRIORITY,
        default=50,
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        details = live.shown.details
        if details is not None and not self.properties.is_property_set("priority"):
            self.priority = details.job.priority
        return context.window_manager.invoke_props_dialog(self, width=260)

    def request(self) -> JobActionRequest:
        return JobActionRequest(action=self.action, priority=self.priority)


class FLAMENCO_OT_delete_job(_JobOperator, bpy.types.Operator):
    bl_idname = "flamenco.delete_job"
    bl_label = "Delete Job"
    bl_description = "Remove this job from the farm for good; rendered frames are kept"
    action = JobAction.DELETE
    job_id: _job_property()  # type: ignore[valid-type]
    told: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="What Happens",
        description="What the Manager said that deleting would do, a sentence on each line",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        job_id = job_of(self)
        if not self.told and job_id:
            # What it would do is asked first, and the question is put when that is known.
            return ask_manager(
                self, lambda client: _foresee(client, job_id), then=lambda told: _ask(job_id, told)
            )
        return context.window_manager.invoke_props_dialog(
            self, width=420, title=tr("Delete This Job?"), confirm_text=tr("Delete")
        )

    def draw(self, _context: bpy.types.Context) -> None:
        column = self.layout.column()
        for line in self.told.splitlines():
            column.label(text=line, translate=False)


def _foresee(client: AccountsClient, job_id: str) -> tuple[str, JobDeletionInfo]:
    return client.fetch_job(job_id).name, client.delete_job_what_would_it_do(job_id)


def _ask(job_id: str, told: tuple[str, JobDeletionInfo]) -> None:
    windows = bpy.context.window_manager.windows
    if not windows:
        return
    with bpy.context.temp_override(window=windows[0]):
        bpy.ops.flamenco.delete_job(
            "INVOKE_DEFAULT", job_id=job_id, told="\n".join(what_deletion_does(*told))
        )


def what_deletion_does(name: str, info: JobDeletionInfo) -> list[str]:
    """Sentences about what would be removed, and what stays."""
    lines = [tr("“{name}” is removed from the farm.").format(name=name)]
    if info.tasks:
        text = tr("Its {count} tasks go, with their logs and history.")
        lines.append(text.format(count=info.tasks))
    if info.shaman_checkout and info.files is not None:
        at_least = "" if info.is_all_counted else tr("at least") + " "
        text = tr("The files that were sent for it are erased: {files}.")
        lines.append(text.format(files=f"{at_least}{info.files}"))
    lines.append(info.kept or tr("Rendered frames are kept."))
    return lines


class FLAMENCO_OT_refresh_jobs(bpy.types.Operator):
    bl_idname = "flamenco.refresh_jobs"
    bl_label = "Try Again Now"
    bl_description = "Ask the Manager at once how its jobs are. It keeps up to date by itself, too"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        live.try_again()
        background.redraw()
        return {"FINISHED"}


class FLAMENCO_OT_open_job_page(bpy.types.Operator):
    bl_idname = "flamenco.open_job_page"
    bl_label = "Open in Web Browser"
    bl_description = "Show this job on the Manager's web page"
    bl_options = {"INTERNAL"}
    job_id: _job_property()  # type: ignore[valid-type]

    def execute(self, _context: bpy.types.Context) -> set[str]:
        bpy.ops.wm.url_open(url=f"{connection.current().url}/app/jobs/{job_of(self)}")
        return {"FINISHED"}


CLASSES = (
    FLAMENCO_OT_pause_job,
    FLAMENCO_OT_resume_job,
    FLAMENCO_OT_cancel_job,
    FLAMENCO_OT_requeue_job,
    FLAMENCO_OT_requeue_failed_tasks,
    FLAMENCO_OT_set_job_priority,
    FLAMENCO_OT_delete_job,
    FLAMENCO_OT_refresh_jobs,
    FLAMENCO_OT_open_job_page,
)


def register() -> None:
    for each in CLASSES:
        bpy.utils.register_class(each)


def unregister() -> None:
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
