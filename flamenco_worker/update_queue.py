"""Task updates on their way to the Manager: kept in a SQLite file until it has them.

Everything that a task has to say goes through here, in order. The Manager may be away for hours,
and the worker may be killed: what is in the queue is sent by the next run.

Where the Manager takes reports, what waits goes in one request, and the request for a slot's next
task travels with it, behind the updates that were there before it.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from flamenco_core import wire
from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.model import NextTask, TaskRequest, TaskUpdate
from flamenco_worker.asking import Asking
from flamenco_worker.backing_off import BackOff
from flamenco_worker.cancellation import Cancelled
from flamenco_worker.config import DEFAULT_QUEUE_SIZE
from flamenco_worker.registration import is_temporary
from flamenco_worker.update_file import UpdateFile
from flamenco_worker.waiting_update import WaitingUpdate, replacement

log = logging.getLogger(__name__)

QUEUE_NAME = "flamenco-worker.sqlite"
_NOT_OURS = frozenset({404, 409})
_NOT_SIGNED_ON = frozenset({401, 403})

TaskRefused = Callable[[str, int | None, str], None]
"""Called with task, attempt and the Manager's words when it wants no more updates of an attempt."""


GATHERING = timedelta(milliseconds=5)
"""How long an update waits for others, such as the start of a task that follows an end at once."""
MOST_TOGETHER = 50
LARGEST_REPORT = 400_000
"""Characters; a single update may be larger."""


