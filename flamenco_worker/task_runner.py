"""Runs one task: its commands in order, and what the Manager hears about it."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from flamenco_core.client import ManagerClient
from flamenco_core.errors import FlamencoError
from flamenco_core.model import AssignedTask, TaskUpdate
from flamenco_core.time_limits import PARAMETER, parse_limits
from flamenco_worker.attempt_statistics import AttemptStatistics
from flamenco_worker.blender.keeper import BlenderKeeper
from flamenco_worker.cancellation import Cancellation, Cancelled
from flamenco_worker.commands import CommandContext, make_command
from flamenco_worker.config import DEFAULT_MAY_I_RUN
from flamenco_worker.machine_settings import MachineSettings
from flamenco_worker.orphans import RunningPrograms
from flamenco_worker.slots import SlotPlan
from flamenco_worker.task_journal import TaskJournal
from flamenco_worker.task_reporter import TaskReporter

log = logging.getLogger(__name__)

TICK = timedelta(seconds=1)


_WHOLE_WORKER = SlotPlan(number=0, name="", task_types=())


class Ending(StrEnum):
    """How the worker and a task parted."""

    COMPLETED = "completed"
    FAILED = "failed"
    GIVEN_UP = "given-up"
    """Stopped on purpose; the Manager knows, or learns from the worker's next step."""


@dataclass(frozen=True, slots=True)
class TaskRunner:
    """Runs tasks, one at a time per runner."""

    client: ManagerClient
    send_update: Callable[[str, TaskUpdate], None]
    offer_image: Callable[[str, Path], None]
    machine: MachineSettings
    may_i_run_every: timedelta = DEFAULT_MAY_I_RUN
    running: RunningPrograms | None = None
    """Where it is kept which programs run."""
    blenders: BlenderKeeper | None = None
    """What keeps Blender open from one task of this runner to the next."""
    slot: SlotPlan = _WHOLE_WORKER

    def close(self) -> None:
        """Ends what it has kept open between tasks."""
        if self.blenders is not None:
            self.blenders.close()

    def run(
        self,
        task: AssignedTask,
        cancellation: Cancellation,
        on_start: Callable[[], None] = lambda: None,
    ) -> Ending:
        """Runs `task` to its end, or until `cancellation`; a failure is reported, not raised.

        `on_start` is called once it is on its way to the Manager that the task has begun.
        """
        log.info("task %s (%s) begins, attempt %s", task.name, task.uuid, task.attempt or 1)
        reporter = TaskReporter(task, self.send_update)
        statistics = AttemptStatistics()
        reporter.started()
        on_start()
        with _Attendant(self, task, reporter, cancellation):
            try:
                ending = self._run_to_its_end(task, reporter, cancellation, statistics)
                # The Manager must hear of it, or it hands the same attempt out again.
                while not reporter.flush():
                    cancellation.sleep(TICK)
            except Cancelled as cancelled:
                reporter.log(f"stopped: {cancelled.message}")
                reporter.add_statistics(statistics.so_far())
                reporter.flush()
                log.info("task %s is given up: %s", task.name, cancelled.message)
                return Ending.GIVEN_UP
        return ending

    def _run_to_its_end(
        self,
        task: AssignedTask,
        reporter: TaskReporter,
        cancellation: Cancellation,
        statistics: AttemptStatistics,
    ) -> Ending:
        """Raises `Cancelled`; reports every other ending."""
        try:
            try:
                self._run_commands(task, reporter, cancellation, statistics)
            finally:
                TaskJournal(self.machine.home).is_over(task.uuid)
                reporter.add_statistics(statistics.so_far())
        except Cancelled:
            raise
        except FlamencoError as error:
            reporter.failed(str(error))
            log.warning("task %s failed: %s", task.name, error)
            return Ending.FAILED
        except Exception as error:
            # A fault of ours must not end the worker; another task may well succeed.
            log.exception("task %s failed", task.name)
            reporter.log(traceback.format_exc())
            reporter.failed(f"fault in the worker: {type(error).__name__}: {error}")
            return Ending.FAILED
        reporter.completed()
        log.info("task %s is completed", task.name)
        return Ending.COMPLETED

    def _run_commands(
        self,
        task: AssignedTask,
        reporter: TaskReporter,
        cancellation: Cancellation,
        statistics: AttemptStatistics,
    ) -> None:
        context = CommandContext(
            task_id=task.uuid,
            attempt=task.attempt or 1,
            cancellation=cancellation,
            log=reporter.log,
            step=reporter.step,
            activity=reporter.activity,
            output_produced=lambda path: self.offer_image(task.uuid, path),
            ffmpeg=self.machine.ffmpeg,
            oom_score=self.machine.oom_score,
            threads=self.slot.threads or self.machine.threads,
            devices=self.slot.devices,
            device_fallback=self.machine.device_fallback,
            memory_limit=self.slot.memory_limit,
            priority=self.machine.priority,
            program=self.machine.program,
            running=self.running,
            blenders=self.blenders,
            statistics=statistics,
            limits=self.machine.time_limits,
        )
        # Wrong parameters of a late command need not wait for the early ones.
        commands = [make_command(command) for command in task.commands]
        limits = [parse_limits(command.parameters.get(PARAMETER, {})) for command in task.commands]
        journal = TaskJournal(self.machine.home)
        done = journal.done_before(task.uuid, task.attempt)
        context = replace(context, was_begun_before=done is not None)
        steps = 0
        for number, (command, authored) in enumerate(zip(commands, task.commands, strict=True)):
            cancellation.check()
            if number < (done or 0):
                context.log(f"{authored.name} was done before this worker was ended; going on")
            else:
                journal.begins(task.uuid, task.attempt, number)
                command.run(replace(context, limits=context.limits.changed_by(limits[number])))
            # A command that counts no steps is one step; the others may have missed some.
            steps += max(1, authored.total_step_count)
            reporter.count_steps(steps)


class _Attendant:
    """While a task runs: sends what has gathered, and asks whether the task may go on."""

    def __init__(
        self,
        runner: TaskRunner,
        task: AssignedTask,
        reporter: TaskReporter,
        cancellation: Cancellation,
    ) -> None:
        self._runner = runner
        self._task = task
        self._reporter = reporter
        self._cancellation = cancellation
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="task-reports")
        # Not joined: a question in flight to a Manager that hangs must not hold up the worker.
        self._asker = threading.Thread(target=self._ask, name="may-i-run", daemon=True)

    def __enter__(self) -> None:
        self._ticker.start()
        self._asker.start()

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._ticker.join()

    def _tick(self) -> None:
        while not self._ended.wait(TICK.total_seconds()):
            try:
                self._reporter.tick()
            except Exception:
                # The reporter holds back what it could not send; the next tick tries again.
                log.exception("what task %s says has to wait", self._task.name)

    def _ask(self) -> None:
        while not self._ended.wait(self._runner.may_i_run_every.total_seconds()):
            try:
                answer = self._runner.client.may_worker_run(self._task.uuid)
            except FlamencoError as error:
                # No answer is no reason to throw work away.
                log.info("the Manager does not say whether the task may go on: %s", error)
                continue
            if not answer.mayKeepRunning and not self._ended.is_set():
                reason = answer.reason or "the Manager does not want it to go on"
                self._cancellation.cancel(reason)
                return
