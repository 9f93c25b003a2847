"""The command `blender-render`: runs Blender, and believes only the files it leaves behind."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import disk_usage
from typing import Any, Self

from flamenco_core.device_wishes import DEVICE_KEY, DeviceWish, device_of_job
from flamenco_core.warm_rendering import PARAMETER as WARM_PARAMETER
from flamenco_worker.blender.attempt_folders import new_folder_name, remove_leftovers
from flamenco_worker.blender.frame_collector import FrameCollector
from flamenco_worker.blender.output import (
    Event,
    FrameProgress,
    FrameSaved,
    OutputParser,
    RenderReport,
    Trouble,
)
from flamenco_worker.blender.render_arguments import RenderArguments
from flamenco_worker.blender.verify import (
    RenderPlan,
    frames_that_are_whole,
    move_out_of_the_way,
)
from flamenco_worker.cancellation import Cancellation, Cancelled
from flamenco_worker.commands.base import CommandContext, CommandFailed
from flamenco_worker.commands.parameters import ParameterReader
from flamenco_worker.commands.rendering_blender import BlenderLost, RenderingBlender
from flamenco_worker.device_wishes import Fallback, agreed
from flamenco_worker.process import Finished
from flamenco_worker.watchdog import Watchdog

_SHOWN_REFUSALS = 3
_FULL_DISK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BlenderRender:
    """Renders frames; done when every one of them has been verified."""

    arguments: RenderArguments
    may_stay_open: bool = True
    """Whether Blender may be the one of the task before, and be kept for the next one."""
    device: DeviceWish | None = None
    """What the job asks for."""

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        reader = ParameterReader("blender-render", parameters)
        executable = [reader.text("exe"), *reader.shell_words("exeArgs")]
        arguments = RenderArguments(
            executable=executable,
            before=reader.texts("argsBefore"),
            blend_file=reader.text("blendfile", may_be_empty=True),
            after=reader.texts("args"),
        )
        if executable[0].startswith("{") and executable[0].endswith("}"):
            reader.wrong("exe", f"is {executable[0]}, a variable without value on the Manager")
        may_stay_open = reader.flag(WARM_PARAMETER, default=True)
        device: DeviceWish | None = None
        try:
            device = device_of_job(parameters)
        except ValueError as error:
            reader.wrong(DEVICE_KEY, str(error))
        reader.check()
        return cls(arguments, may_stay_open, device)

    def run(self, context: CommandContext) -> None:
        arguments = replace(
            self.arguments,
            devices=agreed(context.devices, self.device),
            may_fall_back=context.device_fallback is not Fallback.FAIL,
        )
        replace(self, arguments=arguments)._run_on_devices(context)

    def _run_on_devices(self, context: CommandContext) -> None:
        steps = _Steps(context)
        why_cold = "" if self.may_stay_open else "the job is set to keep none open"
        arguments = self.arguments.with_threads(context.threads)
        try:
            self._run(context, steps, RenderingBlender(context, arguments, why_cold=why_cold))
        except BlenderLost as lost:
            # Whatever had gathered in it, a new one has not.
            context.log(f"{lost.message}, and had rendered other tasks; trying again without it")
            why_cold = "the open one did not live to the end"
            self._run(context, steps, RenderingBlender(context, arguments, why_cold=why_cold))

    def _run(self, context: CommandContext, steps: _Steps, blender: RenderingBlender) -> None:
        frames: dict[int, list[int]] | None = None
        # Only when names tell that frames may be there is it worth asking Blender first.
        if self.arguments.might_find_frames():
            frames = self._frames_left(context, steps, blender)
            if frames is not None and not any(frames.values()):
                context.log("every frame is there already, whole; nothing is left to render")
                return
        self._render(context, steps, blender, frames)

    def _frames_left(
        self, context: CommandContext, steps: _Steps, blender: RenderingBlender
    ) -> dict[int, list[int]] | None:
        """Asks Blender what it would render and leaves out what is there, whole.

        Returns the frames by the position of the render argument, None if it is all of them.
        Files that are there and not whole are moved out of the way, since Blender skips them.
        """
        context.log("there are files where the frames go; asking Blender which frames they are")
        run = _BlenderRun(context, self.arguments, blender)
        run.start(self.arguments.task_for_query())
        left: dict[int, list[int]] = {}
        for plan in run.plans:
            whole = set() if plan.overwrite else frames_that_are_whole(plan)
            left[plan.render] = [frame for frame in plan.frames if frame not in whole]
            for frame in sorted(whole):
                context.log(f"frame {frame} is there already, whole")
                steps.count(frame, _folder_of(plan, frame))
            if not plan.overwrite:
                _clear_the_way(context, plan, whole)
        return None if all(left[plan.render] == plan.frames for plan in run.plans) else left

    def _render(
        self,
        context: CommandContext,
        steps: _Steps,
        blender: RenderingBlender,
        frames: dict[int, list[int]] | None,
    ) -> None:
        folder = new_folder_name(context.attempt)

        def on_frame(frame: int, path: Path) -> None:
            context.log(f"frame {frame} is verified: {path}")
            steps.count(frame, path.parent)
            context.output_produced(path)
            context.statistics.add_outputs(_files_of(path, run.plans))

        with FrameCollector(on_frame) as collector:
            run = _BlenderRun(context, self.arguments, blender, collector)
            run.start(self.arguments.task_for_render(folder, _owner(context), frames))
            refusals = collector.finish()
        if refusals:
            shown = [refusal.message for refusal in refusals[:_SHOWN_REFUSALS]]
            if len(refusals) > _SHOWN_REFUSALS:
                shown.append(f"{len(refusals) - _SHOWN_REFUSALS} more frames are not done")
            if any(_is_disk_full(plan) for plan in run.plans):
                # By the system's words the Manager knows that this passes.
                shown.insert(0, "The disk of the frames is full: no space left on device")
            shown += [f"Blender said: {trouble.sentence}" for trouble in run.troubles[-1:]]
            raise CommandFailed(". ".join(shown))


@dataclass(frozen=True, slots=True)
class _Steps:
    """Counts each frame once, however often it is tried."""

    context: CommandContext
    _counted: set[tuple[int, Path]] = field(default_factory=set)

    def count(self, frame: int, folder: Path) -> None:
        """A frame is done; there can be another of that number in another folder."""
        if (frame, folder) not in self._counted:
            self._counted.add((frame, folder))
            self.context.step()


def _folder_of(plan: RenderPlan, frame: int) -> Path:
    return next(expected.path.parent for expected in plan.files if expected.frame == frame)


def _files_of(shown: Path, plans: Iterable[RenderPlan]) -> list[Path]:
    """All files of the frame that one of them is shown for."""
    for plan in plans:
        for frame in [expected.frame for expected in plan.files if expected.path == shown]:
            return [expected.path for expected in plan.files if expected.frame == frame]
    return []


def _owner(context: CommandContext) -> str:
    """What marks the folders of this task's attempts."""
    return f"task {context.task_id}\n"


