"""All slots of a worker, while it is awake: they begin together and end together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from flamenco_core.errors import FlamencoError
from flamenco_core.model import AssignedTask
from flamenco_core.statuses import WorkerStatus
from flamenco_worker.backing_off import BackOff
from flamenco_worker.slot_worker import SlotWorker

_LOOK_EVERY = timedelta(seconds=0.2)
"""While slots end: how often requests are ended that have begun a moment too late."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why the slots ended."""

    status: WorkerStatus | None
    """The next one of the worker; None for signing on again."""
    reason: str = ""
    """Why the worker takes it by itself; empty if the Manager wants it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """How the slots reach the rest of the worker. Called from the threads of all slots."""

    problem: Callable[[], str]
    """Why this machine can do no task now; empty if it can."""
    say_awake: Callable[[], None]
    trouble: Callable[[FlamencoError, BackOff], bool]
    """Waits for a while; returns whether to sign on again."""
    pause: Callable[[BackOff], None]
    asks: Callable[[], None]
    ask_no_more: Callable[[], None]
    """Requests for tasks that travel with updates are let go."""
    settings_may_have_changed: Callable[[AssignedTask], bool]
    """Returns whether there are to be other slots now."""
    only_one_task: bool = False


class Crew:
    """Works from `work` to its end; everything else is for any thread."""

    def __init__(self, contacts: Contacts) -> None:
        self._contacts = contacts
        self._slots: list[SlotWorker] = []
        self._changed = threading.Condition()
        self._outcome: Outcome | None = None

    def work(self, slots: Iterable[SlotWorker]) -> Outcome:
        """Lets the slots work until something ends that, and their tasks; says what it was."""
        self._slots = list(slots)
        for slot in self._slots:
            slot.start()
        with self._changed:
            while self._outcome is None:
                self._changed.wait()
            outcome = self._outcome
        for slot in self._slots:
            while not slot.join(_LOOK_EVERY):
                self._end_requests()
        for slot in self._slots:
            slot.close()
        return outcome

    def end(self, outcome: Outcome) -> None:
        """No more tasks are begun; those that run go on. Only the first call counts."""
        with self._changed:
            self._outcome = self._outcome or outcome
            self._changed.notify_all()
        self._end_requests()

    def cancel(self, reason: str) -> None:
        """Stops all tasks that run."""
        for slot in self._slots:
            slot.cancel(reason)

    def cancel_attempt(self, task_id: str, attempt: int | None, reason: str) -> None:
        """Stops this attempt at a task, if it runs."""
        for slot in self._slots:
            slot.cancel_attempt(task_id, attempt, reason)

    @property
    def has_task(self) -> bool:
        return any(slot.task is not None for slot in self._slots)

    @property
    def is_ending(self) -> bool:
        return self._outcome is not None

    def become(self, status: WorkerStatus) -> None:
        self.end(Outcome(status))

    def sign_on_again(self) -> None:
        self.end(Outcome(None))

    def problem(self) -> str:
        return self._contacts.problem()

    def cannot_work(self, problem: str) -> None:
        self.end(Outcome(WorkerStatus.ERROR, problem))

    def say_awake(self) -> None:
        self._contacts.say_awake()

    def settings_may_have_changed(self, task: AssignedTask) -> None:
        if self._contacts.settings_may_have_changed(task):
            # They are taken over between tasks, with all slots at rest.
            self.end(Outcome(WorkerStatus.AWAKE))

    def task_ended(self) -> None:
        if self._contacts.only_one_task:
            self.end(Outcome(WorkerStatus.OFFLINE, "its one task is done"))

    def trouble(self, error: FlamencoError, pauses: BackOff) -> None:
        if not self.is_ending and self._contacts.trouble(error, pauses):
            self.sign_on_again()

    def pause(self, pauses: BackOff) -> None:
        self._contacts.pause(pauses)

    def asks(self) -> None:
        self._contacts.asks()

    def _end_requests(self) -> None:
        self._contacts.ask_no_more()
        for slot in self._slots:
            slot.end_request()
