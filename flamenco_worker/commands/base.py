"""What a command is, and what it may do to the task it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from flamenco_core.device_wishes import DeviceWish
from flamenco_core.errors import FlamencoError
from flamenco_core.time_limits import TimeLimits
from flamenco_worker.attempt_statistics import AttemptStatistics
from flamenco_worker.blender.keeper import BlenderKeeper
from flamenco_worker.cancellation import Cancellation, Cancelled
from flamenco_worker.device_wishes import Fallback
from flamenco_worker.memory_limit import watching_memory
from flamenco_worker.orphans import RunningPrograms
from flamenco_worker.process import Finished, Priority, quoted, run_process
from flamenco_worker.watchdog import Watchdog


class CommandFailed(FlamencoError):
    """The command did not do what it is for; the message is what a person reads as the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """A command's way to its task and to this machine."""

    task_id: str
    attempt: int
    """How often the task has been handed out; 1 for the first time."""
    cancellation: Cancellation
    log: Callable[[str], None]
    """Adds a line to the task's log."""
    step: Callable[[], None]
    """Counts one step as done."""
    activity: Callable[[str], None]
    """Says in a few words what is going on."""
    output_produced: Callable[[Path], None]
    """Offers an image to be shown as the last one rendered."""
    ffmpeg: str = ""
    """The FFmpeg that is configured for this worker; empty means: look for one."""
    oom_score: int | None = None
    """Linux: see `process.run_process`."""
    priority: Priority = Priority.NORMAL
    threads: int | None = None
    """How many threads of the processor a render may use; `None`: all."""
    devices: Sequence[DeviceWish] = ()
    """What its slot renders on; empty: as the scenes say."""
    device_fallback: Fallback = Fallback.FAIL
    memory_limit: int | None = None
    """Bytes that a program may have, together with what it starts; `None`: all."""
    program: Callable[[str], str] = str
    """What to run where a command names a program."""
    running: RunningPrograms | None = None
    """Where it is kept which programs run, for a worker that is killed."""
    blenders: BlenderKeeper | None = None
    """What keeps Blender open for the next task; `None`: each task starts its own."""
    statistics: AttemptStatistics = field(default_factory=AttemptStatistics)
    """Where a command says what it measured and made."""
    was_begun_before: bool = False
    """Whether this worker was killed in the middle of this attempt."""
    limits: TimeLimits = field(default_factory=TimeLimits)
    """For each program that a command runs."""

    @property
    def may_be_done(self) -> bool:
        """Whether an earlier attempt, or run of this one, may have done the work already."""
        return self.was_begun_before or self.attempt > 1

    def run(
        self,
        command: list[str],
        on_line: Callable[[str], None] | None = None,
        *,
        cancellation: Cancellation | None = None,
        hidden: str = "",
        watchdog: Watchdog | None = None,
    ) -> Finished:
        """Runs a program; its command line and each line of its output go into the task's log.

        `cancellation` is for commands that stop the program themselves; otherwise it is the task's.
        Lines that begin with `hidden` are for the command only. `watchdog` is for commands that
        know more of the program than that it says something.

        Raises:
            ProgramMissing: if it cannot be started.
            CommandFailed: if it went beyond the limits and was ended; not if it had done its work
                and only did not quit, which counts as an end with exit code 0.
            Cancelled: if the task is to stop.
        """
        command = [self.program(command[0]), *command[1:]]
        self.log(f"going to run:\n\n    {quoted(command)}\n")
        pid = 0
        watchdog = watchdog or Watchdog(self.limits, name=Path(command[0]).name)

        def started(number: int) -> None:
            nonlocal pid
            pid = number
            if self.running is not None:
                self.running.add(pid)

        def handle(line: str) -> None:
            watchdog.says_something()
            if not hidden or not line.startswith(hidden):
                self.log(f"pid={pid} > {line}")
            if on_line is not None:
                on_line(line)

        def run(ending: Cancellation) -> Finished:
            return run_process(
                command,
                on_line=handle,
                on_start=started,
                environment=self.running.environment if self.running else None,
                cancellation=ending,
                on_memory_peak=self.statistics.add_memory_peak,
                oom_score=self.oom_score,
                priority=self.priority,
            )

        try:
            with watching_memory(lambda: pid, self.memory_limit, watchdog.ends):
                return guarded(
                    run,
                    log=self.log,
                    cancellation=cancellation or self.cancellation,
                    watchdog=watchdog,
                )
        finally:
            if self.running is not None:
                self.running.remove(pid)


def guarded(
    run: Callable[[Cancellation], Finished],
    *,
    log: Callable[[str], None],
    cancellation: Cancellation,
    watchdog: Watchdog,
) -> Finished:
    """Lets a program run that `watchdog` may end, through what `run` gets.

    Raises:
        CommandFailed: if it went beyond the limits and was ended; not if it had done its work
            and only did not quit, which counts as an end with exit code 0.
        Cancelled: if the task is to stop.
    """
    ending = Cancellation()
    try:
        with (
            cancellation.callback(lambda: ending.cancel(cancellation.reason)),
            watchdog.watching(ending.cancel),
        ):
            return run(ending)
    except Cancelled:
        cancellation.check()
        if watchdog.was_quitting:
            log(f"{watchdog.sentence}; its work was done")
            return Finished(0, 0)
        raise CommandFailed(watchdog.sentence) from None


class Command(Protocol):
    """One command of a task: made from its parameters, then run once."""

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        """Checks the parameters.

        Raises:
            InvalidInput: with every parameter that is missing or wrong.
        """

    def run(self, context: CommandContext) -> None:
        """Does the work.

        Raises:
            FlamencoError: if it failed.
            Cancelled: if the task is to stop.
        """
