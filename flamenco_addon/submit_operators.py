"""Submitting: from the panel, from the Render menu, and from scripts with or without a window.

    bpy.ops.flamenco.submit_job(job_type="simple-blender-render", frames="1-10")

waits until the jobs are on the farm and raises `RuntimeError` with the reason if they are not; then
`bpy.context.window_manager.flamenco_submitted_jobs` has their ids, with commas in between.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import bpy

from flamenco_core.errors import FlamencoError, one_problem
from flamenco_core.model import HIGHEST_PRIORITY

from . import background, connection, own_properties, submission_drivers
from .blender_types import OperatorResult
from .job_planning import Wishes, plan_jobs
from .language import tr
from .monitor.manager_sentences import said
from .preflight.findings import errors, warnings
from .submission import Stage, Submission
from .submission_properties import CAMERA_CHOICES, SCENE_CHOICES, VIEW_LAYER_CHOICES
from .windows import ask_in_dialog, layout_of

_AS_SET = ("AS_SET", "As Set", "What the scene says")
_AS_THE_SCENE_SAYS = -1
_WARNINGS_WIDTH = 480


TextProperty = partial(own_properties.definitions.StringProperty, options={"SKIP_SAVE"})
ChoiceProperty = partial(own_properties.definitions.EnumProperty, options={"SKIP_SAVE"})


class _Submitting:
    """What operators that plan jobs are told. A mix-in."""

    job_name: TextProperty(  # type: ignore[valid-type]
        name="Job Name", description="In place of the name in the panel"
    )
    job_type: TextProperty(  # type: ignore[valid-type]
        name="Job Type", description="Name of the job type, in place of the one in the panel"
    )
    priority: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Priority",
        description="In place of the one in the panel, which counts if this is -1",
        default=_AS_THE_SCENE_SAYS,
        min=_AS_THE_SCENE_SAYS,
        max=HIGHEST_PRIORITY,
        options={"SKIP_SAVE"},
    )
    paused: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Paused",
        description="Do not start the job until somebody resumes it",
        options={"SKIP_SAVE"},
    )
    tag: TextProperty(  # type: ignore[valid-type]
        name="Worker Tag", description="Name or id of the tag that workers must have"
    )
    frames: TextProperty(  # type: ignore[valid-type]
        name="Frames", description="In place of those of the settings, such as 1-100x5"
    )
    settings: TextProperty(  # type: ignore[valid-type]
        name="Settings", description="More settings of the job type, as a JSON object"
    )
    scenes: ChoiceProperty(  # type: ignore[valid-type]
        name="Scenes", description="Which scenes are submitted", items=[_AS_SET, *SCENE_CHOICES]
    )
    cameras: ChoiceProperty(  # type: ignore[valid-type]
        name="Cameras", description="Which cameras render", items=[_AS_SET, *CAMERA_CHOICES]
    )
    view_layers: ChoiceProperty(  # type: ignore[valid-type]
        name="View Layers",
        description="How view layers are submitted",
        items=[_AS_SET, *VIEW_LAYER_CHOICES],
    )

    def wishes(self) -> Wishes:
        """Raises `InvalidInput` if `settings` is no JSON object."""
        return Wishes(
            job_name=self.job_name,
            job_type=self.job_type,
            priority=None if self.priority == _AS_THE_SCENE_SAYS else self.priority,
            paused=True if self.paused else None,
            tag=self.tag,
            frames=self.frames,
            scenes=_chosen(self.scenes),
            cameras=_chosen(self.cameras),
            view_layers=_chosen(self.view_layers),
            settings=_json_object(self.settings),
        )


def _chosen(choice: str) -> str:
    return "" if choice == _AS_SET[0] else choice


def _json_object(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        what = tr("is no JSON: {reason}").format(reason=error)
        raise one_problem("settings", what) from None
    if not isinstance(value, dict):
        hint = tr("write it like {example}").format(example='{"chunk_size": 5}')
        raise one_problem("settings", tr("is no JSON object"), hint)
    return value


class _Planner(_Submitting, bpy.types.Operator):
    is_dry_run = False

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        if submission_drivers.is_under_way():
            cls.poll_message_set(tr("A submission is under way"))
            return False
        return True

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        """In the background of a window."""
        submission = self._planned(context)
        if submission is None:
            return {"CANCELLED"}
        submission_drivers.start(submission)
        return {"FINISHED"}

    def _planned(self, context: bpy.types.Context) -> Submission | None:
        if context.scene is None:
            self.report({"ERROR"}, tr("There is no scene to submit"))
            return None
        try:
            jobs = plan_jobs(context.scene, self.wishes())
        except FlamencoError as error:
            self.report({"ERROR"}, _sentence(error))
            return None
        return Submission(jobs, dry_run=self.is_dry_run)

    def _carried_out(
        self, context: bpy.types.Context, *, accepts_warnings: bool
    ) -> Submission | None:
        """At once, with its findings reported; None if it did not come to an end."""
        if not _connected(self):
            return None
        submission = self._planned(context)
        if submission is None:
            return None
        submission.always_copies = True
        submission_drivers.carry_out(submission, accepts_warnings=accepts_warnings)
        for finding in warnings(submission.findings):
            self.report({"WARNING"}, str(finding))
        if submission.stage is Stage.DONE:
            return submission
        bad = errors(submission.findings) if submission.stage is Stage.STOPPED else []
        if not bad:
            self.report({"ERROR"}, submission.message)
        elif len(bad) == 1:
            self.report({"ERROR"}, str(bad[0]))
        else:
            self.report({"ERROR"}, "\n".join([submission.message, *map(str, bad)]))
        return None


class FLAMENCO_OT_submit_job(_Planner):
    """Send the scene to the render farm"""

    bl_idname = "flamenco.submit_job"
    bl_label = "Submit to Flamenco"
    bl_options = {"REGISTER"}

    ignore_warnings: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Ignore Warnings",
        description="From scripts: submit although pre-flight has warnings; they are reported",
        default=True,
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """From scripts. Blocks until the jobs are on the farm."""
        _tell_scripts(context, "")
        submission = self._carried_out(context, accepts_warnings=self.ignore_warnings)
        if submission is None:
            return {"CANCELLED"}
        _tell_scripts(context, ",".join(job.id for job in submission.jobs))
        self.report({"INFO"}, submission.message)
        return {"FINISHED"}


def _tell_scripts(context: bpy.types.Context, job_ids: str) -> None:
    kept = own_properties.of_window_manager(context)
    if kept is not None:
        kept.flamenco_submitted_jobs = job_ids


class FLAMENCO_OT_dry_run_job(_Planner):
    """Look at everything and ask the farm what would become of the job, and send nothing"""

    bl_idname = "flamenco.dry_run_job"
    bl_label = "Dry Run"
    bl_options = {"REGISTER"}

    is_dry_run = True

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """From scripts. Blocks; the forecast is reported."""
        submission = self._carried_out(context, accepts_warnings=True)
        if submission is None:
            return {"CANCELLED"}
        self.report({"INFO"}, submission.message)
        return {"FINISHED"}


class FLAMENCO_OT_submit_dialog(bpy.types.Operator):
    """Look at the job once more, and send the scene to the render farm"""

    bl_idname = "flamenco.submit_dialog"
    bl_label = "Submit to Flamenco"
    bl_options = {"REGISTER", "INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return not submission_drivers.is_under_way()

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        connection.refresh()
        from .submit_panel import DIALOG_WIDTH

        return ask_in_dialog(self, context, width=DIALOG_WIDTH, confirm_text=tr("Submit"))

    def draw(self, context: bpy.types.Context) -> None:
        from .submit_panel import draw_dialog

        draw_dialog(layout_of(self), context)

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        result: OperatorResult = own_properties.operators.submit_job("INVOKE_DEFAULT")
        return result


class FLAMENCO_OT_decide_on_warnings(bpy.types.Operator):
    """Submit although pre-flight has warnings"""

    bl_idname = "flamenco.decide_on_warnings"
    bl_label = "Submit Anyway"
    bl_options = {"REGISTER", "INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        submission = submission_drivers.current()
        return submission is not None and submission.stage is Stage.ASKING

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> OperatorResult:
        return ask_in_dialog(
            self,
            context,
            width=_WARNINGS_WIDTH,
            title=tr("Pre-flight Has Warnings"),
            confirm_text=tr("Submit Anyway"),
        )

    def draw(self, context: bpy.types.Context) -> None:
        from .preflight.drawing import draw_findings

        submission = submission_drivers.current()
        if submission is not None:
            found = warnings(submission.findings)
            draw_findings(layout_of(self), context, found, width=_WARNINGS_WIDTH)

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        submission_drivers.answer(True)
        return {"FINISHED"}

    def cancel(self, _context: bpy.types.Context) -> None:
        submission_drivers.answer(False)


class FLAMENCO_OT_cancel_submission(bpy.types.Operator):
    """Stop, and take back what was sent"""

    bl_idname = "flamenco.cancel_submission"
    bl_label = "Cancel Submission"
    bl_options = {"REGISTER", "INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return submission_drivers.is_under_way()

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        submission = submission_drivers.current()
        if submission is not None:
            if submission.stage is Stage.ASKING:
                submission_drivers.answer(False)
            else:
                submission.cancel()
        return {"FINISHED"}


class FLAMENCO_OT_try_submission_again(bpy.types.Operator):
    """Send the job once more; the farm makes one job of it even if it has the first"""

    bl_idname = "flamenco.try_submission_again"
    bl_label = "Try Again"
    bl_options = {"REGISTER", "INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        submission = submission_drivers.current()
        return submission is not None and submission.can_try_again

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        submission_drivers.try_again()
        return {"FINISHED"}


class FLAMENCO_OT_forget_submission(bpy.types.Operator):
    """Close this message"""

    bl_idname = "flamenco.forget_submission"
    bl_label = "Close"
    bl_options = {"REGISTER", "INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> OperatorResult:
        submission_drivers.forget()
        return {"FINISHED"}


def _connected(operator: Any) -> bool:
    """Asks the Manager once, as scripts want what the farm has now. Blocks."""
    work = connection.refresh()
    if work is not None:
        background.wait_for(work)
    condition = connection.current().condition
    if not condition.is_good:
        words = f"{said(condition.sentence)} {said(condition.advice)}"
        operator.report({"ERROR"}, words.strip())
    return condition.is_good


def _sentence(error: FlamencoError) -> str:
    text = str(error).strip()
    return text[:1].upper() + text[1:]


_CLASSES = (
    FLAMENCO_OT_submit_job,
    FLAMENCO_OT_dry_run_job,
    FLAMENCO_OT_submit_dialog,
    FLAMENCO_OT_decide_on_warnings,
    FLAMENCO_OT_cancel_submission,
    FLAMENCO_OT_try_submission_again,
    FLAMENCO_OT_forget_submission,
)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    own_properties.add(
        bpy.types.WindowManager,
        flamenco_submitted_jobs=own_properties.definitions.StringProperty(
            name="Submitted Jobs",
            description="The ids of the jobs that a script submitted last",
            options={"SKIP_SAVE"},
        ),
    )


def unregister() -> None:
    own_properties.remove(bpy.types.WindowManager, "flamenco_submitted_jobs")
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
