"""The logs of tasks, joined of what is in files and what still waits in the database."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from flamenco_core import task_logs
from flamenco_core.store import logs
from flamenco_core.store.database import Statement, found

_TASK = Statement(
    "Whose logs a task's are.",
    """SELECT t.id, j.uuid AS job_uuid FROM tasks t JOIN jobs j ON j.id = t.job_id
       WHERE t.uuid = :uuid""",
)


@dataclass(frozen=True, slots=True)
class LogPart:
    """The log of one attempt at a task."""

    task_id: int
    job_uuid: str
    task_uuid: str
    attempt: int
    size: int
    """Bytes, at the moment."""


class TaskLogReading:
    """What a reader of the farm can tell of task logs."""

    _db: sqlite3.Connection
    _log_storage: Path

    def task_log(
        self, uuid: str, *, last_bytes: int | None = None, attempt: int | None = None
    ) -> str:
        """The log of all attempts at a task, or of one; with `last_bytes`, about as much of its
        end.
        """
        row = found(_TASK.row(self._db, uuid=uuid), "task", uuid)
        parts: list[str] = []
        left = last_bytes
        for number, _ in reversed(logs.attempts(self._db, row["id"])):
            if attempt not in (None, number):
                continue
            file = task_logs.log_file(self._log_storage, row["job_uuid"], uuid, number)
            chunks = logs.of_attempt(self._db, row["id"], number)
            parts.append(task_logs.read(file, chunks, last_bytes=left))
            if left is not None:
                left -= len(parts[-1].encode())
                if left <= 0:
                    break
        return "".join(reversed(parts))

    def task_log_parts(self, uuid: str, *, attempt: int | None = None) -> list[LogPart]:
        """The logs of all attempts at a task, or of one, in their order."""
        row = found(_TASK.row(self._db, uuid=uuid), "task", uuid)
        return [
            LogPart(row["id"], row["job_uuid"], uuid, number, size)
            for number, size in logs.attempts(self._db, row["id"])
            if attempt in (None, number)
        ]

    def task_log_range(self, part: LogPart, start: int, stop: int) -> bytes:
        """Bytes of one attempt's log, from `start` to before `stop`."""
        file = task_logs.log_file(self._log_storage, part.job_uuid, part.task_uuid, part.attempt)
        chunks = logs.of_attempt(self._db, part.task_id, part.attempt)
        return task_logs.read_range(file, chunks, start, stop)

    def task_log_size(self, uuid: str) -> int:
        """Bytes of the log of all attempts at a task."""
        row = found(_TASK.row(self._db, uuid=uuid), "task", uuid)
        return sum(size for _, size in logs.attempts(self._db, row["id"]))
