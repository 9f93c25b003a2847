"""What can be done with a job. Each of these works on the job that is open, or on any by its id."""

from __future__ import annotations

from typing import Any, ClassVar

import bpy

from flamenco_core.client import AccountsClient
from flamenco_core.model import HIGHEST_PRIORITY, LOWEST_PRIORITY, JobDeletionInfo
from flamenco_core.model.action_requests import JobActionRequest
from flamenco_core.model.actions import JobAction

from .. import background, connection
from ..blender_types import OperatorResult
from ..language import tr
from ..own_properties import operators
from ..windows import ask_in_dialog, ask_to_confirm, in_first_window, layout_of
from . import live
from .doing import AboutJob, ask_manager, none_is_selected, tooltip


def refusal(action: JobAction) -> str:
    """Why an action is not possible for the open job; empty if it is."""
    details = live.shown.details
    return details.refusals.get(action.value, "") if details is not None else ""


class _JobOperator(AboutJob, bpy.types.Operator):
    """Asks for one action of a job."""

    bl_options = {"REGISTER"}
    action: ClassVar[JobAction]

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        is_shown = properties.job_id in ("", live.shown.open_job_id)
        return tooltip(cls.bl_description, refusal(cls.action) if is_shown else "")

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        job_id = self.chosen_job()
        if not job_id:
            return none_is_selected(self, tr("No job is selected"))
        request = self.request()
        return ask_manager(self, lambda client: client.act_on_job(job_id, request))

    def request(self) -> JobActionRequest:
        return JobActionRequest(action=self.action, reason=tr("Asked for in Blender"))


def _job_name() -> str:
    details = live.shown.details
    return details.job.name if details is not None else ""


class FLAMENCO_OT_pause_job(_JobOperator):
    bl_idname = "flamenco.pause_job"
    bl_label = "Pause Job"
    bl_description = "Hand out no more tasks of this job; those that run go on to their end"
    action = JobAction.PAUSE


class FLAMENCO_OT_resume_job(_JobOperator):
    bl_idname = "flamenco.resume_job"
    bl_label = "Resume Job"
    bl_description = "Let this paused job go on where it stopped"
    action = JobAction.REQUEUE


class FLAMENCO_OT_cancel_job(_JobOperator):
    bl_idname = "flamenco.cancel_job"
    bl_label = "Cancel Job"
    bl_description = "Stop this job and its tasks; frames that are done stay where they are"
    action = JobAction.CANCEL

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorResult:
        return ask_to_confirm(
            self,
            context,
            event,
            title=tr("Cancel “{name}”?").format(name=_job_name()),
            message=tr("Frames that are done stay. It can be queued again later."),
            confirm_text=tr("Yes, Cancel It"),
        )


class FLAMENCO_OT_requeue_job(_JobOperator):
    bl_idname = "flamenco.requeue_job"
    bl_label = "Queue Job Again"
    bl_description = "Queue what is not done again, or all tasks of a completed job"
    action = JobAction.REQUEUE

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorResult:
        return ask_to_confirm(
            self,
            context,
            event,
            title=tr("Queue “{name}” again?").format(name=_job_name()),
            message=tr("Frames that exist are kept and not rendered again."),
            confirm_text=tr("Queue Again"),
        )


class FLAMENCO_OT_requeue_failed_tasks(_JobOperator):
    bl_idname = "flamenco.requeue_failed_tasks"
    bl_label = "Queue Failed Tasks Again"
    bl_description = "Queue only those tasks of this job again that have failed"
    action = JobAction.REQUEUE_FAILED


class FLAMENCO_OT_set_job_priority(_JobOperator):
    bl_idname = "flamenco.set_job_priority"
    bl_label = "Set Job Priority"
    bl_description = "Let this job go before those with a lower priority"
    action = JobAction.SET_PRIORITY
    priority: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Priority",
        description="Jobs with a higher priority go first",
        min=LOWEST_PRIORITY,
        max=HIGHEST_PRIORITY,
        default=50,
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        details = live.shown.details
        if details is not None and not self.properties.is_property_set("priority"):
            self.priority = details.job.priority
        return ask_in_dialog(self, context, width=260)

    def request(self) -> JobActionRequest:
        return JobActionRequest(action=self.action, priority=self.priority)


class FLAMENCO_OT_delete_job(_JobOperator):
    bl_idname = "flamenco.delete_job"
    bl_label = "Delete Job"
    bl_description = "Remove this job from the farm for good; rendered frames are kept"
    action = JobAction.DELETE
    told: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="What Happens",
        description="What the Manager said that deleting would do, a sentence on each line",
        options={"SKIP_SAVE", "HIDDEN"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        job_id = self.chosen_job()
        if not self.told and job_id:
            # What it would do is asked first, and the question is put when that is known.
            return ask_manager(
                self, lambda client: _foresee(client, job_id), then=lambda told: _ask(job_id, told)
            )
        return ask_in_dialog(
            self, context, width=420, title=tr("Delete This Job?"), confirm_text=tr("Delete")
        )

    def draw(self, _context: bpy.types.Context) -> None:
        column = layout_of(self).column()
        for line in self.told.splitlines():
            column.label(text=line, translate=False)


def _foresee(client: AccountsClient, job_id: str) -> tuple[str, JobDeletionInfo]:
    return client.fetch_job(job_id).name, client.delete_job_what_would_it_do(job_id)


def _ask(job_id: str, told: tuple[str, JobDeletionInfo]) -> None:
    sentences = "\n".join(what_deletion_does(*told))
    in_first_window(lambda: operators.delete_job("INVOKE_DEFAULT", job_id=job_id, told=sentences))


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

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        live.try_again()
        background.redraw()
        return {"FINISHED"}


class FLAMENCO_OT_open_job_page(AboutJob, bpy.types.Operator):
    bl_idname = "flamenco.open_job_page"
    bl_label = "Open in Web Browser"
    bl_description = "Show this job on the Manager's web page"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        bpy.ops.wm.url_open(url=f"{connection.current().url}/app/jobs/{self.chosen_job()}")
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
