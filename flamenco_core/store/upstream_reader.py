"""What the link to a Flamenco Server reads, beside whoever writes to the farm."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flamenco_core import task_logs
from flamenco_core.errors import NotFound
from flamenco_core.store import logs, upstream
from flamenco_core.store.database import Statement, connect_read_only, snapshot
from flamenco_core.store.upstream import WaitingUpdate

_NEXT_WORKERS = Statement(
    "The next workers, for counting them.",
    "SELECT id FROM workers WHERE id > :after AND deleted_at IS NULL ORDER BY id LIMIT :limit",
)
_TASK = Statement(
    "A task of the server, with its job.",
    """SELECT t.id, t.uuid, j.uuid AS job_uuid FROM upstream_tasks u
       JOIN tasks t ON t.id = u.task_id JOIN jobs j ON j.id = t.job_id
       WHERE u.upstream_id = :upstream_id""",
)
_ETAG = Statement(
    "Which version of a task was taken in last.",
    "SELECT etag FROM upstream_tasks WHERE upstream_id = :upstream_id",
)
_MOST_WORKERS = 100_000


@dataclass(frozen=True, slots=True)
class WorkersForServer:
    """What the server is told of the workers."""

    count: int
    task_types: tuple[str, ...]


class UpstreamReader:
    """A read-only connection to a farm file, for one thread."""

    def __init__(self, db: sqlite3.Connection, *, log_storage: Path) -> None:
        """`log_storage` is the Manager's local storage, where task logs lie."""
        self._db = db
        self._log_storage = log_storage

    @classmethod
    def open(cls, path: Path, *, log_storage: Path) -> UpstreamReader:
        """Raises `StorageError` if there is no such farm file."""
        return cls(connect_read_only(path), log_storage=log_storage)

    def close(self) -> None:
        self._db.close()

    def due(self, *, now: datetime, limit: int) -> list[WaitingUpdate]:
        """What the server is to be told now, oldest first."""
        return upstream.due(self._db, now=now, limit=limit)

    def due_count(self, *, now: datetime, limit: int) -> int:
        return upstream.waiting_count(self._db, due_at=now, limit=limit)

    def waiting_count(self) -> int:
        """How many updates wait, also those that are put off; counted up to a limit."""
        return upstream.waiting_count(self._db)

    def etag(self, upstream_id: str) -> str:
        """The version of a task that was taken in last; empty if it is not here."""
        return str(_ETAG.value(self._db, upstream_id=upstream_id) or "")

    def workers(self) -> WorkersForServer:
        rows = _NEXT_WORKERS.run(self._db, after=0, limit=_MOST_WORKERS).fetchall()
        return WorkersForServer(len(rows), tuple(upstream.task_types(self._db)))

    def log_of(self, upstream_id: str) -> Iterator[str]:
        """The log of a task of the server, attempt by attempt.

        Raises:
            NotFound: if there is no such task here (any more).
        """
        with snapshot(self._db):
            row = _TASK.row(self._db, upstream_id=upstream_id)
            if row is None:
                raise NotFound(f"There is no task {upstream_id} of the server")
            for attempt, _ in logs.attempts(self._db, row["id"]):
                file = task_logs.log_file(self._log_storage, row["job_uuid"], row["uuid"], attempt)
                yield task_logs.read(file, logs.of_attempt(self._db, row["id"], attempt))
