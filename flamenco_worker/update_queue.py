"""Task updates on their way to the Manager: kept in a SQLite file until it has them.

Everything that a task has to say goes through here, in order. The Manager may be away for hours,
and the worker may be killed: what is in the queue is sent by the next run.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from flamenco_core import wire
from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.errors import StorageError
from flamenco_core.model import TaskUpdate
from flamenco_core.statuses import TaskStatus
from flamenco_worker.backing_off import BackOff
from flamenco_worker.registration import is_temporary
from flamenco_worker.task_reporter import printable

log = logging.getLogger(__name__)

QUEUE_NAME = "flamenco-worker.sqlite"
_NOT_OURS = frozenset({404, 409})
_NOT_SIGNED_ON = frozenset({401, 403})
_FINAL = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED})
_INSTEAD = "Failed: the Manager could not use what this worker reported"
_LONGEST_REASON = 500
"""Characters of the Manager's own words that are sent back to it."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting_updates (
    id INTEGER PRIMARY KEY,
    worker_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    attempt INTEGER,
    payload TEXT NOT NULL
)
"""

TaskRefused = Callable[[str, int | None, str], None]
"""Called with task, attempt and the Manager's words when it wants no more updates of an attempt."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    number: int
    task_id: str
    attempt: int | None
    payload: str


