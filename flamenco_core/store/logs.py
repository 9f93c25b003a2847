"""Log text that waits in the database for its place in a file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from flamenco_core.store.database import Statement
from flamenco_core.task_logs import LARGEST_LOG, SMALLEST_TO_COMPRESS, LogChunk

TAIL_SIZE = 8000
"""Characters of a log's end that tell why its attempt failed."""

TAIL_PIECES = 100
"""Pieces that are looked through for that end, the newest ones."""

FULL = "The rest of this log was not kept, since it is too long.\n"

_GROW = Statement(
    "Counts the bytes of an attempt's log, unless it is full.",
    """UPDATE task_attempts SET log_size = log_size + :size
           + CASE WHEN log_size + :size < :full THEN 0 ELSE :size_of_end END
       WHERE task_id = :task_id AND attempt = :attempt AND log_size < :full
       RETURNING log_size""",
)
_ADD = Statement(
    "Stores a piece of an attempt's log.",
    """INSERT INTO task_log_chunks (task_id, attempt, start, text)
       VALUES (:task_id, :attempt, :start, :text)""",
)
_OLDEST = Statement(
    "The attempts whose log pieces have waited longest.",
    """SELECT c.id, c.start, c.text, c.attempt, t.uuid AS task_uuid, j.uuid AS job_uuid
       FROM task_log_chunks c JOIN tasks t ON t.id = c.task_id JOIN jobs j ON j.id = t.job_id
       WHERE c.id > :after ORDER BY c.id LIMIT :limit""",
)
_OF_ATTEMPT = Statement(
    "The waiting pieces of one attempt's log.",
    """SELECT id, start, text FROM task_log_chunks INDEXED BY task_log_chunks_of_attempt
       WHERE task_id = :task_id AND attempt = :attempt ORDER BY id""",
)
_ATTEMPTS = Statement(
    "The attempts of a task, with the size of each log.",
    "SELECT attempt, log_size FROM task_attempts WHERE task_id = :task_id ORDER BY attempt",
)
_KEEP_TAIL = Statement(
    "Keeps the end of a piece that is about to be forgotten, while its attempt goes on.",
    f"""UPDATE task_attempts SET log_tail = substr(log_tail || (
           SELECT text FROM task_log_chunks WHERE id = :id), -{TAIL_SIZE})
       WHERE (task_id, attempt) = (
           SELECT task_id, attempt FROM task_log_chunks WHERE id = :id)""",
)
_UNENDED = Statement(
    "Of some pieces in a row, those of attempts that go on.",
    """SELECT c.id FROM task_log_chunks c
       JOIN task_attempts a ON a.task_id = c.task_id AND a.attempt = c.attempt
       WHERE c.id BETWEEN :first AND :last AND a.ended_at IS NULL ORDER BY c.id""",
)
_OVER = Statement(
    "Of some pieces in a row, the attempts that are over and have a log to be compressed.",
    f"""SELECT c.task_id, c.attempt FROM task_log_chunks c
       JOIN task_attempts a ON a.task_id = c.task_id AND a.attempt = c.attempt
       WHERE c.id BETWEEN :first AND :last AND a.ended_at IS NOT NULL
       AND a.log_size >= {SMALLEST_TO_COMPRESS}""",
)
_MARK = Statement(
    "Notes that a log is to be compressed.",
    """INSERT INTO logs_to_compress (task_id, attempt) VALUES (:task_id, :attempt)
       ON CONFLICT DO NOTHING""",
)
_TO_COMPRESS = Statement(
    "Logs that are to be compressed, whose text is all in their files.",
    """SELECT l.task_id, l.attempt, t.uuid AS task_uuid, j.uuid AS job_uuid
       FROM logs_to_compress l JOIN tasks t ON t.id = l.task_id JOIN jobs j ON j.id = t.job_id
       WHERE (l.task_id, l.attempt) > (:task_id, :attempt)
       AND NOT EXISTS (SELECT 1 FROM task_log_chunks c
                       WHERE c.task_id = l.task_id AND c.attempt = l.attempt)
       ORDER BY l.task_id, l.attempt LIMIT :limit""",
)
_COMPRESSED = Statement(
    "Notes that a log is compressed.",
    "DELETE FROM logs_to_compress WHERE task_id = :task_id AND attempt = :attempt",
)
_FIRST = Statement("The oldest waiting piece.", "SELECT min(id) FROM task_log_chunks")
_LAST = Statement("The newest waiting piece.", "SELECT max(id) FROM task_log_chunks")
_KEPT_TAIL = Statement(
    "The end of what is in an attempt's file.",
    "SELECT log_tail FROM task_attempts WHERE task_id = :task_id AND attempt = :attempt",
)
_NEWEST = Statement(
    "The newest waiting pieces of one attempt's log.",
    f"""SELECT text FROM task_log_chunks INDEXED BY task_log_chunks_of_attempt
       WHERE task_id = :task_id AND attempt = :attempt ORDER BY id DESC LIMIT {TAIL_PIECES}""",
)
_DROP = Statement(
    "Forgets a piece that is in its file.", "DELETE FROM task_log_chunks WHERE id = :id"
)


