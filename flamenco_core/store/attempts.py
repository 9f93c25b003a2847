"""Attempts: each time a task is handed to a worker, numbered from 1."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from flamenco_core.store import logs, statistics
from flamenco_core.store.database import Statement, to_microseconds
from flamenco_core.task_logs import SMALLEST_TO_COMPRESS

_ADD = Statement(
    "Opens the record of an attempt.",
    """INSERT INTO task_attempts (task_id, attempt, worker_id, slot, started_at)
       VALUES (:task_id, :attempt, :worker_id, :slot, :now)""",
)
_END = Statement(
    "Closes the record of an attempt that is still open.",
    """UPDATE task_attempts SET ended_at = :now, outcome = :outcome, log_tail = ''
       WHERE task_id = :task_id AND attempt = :attempt AND ended_at IS NULL
       RETURNING log_size""",
)
_WORKER = Statement(
    "Which worker made an attempt.",
    """SELECT worker_id FROM task_attempts WHERE task_id = :task_id AND attempt = :attempt""",
)
_LAST_OF_WORKER = Statement(
    "The newest attempt of a worker at a task.",
    """SELECT attempt FROM task_attempts WHERE task_id = :task_id AND worker_id = :worker_id
       ORDER BY attempt DESC LIMIT 1""",
)
_LAST_UPDATES = Statement(
    "The last updates of an attempt that were stored.",
    "SELECT last_update FROM task_attempts WHERE task_id = :task_id AND attempt = :attempt",
)
_NOTE_UPDATES = Statement(
    "Notes which updates of an attempt were stored last.",
    """UPDATE task_attempts SET last_update = :updates
       WHERE task_id = :task_id AND attempt = :attempt""",
)


def begin(
    db: sqlite3.Connection,
    task_id: int,
    attempt: int,
    *,
    worker_id: int,
    slot: int,
    now: datetime,
) -> None:
    """Opens the record of an attempt that a worker makes from now on."""
    time = to_microseconds(now)
    _ADD.run(db, task_id=task_id, attempt=attempt, worker_id=worker_id, slot=slot, now=time)


def end(db: sqlite3.Connection, task_id: int, attempt: int, *, outcome: str, now: datetime) -> None:
    """Closes the record of an attempt; the first outcome stands."""
    log_size = _END.value(
        db, task_id=task_id, attempt=attempt, outcome=outcome, now=to_microseconds(now)
    )
    if log_size is None:
        return
    statistics.end(db, task_id, attempt)
    if log_size >= SMALLEST_TO_COMPRESS:
        logs.mark_to_compress(db, task_id, attempt)


def last_updates(db: sqlite3.Connection, task_id: int, attempt: int) -> dict[str, bool]:
    """The ids of the updates that were stored last, and whether each was accepted."""
    text = _LAST_UPDATES.value(db, task_id=task_id, attempt=attempt) or "{}"
    # Versions up to 0.1 noted ids alone, one a line.
    is_older = not text.startswith("{")
    return dict.fromkeys(text.splitlines(), True) if is_older else json.loads(text)


def note_updates(
    db: sqlite3.Connection, task_id: int, attempt: int, updates: dict[str, bool]
) -> None:
    """Notes what `last_updates` is to answer from now on.

    Workers send their updates in order, and those again of which the answer was lost: one, or
    several together. So those of the last request are enough.
    """
    _NOTE_UPDATES.run(db, task_id=task_id, attempt=attempt, updates=json.dumps(updates))


def is_by(db: sqlite3.Connection, task_id: int, attempt: int, worker_id: int) -> bool:
    return bool(_WORKER.value(db, task_id=task_id, attempt=attempt) == worker_id)


def last_by(db: sqlite3.Connection, task_id: int, worker_id: int) -> int | None:
    """The number of a worker's newest attempt at a task; None if it never had it."""
    value = _LAST_OF_WORKER.value(db, task_id=task_id, worker_id=worker_id)
    return None if value is None else int(value)
