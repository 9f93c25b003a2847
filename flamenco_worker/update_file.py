"""The rows of task updates that wait for the Manager, in a SQLite file that outlives the worker."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from flamenco_core import wire
from flamenco_core.errors import StorageError
from flamenco_core.model import TaskUpdate
from flamenco_worker.queue_room import QueueRoom
from flamenco_worker.waiting_update import WaitingUpdate

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting_updates (
    id INTEGER PRIMARY KEY,
    worker_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    attempt INTEGER,
    payload TEXT NOT NULL
)
"""


class UpdateFile:
    """To be used under its owner's lock."""

    def __init__(self, path: Path, size: int) -> None:
        """When more than `size` bytes wait, the oldest text of logs goes.

        Raises:
            StorageError: if the file cannot be opened.
        """
        self.worker_id = ""
        """Whose updates are put in."""
        self._may_have_strangers = False
        self._to_remove: list[tuple[str, tuple[object, ...]]] = []
        try:
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            # Enough to survive the death of the process; only a power cut can take the last rows.
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(_SCHEMA)
            self._room = QueueRoom(self._database, size)
            self._room.give_back()
        except sqlite3.Error as error:
            raise StorageError(f"The queue {path} cannot be opened: {error}") from error

    def belongs_to(self, worker_id: str) -> None:
        """What another identity has left behind goes with the next `clear_away`."""
        self.worker_id = worker_id
        self._may_have_strangers = True

    def add(self, task_id: str, update: TaskUpdate) -> None:
        """Puts an update behind the others.

        Raises:
            StorageError: if it cannot be written, since the disk is full, say.
        """
        # An update whose answer is lost is sent again; by its id the Manager knows it.
        payload = json.dumps(wire.to_json(replace(update, update_id=uuid4().hex)))
        try:
            self._database.execute(
                "INSERT INTO waiting_updates (worker_id, task_id, attempt, payload)"
                " VALUES (?, ?, ?, ?)",
                (self.worker_id, task_id, update.attempt, payload),
            )
        except sqlite3.Error as error:
            raise StorageError(f"A task update cannot be kept: {error}") from error
        with suppress(sqlite3.Error):  # the next one tries again
            self._room.added(payload)

    def count(self) -> int:
        """How many updates wait; 1 if the file does not say."""
        try:
            (count,) = self._database.execute("SELECT count(*) FROM waiting_updates").fetchone()
        except sqlite3.Error as error:
            log.warning("the queue of task updates cannot be read: %s", error)
            return 1
        return int(count)

    def last_number(self) -> int:
        """Of the newest update; 0 if none waits.

        Raises:
            StorageError: if the file cannot be read.
        """
        try:
            (number,) = self._database.execute(
                "SELECT coalesce(max(id), 0) FROM waiting_updates"
            ).fetchone()
        except sqlite3.Error as error:
            raise StorageError(f"The queue of task updates cannot be read: {error}") from error
        return int(number)

    def oldest(self, most: int) -> list[WaitingUpdate]:
        """In the order in which they were put in. Raises `sqlite3.Error`."""
        rows = self._database.execute(
            "SELECT id, task_id, attempt, payload FROM waiting_updates ORDER BY id LIMIT ?",
            (most,),
        )
        return [WaitingUpdate(*row) for row in rows.fetchall()]

    def exchange(self, waiting: WaitingUpdate, payload: str) -> None:
        """Sends something else in an update's place. Raises `sqlite3.Error`."""
        self._database.execute(
            "UPDATE waiting_updates SET payload = ? WHERE id = ?", (payload, waiting.number)
        )

    def remove(self, updates: Sequence[WaitingUpdate]) -> None:
        """Lets `clear_away` remove these."""
        marks = ", ".join("?" * len(updates))
        self._to_remove.append((f"id IN ({marks})", tuple(each.number for each in updates)))

    def remove_attempt(self, task_id: str, attempt: int | None) -> None:
        """Lets `clear_away` remove all of an attempt."""
        self._to_remove.append(("task_id = ? AND attempt IS ?", (task_id, attempt)))

    def clear_away(self) -> bool:
        """Removes what is done with; whether there was anything. Raises `sqlite3.Error`.

        What cannot be removed now is kept in mind for the next time.
        """
        has_work = bool(self._to_remove) or self._may_have_strangers
        while self._to_remove:
            condition, values = self._to_remove[0]
            self._database.execute(f"DELETE FROM waiting_updates WHERE {condition}", values)
            del self._to_remove[0]
        if self._may_have_strangers:
            dropped = self._database.execute(
                "DELETE FROM waiting_updates WHERE worker_id != ?", (self.worker_id,)
            ).rowcount
            self._may_have_strangers = False
            if dropped:
                log.warning("dropped %d task updates of this worker's earlier identity", dropped)
        return has_work

    def close(self) -> None:
        """What waits stays for the next run."""
        self._database.close()
