"""Moves log text from the database to its files: write and sync first, forget then.

Writing may happen in another thread or process than the Manager's; only `waiting` and `drop`
touch the database.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from flamenco_core import task_logs
from flamenco_core.durable import sync_folders
from flamenco_core.store import logs
from flamenco_core.store.logs import FinishedLog, WaitingChunk

__all__ = [
    "FinishedLog",
    "WaitingChunk",
    "backlog",
    "compress",
    "compressed",
    "drop",
    "to_compress",
    "waiting",
    "write",
]


def waiting(db: sqlite3.Connection, *, limit: int) -> list[WaitingChunk]:
    """The oldest pieces of log text that are not in a file yet."""
    return logs.waiting(db, limit=limit)


def backlog(db: sqlite3.Connection) -> int:
    """About how many pieces of log text are not in a file yet."""
    return logs.backlog(db)


def write(chunks: Sequence[WaitingChunk], storage: Path) -> None:
    """Puts each piece into the file of its attempt, and returns when all is on disk.

    Raises:
        OSError: if a file cannot be written; nothing is lost, since nothing was dropped.
    """

    def log(chunk: WaitingChunk) -> tuple[str, str, int]:
        return chunk.job_id, chunk.task_id, chunk.attempt

    with_new_names = set()
    for (job_id, task_id, attempt), group in itertools.groupby(sorted(chunks, key=log), key=log):
        file = task_logs.log_file(storage, job_id, task_id, attempt)
        if task_logs.append(file, [waiting_chunk.chunk for waiting_chunk in group]):
            with_new_names.add(file.parent)
    sync_folders(with_new_names)


def to_compress(
    db: sqlite3.Connection, *, limit: int, after: FinishedLog | None
) -> list[FinishedLog]:
    """Logs that are whole in their files, and to which nothing is expected to be added."""
    return logs.to_compress(db, limit=limit, after=after)


def compress(finished: Sequence[FinishedLog], storage: Path) -> None:
    """Compresses their files; nobody may write to one meanwhile.

    Raises:
        OSError: if a file cannot be written; what was done before stays done.
    """
    for log in finished:
        task_logs.compress(task_logs.log_file(storage, log.job_uuid, log.task_uuid, log.attempt))


def compressed(db: sqlite3.Connection, finished: Sequence[FinishedLog]) -> None:
    """Forgets logs that are compressed."""
    for log in finished:
        logs.compressed(db, log)


def drop(db: sqlite3.Connection, chunks: Sequence[WaitingChunk]) -> None:
    """Forgets pieces that are in their files."""
    logs.drop(db, [chunk.chunk.id for chunk in chunks])
