"""Carries out what a `blender-render` command wants of Blender: in one that stays open for the
tasks that follow, or in one of its own; and says in the task's log which, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flamenco_core.errors import FlamencoError
from flamenco_worker.blender.in_blender_report import REPORT_PREFIX
from flamenco_worker.blender.keeper import BlenderKeeper, Lent
from flamenco_worker.blender.render_arguments import RenderArguments
from flamenco_worker.blender.session import Launch, SessionLost, SessionRefused
from flamenco_worker.blender.warm_arguments import NotWarmError, WarmCommand, warm_command
from flamenco_worker.cancellation import Cancellation
from flamenco_worker.commands.base import CommandContext, guarded
from flamenco_worker.memory_limit import watching_memory
from flamenco_worker.process import Finished, quoted
from flamenco_worker.watchdog import Watchdog


class BlenderLost(FlamencoError):
    """A Blender that had been open for a while did not live through this task."""


class RenderingBlender:
    """Blender for one command."""

    def __init__(
        self, context: CommandContext, arguments: RenderArguments, *, why_cold: str = ""
    ) -> None:
        """`why_cold` asks for a Blender of its own, and is read behind "since"."""
        self._context = context
        self._arguments = arguments
        self._why_cold = why_cold
        self._has_said_why = False

    def run(
        self,
        task: Sequence[str],
        on_line: Callable[[str], None],
        *,
        cancellation: Cancellation,
        watchdog: Watchdog,
        frames: Callable[[], int],
    ) -> Finished:
        """Opens the file and carries out the arguments of `task` behind it.

        `frames` tells afterwards how many frames that were.

        Raises:
            BlenderLost: if it should be tried again in a Blender of its own.
        """
        keeper = self._context.blenders
        command = self._warm_command(keeper)
        if keeper is not None and command is not None:
            cold_command = self._arguments.with_task(task)
            launch = _launch(self._context, command, self._arguments)
            run = _WarmRun(self._context, keeper, command, launch, cold_command)
            try:
                return run.run(task, on_line, cancellation, watchdog, frames)
            except SessionRefused as refused:
                self._why_cold = refused.message
        if not self._has_said_why:
            self._context.log(f"a Blender of its own renders this, since {self._why_cold}")
            self._has_said_why = True
        self._context.statistics.blender_starts()
        return self._context.run(
            self._arguments.with_task(task),
            on_line,
            cancellation=cancellation,
            hidden=REPORT_PREFIX,
            watchdog=watchdog,
        )

    def _warm_command(self, keeper: BlenderKeeper | None) -> WarmCommand | None:
        """None if a Blender of its own is needed; `_why_cold` then says why."""
        if self._why_cold:
            return None
        if keeper is None or not keeper.rules.is_on:
            self._why_cold = "this worker is set to keep none open"
            return None
        try:
            command = warm_command(self._arguments)
        except NotWarmError as error:
            self._why_cold = str(error)
            return None
        self._why_cold = keeper.why_not(
            _launch(self._context, command, self._arguments), command.blend_file
        )
        return None if self._why_cold else command


def _launch(context: CommandContext, command: WarmCommand, arguments: RenderArguments) -> Launch:
    return Launch(
        command=(context.program(command.program), *command.start),
        script_arguments=command.script_arguments,
        devices=tuple(str(wish) for wish in arguments.devices),
        running=context.running,
        oom_score=context.oom_score,
        priority=context.priority,
    )


class _WarmRun:
    """One task in a Blender that is open, or is opened to stay."""

    def __init__(
        self,
        context: CommandContext,
        keeper: BlenderKeeper,
        command: WarmCommand,
        launch: Launch,
        cold_command: Sequence[str],
    ) -> None:
        self._context = context
        self._keeper = keeper
        self._command = command
        self._cold_command = cold_command
        """What a Blender of its own would be started with; scripts may look at that."""
        self._launch = launch

    def run(
        self,
        task: Sequence[str],
        on_line: Callable[[str], None],
        cancellation: Cancellation,
        watchdog: Watchdog,
        frames: Callable[[], int],
    ) -> Finished:
        lent = self._keeper.lend(self._launch, self._command.blend_file)

        def handle(line: str) -> None:
            watchdog.says_something()
            if not line.startswith(REPORT_PREFIX):
                self._context.log(f"pid={lent.blender.pid} > {line}")
            on_line(line)

        is_well = False
        try:
            with watching_memory(
                lambda: lent.blender.pid, self._context.memory_limit, watchdog.ends
            ):
                finished = guarded(
                    lambda ending: self._carry_out(lent, task, handle, ending),
                    log=self._context.log,
                    cancellation=cancellation,
                    watchdog=watchdog,
                )
            is_well = finished.exit_code == 0 and not cancellation.is_cancelled
        except SessionRefused as refused:
            self._keeper.refuse(self._launch, self._command.blend_file, refused.message)
            raise
        finally:
            self._context.statistics.add_memory_peak(lent.blender.memory_peak)
            self._keeper.take_back(frames=frames(), is_well=is_well)
        return finished

    def _carry_out(
        self,
        lent: Lent,
        task: Sequence[str],
        on_line: Callable[[str], None],
        cancellation: Cancellation,
    ) -> Finished:
        blender, context = lent.blender, self._context
        if lent.is_new:
            context.statistics.blender_starts()
            context.log(f"a new Blender renders this and stays open, since {lent.why}")
            context.log(f"going to run:\n\n    {quoted(blender.command)}\n")
            try:
                blender.start(cancellation, on_line)
            except SessionLost as lost:
                if blender.exit_code:
                    return Finished(blender.pid, blender.exit_code)
                raise SessionRefused(lost.message) from lost
        else:
            context.statistics.blender_goes_on()
            context.log(f"the Blender that is open (process {blender.pid}) renders this")
        context.log(f"Blender is to carry out:\n\n    {quoted([*task])}\n")
        try:
            return blender.run(self._request(task), on_line, cancellation)
        except SessionLost as lost:
            if not lent.is_new:
                raise BlenderLost(lost.message) from lost
            return Finished(blender.pid, blender.exit_code or 1)

    def _request(self, task: Sequence[str]) -> dict[str, Any]:
        command = self._command
        return {
            "blend_file": command.blend_file,
            "arguments": [*task],
            "argv": [*self._cold_command],
            "use_scripts": command.use_scripts,
            "threads": command.threads,
            "python_exit_code": command.python_exit_code,
            "state": command.state,
        }