class UpdateQueue:
    """Takes updates from any thread and sends them from its own."""

    def __init__(self, path: Path, client: ManagerClient, back_off: BackOff) -> None:
        """Opens the queue; `start` begins to send.

        Raises:
            StorageError: if the file cannot be opened.
        """
        self._client = client
        self._back_off = back_off
        self._worker_id = ""
        self._on_refused: TaskRefused = lambda _task, _attempt, _message: None
        self._changed = threading.Condition()
        self._is_closing = False
        self._is_locked_out = False
        self._may_have_strangers = False
        self._to_remove: list[tuple[str, tuple[object, ...]]] = []
        self._thread: threading.Thread | None = None
        try:
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            # Enough to survive the death of the process; only a power cut can take the last rows.
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise StorageError(f"The queue {path} cannot be opened: {error}") from error

    def start(self, worker_id: str, on_refused: TaskRefused) -> None:
        """Begins to send as `worker_id`; what another identity has left behind is dropped."""
        with self._changed:
            self._worker_id = worker_id
            self._on_refused = on_refused
            self._is_locked_out = False
            self._may_have_strangers = True
            self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_all, name="update-queue")
            self._thread.start()

    def add(self, task_id: str, update: TaskUpdate) -> None:
        """Keeps an update until it is sent; returns at once.

        Raises:
            StorageError: if it cannot be written, since the disk is full, say.
        """
        # An update whose answer is lost is sent again; by its id the Manager knows it.
        payload = json.dumps(wire.to_json(replace(update, update_id=uuid4().hex)))
        with self._changed:
            try:
                self._database.execute(
                    "INSERT INTO waiting_updates (worker_id, task_id, attempt, payload)"
                    " VALUES (?, ?, ?, ?)",
                    (self._worker_id, task_id, update.attempt, payload),
                )
            except sqlite3.Error as error:
                raise StorageError(f"A task update cannot be kept: {error}") from error
            self._changed.notify_all()

    @property
    def is_locked_out(self) -> bool:
        """Whether the Manager does not take our credentials; `start` tries anew."""
        return self._is_locked_out

    def wait_until_empty(self, timeout: timedelta) -> bool:
        """Waits until the Manager has everything, or no credentials; returns whether it has."""
        deadline = time.monotonic() + timeout.total_seconds()
        with self._changed:
            while self._count() and not (self._is_closing or self._is_locked_out):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return self._count() == 0

    def close(self, grace: timedelta = timedelta(0)) -> None:
        """Sends what it can within `grace`; the rest waits in the file for the next run."""
        if self._thread is not None and grace:
            self.wait_until_empty(grace)
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._thread is not None:
            # A Manager that hangs must not keep the worker from ending.
            self._client.abort()
            self._thread.join()
        left = self._count()
        if left:
            log.warning("%d task updates are kept for the next run of this worker", left)
        self._database.close()

    def _count(self) -> int:
        """How many updates wait; 1 if the file does not say."""
        try:
            (count,) = self._database.execute("SELECT count(*) FROM waiting_updates").fetchone()
        except sqlite3.Error as error:
            log.warning("the queue of task updates cannot be read: %s", error)
            return 1
        return int(count)

    def _send_all(self) -> None:
        """Sends until the queue is closed; whatever goes wrong is waited for and tried again."""
        while not self._is_closing:
            try:
                waiting = self._next()
                if waiting is not None:
                    self._send(waiting)
            except sqlite3.Error as error:
                self._pause(f"the queue cannot be used: {error}")
            except Exception:
                log.exception("a fault in the worker keeps task updates from being sent")
                self._pause("of a fault in the worker")

    def _next(self) -> _Waiting | None:
        """The oldest update; waits for one. None when the queue is being closed."""
        with self._changed:
            while not self._is_closing:
                self._clear_away()
                row = self._database.execute(
                    "SELECT id, task_id, attempt, payload FROM waiting_updates ORDER BY id LIMIT 1"
                ).fetchone()
                if row is not None and not self._is_locked_out:
                    return _Waiting(*row)
                self._changed.wait()
        return None

    def _send(self, waiting: _Waiting) -> None:
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
            self._remove("id = ?", (waiting.number,))

    def _handle_refusal(self, waiting: _Waiting, refusal: ManagerRefused) -> None:
        if refusal.status in _NOT_SIGNED_ON:
            log.warning("the Manager takes no task updates from us: %s", refusal.message)
            with self._changed:
                self._is_locked_out = True
                self._changed.notify_all()
            return
        if is_temporary(refusal):
            self._pause(f"the Manager answers {refusal.status}: {refusal.message}")
            return
        self._back_off.reset()
        if refusal.status in _NOT_OURS:
            log.warning("task %s is not ours any more: %s", waiting.task_id, refusal.message)
            self._on_refused(waiting.task_id, waiting.attempt, refusal.message)
            self._remove("task_id = ? AND attempt IS ?", (waiting.task_id, waiting.attempt))
            return
        log.error("the Manager cannot use an update of task %s: %s", waiting.task_id, refusal)
        self._give_up(waiting, refusal.message)

    def _give_up(self, waiting: _Waiting, reason: str) -> None:
        """Drops an update that will never be taken.

        One that ends its task is replaced: without any end, the Manager would hand the same
        attempt out again and again.
        """
        instead = _replacement(waiting, reason)
        if instead is None:
            self._remove("id = ?", (waiting.number,))
            return
        log.warning("task %s is reported as failed instead", waiting.task_id)
        with self._changed:
            self._database.execute(
                "UPDATE waiting_updates SET payload = ? WHERE id = ?", (instead, waiting.number)
            )

    def _remove(self, condition: str, values: tuple[object, ...]) -> None:
        """Removes updates now or, if the file cannot be written now, before anything is sent."""
        with self._changed:
            self._to_remove.append((condition, values))
            self._clear_away()

    def _clear_away(self) -> None:
        """Removes what is done with; the lock must be held. Raises `sqlite3.Error`."""
        while self._to_remove:
            condition, values = self._to_remove[0]
            self._database.execute(f"DELETE FROM waiting_updates WHERE {condition}", values)
            del self._to_remove[0]
            self._changed.notify_all()
        if self._may_have_strangers:
            dropped = self._database.execute(
                "DELETE FROM waiting_updates WHERE worker_id != ?", (self._worker_id,)
            ).rowcount
            self._may_have_strangers = False
            self._changed.notify_all()
            if dropped:
                log.warning("dropped %d task updates of this worker's earlier identity", dropped)

    def _pause(self, trouble: str) -> None:
        wait = self._back_off.next_wait().total_seconds()
        log.warning("task updates have to wait: %s; trying again in %.0f s", trouble, wait)
        deadline = time.monotonic() + wait
        with self._changed:
            # New updates wake this, too, and are no reason to try sooner.
            while not self._is_closing and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)


def _replacement(waiting: _Waiting, reason: str) -> str | None:
    """What to send in place of an update that is never taken, as JSON; None for nothing."""
    update = _decoded(waiting.payload)
    is_replacement = str(update.get("activity", "")).startswith(_INSTEAD)
    if update.get("taskStatus") not in _FINAL or is_replacement:
        return None
    sentence = f"{_INSTEAD} ({printable(reason[:_LONGEST_REASON])})"
    instead = TaskUpdate(taskStatus=TaskStatus.FAILED, activity=sentence, attempt=waiting.attempt)
    return json.dumps(wire.to_json(instead))


def _decoded(payload: str) -> dict[str, Any]:
    try:
        update = json.loads(payload)
    except ValueError:
        return {}
    return update if isinstance(update, dict) else {}
