"""Task logs as files: one per attempt, filled from the rows that updates leave in the database.

An update stores its log text as a row, in the same transaction as everything else it changes.
Background work appends rows to the attempt's file, syncs it, and only then drops them; a reader
joins both. A crash between syncing and dropping would write the same rows again, so each row
carries the offset where its text begins: what already stands there is written over with itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flamenco_core.durable import make_folders


@dataclass(frozen=True, slots=True)
class LogChunk:
    """A piece of one attempt's log that waits in the database."""

    id: int
    offset: int
    """Bytes of the log before this piece."""
    text: str


def job_folder(storage: Path, job_id: str) -> Path:
    """Where a job's logs and thumbnails lie; the first level keeps folders small."""
    return storage / f"job-{job_id[:4]}" / job_id


def log_file(storage: Path, job_id: str, task_id: str, attempt: int) -> Path:
    return job_folder(storage, job_id) / f"task-{task_id}-{attempt}.txt"


def dated(time: datetime, text: str) -> str:
    """A line of the Manager's own for a task's log, with its time in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {text}"


def append(file: Path, chunks: Iterable[LogChunk]) -> bool:
    """Writes chunks where they belong, and returns when they are on disk.

    Returns whether the file was empty or not there: then its name is on disk only when its folder
    is synced, which is left to the caller, who may have more files in it.
    """
    with os.fdopen(_opened(file), "wb") as stream:
        is_new = os.fstat(stream.fileno()).st_size == 0
        for chunk in chunks:
            stream.seek(chunk.offset)
            stream.write(chunk.text.encode())
        stream.flush()
        os.fsync(stream.fileno())
    return is_new


def _opened(file: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
    try:
        return os.open(file, flags, 0o644)
    except FileNotFoundError:
        make_folders(file.parent)
        return os.open(file, flags, 0o644)


def read(file: Path, chunks: Iterable[LogChunk], *, last_bytes: int | None = None) -> str:
    """The log of one attempt: its file, and the chunks that are not in it yet.

    With `last_bytes` only about as much of its end, from the start of a line.
    """
    pieces = list(chunks)
    in_file = pieces[0].offset if pieces else None
    # One byte more than asked for tells whether anything was left out.
    content = _read_file(file, in_file, None if last_bytes is None else last_bytes + 1)
    content += b"".join(chunk.text.encode() for chunk in pieces)
    if last_bytes is not None and len(content) > last_bytes:
        content = content[-last_bytes:]
        content = content[content.find(b"\n") + 1 :]
    return content.decode("utf-8", "replace")


def _read_file(file: Path, end: int | None, last_bytes: int | None) -> bytes:
    try:
        with file.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            stop = size if end is None else min(end, size)
            start = 0 if last_bytes is None else max(0, stop - last_bytes)
            stream.seek(start)
            return stream.read(stop - start)
    except FileNotFoundError:
        return b""
