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
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flamenco_core import wire
from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable
from flamenco_core.errors import StorageError
from flamenco_core.model import TaskUpdate
from flamenco_worker.backing_off import BackOff
from flamenco_worker.registration import is_temporary

log = logging.getLogger(__name__)

QUEUE_NAME = "flamenco-worker.sqlite"
_NOT_OURS = frozenset({404, 409})
_NOT_SIGNED_ON = frozenset({401, 403})
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
            dropped = self._database.execute(
                "DELETE FROM waiting_updates WHERE worker_id != ?", (worker_id,)
            ).rowcount
            self._changed.notify_all()
        if dropped:
            log.warning("dropped %d task updates of an earlier identity of this worker", dropped)
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_all, name="update-queue")
            self._thread.start()

    def add(self, task_id: str, update: TaskUpdate) -> None:
        """Keeps an update until it is sent; returns at once.

        Raises:
            StorageError: if it cannot be written, since the disk is full, say.
        """
        payload = json.dumps(wire.to_json(update))
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
        (count,) = self._database.execute("SELECT count(*) FROM waiting_updates").fetchone()
        return int(count)

    def _send_all(self) -> None:
        while (waiting := self._next()) is not None:
            try:
                self._send(waiting)
            except ManagerUnreachable as error:
                self._pause(str(error))
            except ManagerRefused as refusal:
                self._handle_refusal(waiting, refusal)
            except Exception:
                # One update that cannot be sent at all must not hold up the others for good.
                log.exception("an update of task %s is dropped", waiting.task_id)
                self._remove("id = ?", (waiting.number,))

    def _next(self) -> _Waiting | None:
        """The oldest update; waits for one. None when the queue is being closed."""
        with self._changed:
            while not self._is_closing:
                row = self._database.execute(
                    "SELECT id, task_id, attempt, payload FROM waiting_updates ORDER BY id LIMIT 1"
                ).fetchone()
                if row is not None and not self._is_locked_out:
                    return _Waiting(*row)
                self._changed.wait()
        return None

    def _send(self, waiting: _Waiting) -> None:
        update = wire.from_json(json.loads(waiting.payload), TaskUpdate)
        self._client.task_update(waiting.task_id, update)
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
            self._remove("task_id = ? AND attempt IS ?", (waiting.task_id, waiting.attempt))
            self._on_refused(waiting.task_id, waiting.attempt, refusal.message)
            return
        log.error("the Manager cannot use an update of task %s: %s", waiting.task_id, refusal)
        self._remove("id = ?", (waiting.number,))

    def _remove(self, condition: str, values: tuple[object, ...]) -> None:
        with self._changed:
            self._database.execute(f"DELETE FROM waiting_updates WHERE {condition}", values)
            self._changed.notify_all()

    def _pause(self, trouble: str) -> None:
        wait = self._back_off.next_wait().total_seconds()
        log.warning("task updates have to wait: %s; trying again in %.0f s", trouble, wait)
        deadline = time.monotonic() + wait
        with self._changed:
            # New updates wake this, too, and are no reason to try sooner.
            while not self._is_closing and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
