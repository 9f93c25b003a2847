"""One slot of a worker that is awake: gets tasks and runs them, one after the other.

Where the Manager offers it, the end of a task and the request for the next one travel together,
and the next one is reserved while one still runs, so that it begins without any waiting.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, Self

from flamenco_core.client import (
    ManagerClient,
    ManagerRefused,
    ManagerUnreachable,
    StatusChangeRequested,
)
from flamenco_core.errors import FlamencoError
from flamenco_core.model import AssignedTask, HeldTask, NextTask, TaskRequest
from flamenco_core.statuses import WorkerStatus
from flamenco_worker.asking import Asking
from flamenco_worker.attempts_done import AttemptsDone, Told
from flamenco_worker.backing_off import BackOff
from flamenco_worker.cancellation import Cancellation, Cancelled
from flamenco_worker.prefetching import KEPT, Prefetching
from flamenco_worker.slots import SlotPlan
from flamenco_worker.task_reporter import TaskReporter
from flamenco_worker.task_runner import Ending, TaskRunner
from flamenco_worker.update_queue import UpdateQueue

log = logging.getLogger(__name__)

_NOT_AWAKE = 409
_END_LOST = "This attempt has ended before, and the Manager has not kept how"


class Surroundings(Protocol):
    """What a slot needs to know of its worker."""

    @property
    def is_ending(self) -> bool:
        """Whether no more tasks are to be begun."""

    def become(self, status: WorkerStatus) -> None:
        """The Manager wants this status."""

    def sign_on_again(self) -> None:
        """The Manager does not know our credentials any more."""

    def problem(self) -> str:
        """Why this machine can do no task now; empty if it can."""

    def cannot_work(self, problem: str) -> None:
        """This machine can do no task now."""

    def say_awake(self) -> None:
        """The Manager has lost sight of this worker."""

    def settings_may_have_changed(self, task: AssignedTask) -> None:
        """To be called before a task is run."""

    def task_ended(self) -> None:
        """A task is over, in whatever way."""

    def trouble(self, error: FlamencoError, pauses: BackOff) -> None:
        """The Manager could not be asked; returns when it is time to try again."""

    def pause(self, pauses: BackOff) -> None:
        """Waits, unless the worker ends."""

    def asks(self) -> None:
        """A request for a task goes to the Manager now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a slot talks to its Manager."""

    longest_wait: timedelta
    """How long the Manager may hold a request for a task."""
    safe_wait: timedelta
    """The same where something between the two ends longer requests."""
    patience: timedelta
    """How long the queue may take before it is looked after; Flamenco 3 only."""
    takes_reports: bool
    prefetches: bool


class SlotWorker:
    """Works in a thread of its own from `start` to `join`; the rest is for any thread."""

    def __init__(
        self,
        plan: SlotPlan,
        *,
        client: ManagerClient,
        queue: UpdateQueue,
        runner: TaskRunner,
        surroundings: Surroundings,
        manners: Manners,
        new_back_off: Callable[[], BackOff],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`client` is for this slot alone."""
        self.plan = plan
        self._client = client
        self._queue = queue
        self._runner = runner
        self._surroundings = surroundings
        self._manners = manners
        self._wait = manners.longest_wait
        self._pauses = new_back_off()
        self._clock = clock
        self._prefetching = Prefetching()
        self._ahead: Asking | None = None
        """The request for the task that follows the one that runs."""
        self._ahead_at = 0.0
        self._done = AttemptsDone()
        self._has_something_to_tell = True
        """Also what an earlier run has left in the queue."""
        self._lock = threading.Lock()
        self._task: AssignedTask | None = None
        self._cancellation: Cancellation | None = None
        self._is_asking = False
        self._thread = threading.Thread(target=self._run, name=f"slot-{plan.number}")

    @property
    def task(self) -> AssignedTask | None:
        """What it runs at this moment."""
        return self._task

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout: timedelta) -> bool:
        """Waits for the end of its work; returns whether it has ended."""
        self._thread.join(timeout.total_seconds())
        return not self._thread.is_alive()

    def end_request(self) -> None:
        """Ends a request that waits for a task."""
        if self._is_asking:
            self._client.abort()

    def close(self) -> None:
        """Lets go of what it has kept open between tasks."""
        self._runner.close()
        self._client.close()

    def cancel(self, reason: str) -> None:
        """Stops the task that runs."""
        with self._lock:
            cancellation = self._cancellation
        if cancellation is not None:
            cancellation.cancel(reason)

    def cancel_attempt(self, task_id: str, attempt: int | None, reason: str) -> None:
        """The same, if it is this attempt at this task."""
        with self._lock:
            task, cancellation = self._task, self._cancellation
        if task is None or cancellation is None:
            return
        if (task.uuid, task.attempt) == (task_id, attempt):
            cancellation.cancel(reason)

    def _run(self) -> None:
        task: AssignedTask | None = None
        while not self._surroundings.is_ending:
            try:
                task = self._go_on(task)
            except Exception:
                # Without its thread a slot would stand still for good.
                log.exception("a fault in the worker keeps a slot from working")
                task = None
                self._surroundings.pause(self._pauses)

    def _go_on(self, task: AssignedTask | None) -> AssignedTask | None:
        """Runs a task, the given one or the next; returns the one that is to follow."""
        problem = self._surroundings.problem()
        if problem:
            if task is not None:
                self._give_back(task, problem)
            self._surroundings.cannot_work(problem)
            return None
        try:
            task = task or self._next_task()
            # A task that is not begun goes back, or is handed out again.
            if task is None or self._surroundings.is_ending:
                return None
            if self._done.has(task):
                self._refuse(task)
                return None
            # The request may have waited for a long time.
            if self._surroundings.problem():
                return task
            self._pauses.reset()
            self._run_task(task)
            return self._task_ahead(task)
        except Cancelled:
            return None
        except FlamencoError as error:
            self._surroundings.trouble(error, self._pauses)
            return None

    def _next_task(self) -> AssignedTask | None:
        """Asks the Manager; None if there is nothing to do now."""
        if not self._manners.takes_reports:
            # The Manager hands a task out again if we ask before it knows that it is done.
            if not self._queue.wait_until_empty(self._manners.patience):
                if self._queue.is_locked_out:
                    self._surroundings.pause(self._pauses)
                    self._surroundings.sign_on_again()
                return None
        elif self._queue.is_locked_out:
            self._surroundings.pause(self._pauses)
            self._surroundings.sign_on_again()
            return None
        elif self._has_something_to_tell:
            # It goes with the request, or the Manager would hand the same task out again.
            answer = self._queue.ask(TaskRequest(slot=self.plan.number)).wait()
            self._has_something_to_tell = False
            if answer != NextTask():
                return self._task_of(answer)
        return self._wait_for_task()

    def _wait_for_task(self) -> AssignedTask | None:
        asked_at = self._clock()
        request = TaskRequest(slot=self.plan.number, holding=[])
        try:
            self._is_asking = True
            if self._surroundings.is_ending:
                return None
            self._surroundings.asks()
            task = self._client.schedule_task(request, wait=self._wait)
        except StatusChangeRequested as change:
            self._surroundings.become(change.status)
            return None
        except ManagerRefused as refusal:
            if refusal.status == _NOT_AWAKE:
                # It has lost sight of us in the meantime; tell it that we are here.
                self._surroundings.say_awake()
            self._be_careful(asked_at)
            raise
        except ManagerUnreachable:
            self._be_careful(asked_at)
            raise
        finally:
            self._is_asking = False
        if task is not None:
            return task
        if self._clock() - asked_at < self._wait.total_seconds() / 2:
            # This Manager answers at once, so that the pause is ours to make.
            self._surroundings.pause(self._pauses)
        else:
            self._pauses.reset()
        return None

    def _be_careful(self, asked_at: float) -> None:
        """A request that had waited for some time was ended by a proxy, perhaps."""
        if self._clock() - asked_at > self._manners.safe_wait.total_seconds():
            self._wait = self._manners.safe_wait

    def _task_of(self, answer: NextTask) -> AssignedTask | None:
        if answer.status_requested is not None:
            self._surroundings.become(answer.status_requested)
        elif answer.not_awake is not None:
            self._surroundings.say_awake()
        return answer.task

    def _run_task(self, task: AssignedTask) -> None:
        self._surroundings.settings_may_have_changed(task)
        cancellation = Cancellation()
        with self._lock:
            self._task, self._cancellation = task, cancellation
        self._has_something_to_tell = True
        self._ahead = None
        self._prefetching.task_begins(task, self._clock())
        try:
            with _Ahead(self, task) as ahead:
                ending = self._runner.run(task, cancellation, ahead.begin)
            if ending is not Ending.GIVEN_UP:
                self._done.ended(task)
                self._prefetching.task_ended(self._clock())
        finally:
            with self._lock:
                self._task = self._cancellation = None
            self._surroundings.task_ended()

    def seconds_until_ahead(self) -> float | None:
        """How long until the next task is to be asked for; None for not at all."""
        if not (self._manners.prefetches and self._ahead is None):
            return None
        return self._prefetching.seconds_until_due(self._clock())

    def ask_ahead(self, running: AssignedTask) -> None:
        """Has the next task reserved while this one runs."""
        if running.attempt is None or self._surroundings.is_ending:
            return
        held = [HeldTask(task=running.uuid, attempt=running.attempt)]
        request = TaskRequest(slot=self.plan.number, holding=held, prefetch=True)
        self._ahead_at = self._clock()
        self._ahead = self._queue.ask(request)

    def _task_ahead(self, ended: AssignedTask) -> AssignedTask | None:
        """The task that was reserved, if it still is."""
        before = (ended.uuid, ended.attempt)
        ahead, self._ahead = self._ahead, None
        if ahead is None or self._surroundings.is_ending:
            return None
        task = self._task_of(ahead.wait())
        if task is not None and (task.uuid, task.attempt) == before:
            return None  # the one that has just ended
        is_kept = self._clock() - self._ahead_at < KEPT.total_seconds()
        return task if is_kept and not self._surroundings.is_ending else None

    def _refuse(self, task: AssignedTask) -> None:
        """An attempt is not run again that has ended here; the Manager is about to hear of it."""
        is_all_told = self._queue.wait_until_empty(self._manners.patience)
        log.warning("task %s is given out again; attempt %s has ended", task.uuid, task.attempt)
        self._has_something_to_tell = True
        if self._done.given_out(task, is_all_told=is_all_told) is Told.STILL:
            # Its end has been lost on the way, and without one it would come for ever.
            TaskReporter(task, self._queue.add).failed(_END_LOST)
        self._surroundings.pause(self._pauses)

    def _give_back(self, task: AssignedTask, problem: str) -> None:
        """Says why in the task's log. The Manager takes it back when this worker is not awake."""
        reporter = TaskReporter(task, self._queue.add)
        reporter.log(f"this worker gives the task back: {problem}")
        reporter.flush()
        self._queue.wait_until_empty(self._manners.patience)


class _Ahead:
    """Asks for the next task when the one that runs is about to end."""

    def __init__(self, slot: SlotWorker, running: AssignedTask) -> None:
        self._slot = slot
        self._running = running
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def begin(self) -> None:
        """The task has begun, and its start is in the queue, in front of what is asked now."""
        seconds = self._slot.seconds_until_ahead()
        if seconds is None:
            return
        if seconds <= 0:
            self._ask()
            return
        self._timer = threading.Timer(seconds, self._ask)
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_error: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()

    def _ask(self) -> None:
        try:
            self._slot.ask_ahead(self._running)
        except FlamencoError as error:
            log.info("no task is reserved: %s", error)