@dataclass(frozen=True, slots=True)
class WaitingChunk:
    """A piece of a log, and which log it belongs to."""

    job_id: str
    task_id: str
    attempt: int
    chunk: LogChunk


@dataclass(frozen=True, slots=True)
class FinishedLog:
    """The log of an attempt that is over."""

    task_id: int
    attempt: int
    job_uuid: str
    task_uuid: str


@dataclass(frozen=True, slots=True)
class Appended:
    """What was added to an attempt's log, and where it begins there, in bytes."""

    start: int
    text: str


def append(db: sqlite3.Connection, task_id: int, attempt: int, text: str) -> Appended | None:
    """Adds text to an attempt's log; a missing newline at its end is added.

    Returns None if there is nothing to add, the task has no such attempt, or its log is full.
    """
    if not text:
        return None
    text = text if text.endswith("\n") else f"{text}\n"
    size, size_of_end = len(text.encode()), len(FULL.encode())
    end = _GROW.value(
        db,
        task_id=task_id,
        attempt=attempt,
        size=size,
        size_of_end=size_of_end,
        full=LARGEST_LOG,
    )
    if end is None:
        return None
    if end >= LARGEST_LOG:
        text, size = text + FULL, size + size_of_end
    _ADD.run(db, task_id=task_id, attempt=attempt, start=end - size, text=text)
    return Appended(end - size, text)


def waiting(db: sqlite3.Connection, *, limit: int, after: int = 0) -> list[WaitingChunk]:
    """The oldest pieces that are not in a file yet."""
    return [
        WaitingChunk(
            row["job_uuid"],
            row["task_uuid"],
            row["attempt"],
            LogChunk(row["id"], row["start"], row["text"]),
        )
        for row in _OLDEST.run(db, limit=limit, after=after).fetchall()
    ]


def drop(db: sqlite3.Connection, chunk_ids: Iterable[int]) -> None:
    """Forgets pieces that are in their files; the end of a running attempt's log is kept."""
    dropped = set(chunk_ids)
    if not dropped:
        return
    first, last = min(dropped), max(dropped)
    for over in {tuple(row) for row in _OVER.run(db, first=first, last=last).fetchall()}:
        mark_to_compress(db, *over)
    unended = _UNENDED.run(db, first=first, last=last).fetchall()
    _KEEP_TAIL.run_many(db, [{"id": row["id"]} for row in unended if row["id"] in dropped])
    _DROP.run_many(db, [{"id": chunk_id} for chunk_id in sorted(dropped)])


def mark_to_compress(db: sqlite3.Connection, task_id: int, attempt: int) -> None:
    """Lets the log of an attempt that is over be compressed when all of it is in its file."""
    _MARK.run(db, task_id=task_id, attempt=attempt)


def to_compress(
    db: sqlite3.Connection, *, limit: int, after: FinishedLog | None
) -> list[FinishedLog]:
    """Logs whose attempts are over, and whose text is all in their files."""
    rows = _TO_COMPRESS.run(
        db,
        task_id=after.task_id if after else 0,
        attempt=after.attempt if after else 0,
        limit=limit,
    ).fetchall()
    return [
        FinishedLog(row["task_id"], row["attempt"], row["job_uuid"], row["task_uuid"])
        for row in rows
    ]


def compressed(db: sqlite3.Connection, log: FinishedLog) -> None:
    """Notes that a log is compressed."""
    _COMPRESSED.run(db, task_id=log.task_id, attempt=log.attempt)


def backlog(db: sqlite3.Connection) -> int:
    """At most how many pieces are not in a file yet."""
    first = _FIRST.value(db)
    return 0 if first is None else int(_LAST.value(db)) - int(first) + 1


def tail(db: sqlite3.Connection, task_id: int, attempt: int) -> str:
    """The last `TAIL_SIZE` characters of a running attempt's log, wherever the rest is."""
    rows = _NEWEST.run(db, task_id=task_id, attempt=attempt).fetchall()
    newest = "".join(row["text"] for row in reversed(rows))
    kept = _KEPT_TAIL.value(db, task_id=task_id, attempt=attempt) or ""
    return (kept + newest)[-TAIL_SIZE:]


def of_attempt(db: sqlite3.Connection, task_id: int, attempt: int) -> list[LogChunk]:
    rows = _OF_ATTEMPT.run(db, task_id=task_id, attempt=attempt).fetchall()
    return [LogChunk(row["id"], row["start"], row["text"]) for row in rows]


def attempts(db: sqlite3.Connection, task_id: int) -> list[tuple[int, int]]:
    """Number and log size in bytes of each attempt at a task."""
    return [(row[0], row[1]) for row in _ATTEMPTS.run(db, task_id=task_id).fetchall()]