def _is_disk_full(plan: RenderPlan) -> bool:
    folders = {expected.path.parent for expected in plan.files}
    return any(folder.is_dir() and disk_usage(folder).free < _FULL_DISK_BYTES for folder in folders)


def _clear_the_way(context: CommandContext, plan: RenderPlan, whole: set[int]) -> None:
    for expected in plan.files:
        if expected.frame not in whole:
            moved = move_out_of_the_way(expected.path)
            if moved is not None:
                context.log(f"{expected.path} is no whole frame and is now {moved.name}")


@dataclass(slots=True)
class _BlenderRun:
    """One run of Blender and what it said; without `collector` it only reports."""

    context: CommandContext
    arguments: RenderArguments
    blender: RenderingBlender
    collector: FrameCollector | None = None
    plans: list[RenderPlan] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    _seen: FrameProgress | None = None
    _stopped: CommandFailed | None = None
    _stop: Cancellation = field(default_factory=Cancellation)
    _watchdog: Watchdog = field(init=False)

    def __post_init__(self) -> None:
        self._watchdog = Watchdog(self.context.limits, name="Blender")

    def start(self, task: list[str]) -> None:
        """Lets Blender open the file and carry out these arguments.

        Raises:
            CommandFailed: if Blender itself, or what it printed, says that it did not do what it
                was told.
            BlenderLost: if it should be tried again in a Blender of its own.
        """
        parser = OutputParser(self._handle)
        try:
            with self.context.cancellation.callback(self._pass_on_cancellation):
                finished = self.blender.run(
                    task,
                    parser.feed,
                    cancellation=self._stop,
                    watchdog=self._watchdog,
                    frames=self._count_rendered,
                )
        except Cancelled:
            self.context.cancellation.check()
            if self._stopped is not None:
                raise self._stopped from None
            raise
        if self._stopped is not None:
            raise self._stopped
        self._check_what_was_said(finished)

    def _end(self, sentence: str) -> None:
        """Ends Blender before it renders, and delivers, something that was not asked for."""
        if self._stopped is None:
            self._stopped = CommandFailed(sentence)
            if self.collector is not None:
                self.collector.stop()
            self._stop.cancel(sentence)

    def _count_rendered(self) -> int:
        return sum(len(plan.frames) for plan in self.plans) if self.collector is not None else 0

    def _pass_on_cancellation(self) -> None:
        self._stop.cancel(self.context.cancellation.reason)

    def _check_what_was_said(self, finished: Finished) -> None:
        if finished.exit_code:
            said = [trouble.sentence for trouble in self.troubles[-1:]]
            raise CommandFailed(". ".join([_ending(finished.exit_code), *said]))
        if any(not plan.frames for plan in self.plans):
            raise CommandFailed("The command line names no frames to render")
        if not self.plans and self.arguments.render_count:
            raise CommandFailed("Blender ended before it came to the render, and did not say why")

    def _handle(self, event: Event) -> None:
        self.context.statistics.blender_says(event)
        match event:
            case RenderReport() if "failure" in event.content:
                self._end(event.content["failure"])
            case RenderReport():
                self.context.statistics.render_begins(event.content)
                self._say_device(event.content)
                self._begin(RenderPlan.from_report(event.content))
            case FrameSaved() if self.collector is not None:
                self._watchdog.gets_on()
                self.collector.saved(Path(event.path))
                is_last = len(self.plans) == self.arguments.render_count
                if is_last and self.collector.has_seen_all():
                    self._watchdog.is_done()
            case FrameProgress():
                self._show_progress(event)
            case Trouble():
                self.troubles.append(event)
                if event.decisive:
                    self._end(event.sentence)

    def _say_device(self, report: Mapping[str, Any]) -> None:
        """What Blender says that it renders on, and what it does not have."""
        missing = report.get("missing_device")
        if missing and self.context.device_fallback is Fallback.WARN:
            self.context.log(f"WARNING: {missing}; this is rendered on the CPU")
        if report.get("device"):
            self.context.log(f"Blender renders on {report['device']}")

    def _begin(self, plan: RenderPlan) -> None:
        self.plans.append(plan)
        if self.collector is not None:
            self.collector.expect(plan)
        if plan.missing:
            files = ", ".join(plan.missing)
            # Its frames would be rendered without it, and look almost right.
            self._end(f"The scene {plan.scene!r} needs files that are missing: {files}")
            return
        asked = self.arguments.format_of(plan.render)
        if asked not in (None, plan.format):
            self._end(f"Blender would write {plan.format} instead of the format asked for, {asked}")
            return
        owner = _owner(self.context)
        for parent in {expected.path.parent for expected in plan.files}:
            for leftover in remove_leftovers(parent, owner, plan.folder):
                self.context.log(f"removed {leftover}, left by an attempt that was interrupted")
        if plan.is_movie:
            self.context.log("the output is a movie, whose frames are not verified one by one")
        elif plan.in_place and self.collector is not None:
            reasons = " and ".join(plan.in_place)
            self.context.log(f"the scene is rendered in place, since {reasons}")

    def _show_progress(self, progress: FrameProgress) -> None:
        if progress != self._seen:
            self._watchdog.gets_on()
        if progress.samples is not None:
            done = f"{progress.samples} of {progress.samples_total} samples"
            self.context.activity(f"Rendering frame {progress.frame}, {done}")
        elif self._seen is None or progress.frame != self._seen.frame:
            self.context.activity(f"Rendering frame {progress.frame}")
        self._seen = progress


def _ending(exit_code: int) -> str:
    """What an exit code other than 0 says about Blender's end."""
    if exit_code >= 0:
        return f"Blender ended with exit code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    if name == "SIGKILL":
        return "Blender was killed (SIGKILL); the machine may have run out of memory"
    return f"Blender crashed ({name})"