class UpdateQueue:
    """Takes updates from any thread and sends them from its own."""

    def __init__(
        self,
        path: Path,
        client: ManagerClient,
        back_off: BackOff,
        size: int = DEFAULT_QUEUE_SIZE,
    ) -> None:
        """Opens the queue; `start` begins to send.

        When more than `size` bytes wait, the oldest text of logs goes.

        Raises:
            StorageError: if the file cannot be opened.
        """
        self._client = client
        self._back_off = back_off
        self._on_refused: TaskRefused = lambda _task, _attempt, _message: None
        self._changed = threading.Condition()
        self._is_closing = False
        self._is_locked_out = False
        self._takes_reports = False
        self._one_by_one_up_to = 0
        """Updates that the Manager refuses to take together with others."""
        self._asking: list[Asking] = []
        self._thread: threading.Thread | None = None
        self._file = UpdateFile(path, size)

    def start(
        self, worker_id: str, on_refused: TaskRefused, *, takes_reports: bool = False
    ) -> None:
        """Begins to send as `worker_id`; what another identity has left behind is dropped.

        `takes_reports` says whether the Manager takes several updates at once.
        """
        with self._changed:
            self._file.belongs_to(worker_id)
            self._takes_reports = takes_reports
            self._on_refused = on_refused
            self._is_locked_out = False
            self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_all, name="update-queue")
            self._thread.start()

    def add(self, task_id: str, update: TaskUpdate) -> None:
        """Keeps an update until it is sent; returns at once.

        Raises:
            StorageError: if it cannot be written, since the disk is full, say.
        """
        with self._changed:
            self._file.add(task_id, update)
            self._changed.notify_all()

    def ask(self, request: TaskRequest) -> Asking:
        """Asks for a task, behind all updates that wait; only where the Manager takes reports."""
        with self._changed:
            asking = Asking(request, self._file.last_number())
            if self._is_closing or self._is_locked_out:
                asking.fail(Cancelled("no task is asked for any more"))
            else:
                self._asking.append(asking)
                self._changed.notify_all()
            return asking

    def ask_no_more(self) -> None:
        """Lets go of all requests for tasks."""
        with self._changed:
            self._let_go()

    @property
    def is_locked_out(self) -> bool:
        """Whether the Manager does not take our credentials; `start` tries anew."""
        return self._is_locked_out

    def wait_until_empty(self, timeout: timedelta) -> bool:
        """Waits until the Manager has everything, or no credentials; returns whether it has."""
        deadline = time.monotonic() + timeout.total_seconds()
        with self._changed:
            while self._file.count() and not (self._is_closing or self._is_locked_out):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return self._file.count() == 0

    def close(self, grace: timedelta = timedelta(0)) -> None:
        """Sends what it can within `grace`; the rest waits in the file for the next run."""
        if self._thread is not None and grace:
            self.wait_until_empty(grace)
        with self._changed:
            self._is_closing = True
            self._let_go()
            self._changed.notify_all()
        if self._thread is not None:
            # A Manager that hangs must not keep the worker from ending.
            self._client.abort()
            self._thread.join()
        left = self._file.count()
        if left:
            log.warning("%d task updates are kept for the next run of this worker", left)
        self._file.close()

    def _send_all(self) -> None:
        """Sends until the queue is closed; whatever goes wrong is waited for and tried again."""
        while not self._is_closing:
            try:
                together, asking = self._next()
                if self._takes_reports and (asking or len(together) > 1):
                    self._send_together(together, asking)
                elif together:
                    self._send(together[0])
            except sqlite3.Error as error:
                self._pause(f"the queue cannot be used: {error}")
            except Exception:
                log.exception("a fault in the worker keeps task updates from being sent")
                self._pause("of a fault in the worker")

    def _next(self) -> tuple[list[WaitingUpdate], Asking | None]:
        """The oldest updates, and what to ask with them; waits for something of it."""
        with self._changed:
            while not self._is_closing:
                self._clear_away()
                if not self._is_locked_out and (self._asking or self._file.count()):
                    if self._takes_reports and not self._asking:
                        self._wait_for(GATHERING.total_seconds(), until=self._has_request)
                    return self._gathered()
                self._changed.wait()
        return [], None

    def _gathered(self) -> tuple[list[WaitingUpdate], Asking | None]:
        oldest = self._file.oldest(MOST_TOGETHER)
        together: list[WaitingUpdate] = []
        size = 0
        for waiting in oldest:
            size += len(waiting.payload)
            is_alone = waiting.number <= self._one_by_one_up_to
            if together and (size > LARGEST_REPORT or is_alone):
                break
            together.append(waiting)
            if is_alone:
                return together, None
        last = together[-1].number if together else 0
        is_all = len(together) == len(oldest) < MOST_TOGETHER
        asking = self._asking[0] if self._asking else None
        return together, asking if asking and (is_all or last >= asking.after) else None

    def _has_request(self) -> bool:
        return bool(self._asking)

    def _send_together(self, together: list[WaitingUpdate], asking: Asking | None) -> None:
        report = {
            "updates": [
                {"task": waiting.task_id, "update": json.loads(waiting.payload)}
                for waiting in together
            ]
        }
        if asking is not None:
            report["request"] = wire.to_json(asking.request)
        try:
            answer = self._client.report_tasks(report)
        except ManagerUnreachable as error:
            self._pause(str(error))
            return
        except ManagerRefused as refusal:
            self._handle_refusal_of_all(together, asking, refusal)
            return
        self._back_off.reset()
        stored = []
        for waiting, outcome in zip(together, answer.updates, strict=True):
            if outcome.status < 300:
                stored.append(waiting)
            else:
                message = outcome.message or ""
                self._handle_refusal(waiting, ManagerRefused(outcome.status, message))
        if stored:
            self._remove(stored)
        if asking is not None:
            self._forget(asking)
            asking.answer(answer.next or NextTask())

    def _handle_refusal_of_all(
        self, together: list[WaitingUpdate], asking: Asking | None, refusal: ManagerRefused
    ) -> None:
        if refusal.status in _NOT_SIGNED_ON or is_temporary(refusal):
            self._handle_refusal_by_manager(refusal)
        elif together:
            # One of them is at fault, and each is looked at by itself.
            self._one_by_one_up_to = together[-1].number
        elif asking is not None:
            self._forget(asking)
            asking.fail(refusal)

    def _send(self, waiting: WaitingUpdate) -> None:
        try:
            self._client.task_update(waiting.task_id, json.loads(waiting.payload))
        except ManagerUnreachable as error:
            self._pause(str(error))
        except ManagerRefused as refusal:
            self._handle_refusal(waiting, refusal)
        except Exception as error:
            # One update that cannot be sent at all must not hold up the others for good.
            log.exception("an update of task %s cannot be sent", waiting.task_id)
            self._give_up(waiting, f"{type(error).__name__}: {error}")
        else:
            self._back_off.reset()
            self._remove([waiting])

    def _handle_refusal_by_manager(self, refusal: ManagerRefused) -> None:
        """It takes nothing from us now, whatever it may be."""
        if is_temporary(refusal):
            self._pause(f"the Manager answers {refusal.status}: {refusal.message}")
            return
        log.warning("the Manager takes no task updates from us: %s", refusal.message)
        with self._changed:
            self._is_locked_out = True
            self._let_go()
            self._changed.notify_all()

    def _handle_refusal(self, waiting: WaitingUpdate, refusal: ManagerRefused) -> None:
        if refusal.status in _NOT_SIGNED_ON or is_temporary(refusal):
            self._handle_refusal_by_manager(refusal)
            return
        self._back_off.reset()
        if refusal.status in _NOT_OURS:
            log.warning("task %s is not ours any more: %s", waiting.task_id, refusal.message)
            self._on_refused(waiting.task_id, waiting.attempt, refusal.message)
            with self._changed:
                self._file.remove_attempt(waiting.task_id, waiting.attempt)
                self._clear_away()
            return
        log.error("the Manager cannot use an update of task %s: %s", waiting.task_id, refusal)
        self._give_up(waiting, refusal.message)

    def _give_up(self, waiting: WaitingUpdate, reason: str) -> None:
        """Drops an update that will never be taken.

        One that ends its task is replaced: without any end, the Manager would hand the same
        attempt out again and again.
        """
        instead = replacement(waiting, reason)
        if instead is None:
            self._remove([waiting])
            return
        log.warning("task %s is reported as failed instead", waiting.task_id)
        with self._changed:
            self._file.exchange(waiting, instead)

    def _remove(self, updates: Sequence[WaitingUpdate]) -> None:
        """Removes updates now or, if the file cannot be written now, before anything is sent."""
        with self._changed:
            self._file.remove(updates)
            self._clear_away()

    def _clear_away(self) -> None:
        """With the lock held. Raises `sqlite3.Error`."""
        if self._file.clear_away():
            self._changed.notify_all()

    def _forget(self, asking: Asking) -> None:
        with self._changed:
            if asking in self._asking:
                self._asking.remove(asking)

    def _let_go(self) -> None:
        """Ends the wait for answers; the lock must be held."""
        for asking in self._asking:
            asking.fail(Cancelled("no task is asked for any more"))
        self._asking.clear()

    def _pause(self, trouble: str) -> None:
        wait = self._back_off.next_wait().total_seconds()
        log.warning("task updates have to wait: %s; trying again in %.0f s", trouble, wait)
        with self._changed:
            # New updates wake this, too, and are no reason to try sooner.
            self._wait_for(wait)

    def _wait_for(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Waits, with the lock held, unless the queue is closed or `until` is so."""
        deadline = time.monotonic() + seconds
        while not (self._is_closing or until()) and (left := deadline - time.monotonic()) > 0:
            self._changed.wait(left)
