"""Task logs as files: one per attempt, filled from the rows that updates leave in the database.

An update stores its log text as a row, in the same transaction as everything else it changes.
Background work appends rows to the attempt's file, syncs it, and only then drops them; a reader
joins both. A crash between syncing and dropping would write the same rows again, so each row
carries the offset where its text begins: what already stands there is written over with itself.

The log of an attempt that is over gets compressed, unless it is small. What comes for it all the
same, from a worker that did not know, unpacks it again.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from flamenco_core.durable import make_folders, sync_folder

LARGEST_LOG = 256 * 2**20
"""Bytes of one attempt's log; what comes after that is not kept."""

SMALLEST_TO_COMPRESS = 8192
"""Bytes. A smaller log would take as much room on most disks when it is compressed."""

_TRIES = 2
"""A log that is compressed, or unpacked again, is for a moment where it was not looked for."""

_SIZE_AT_END = struct.Struct("<I")
"""At the end of a compressed log stands its size before that, in bytes."""


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
    moment = time.astimezone(UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='seconds')}Z {text}"


def append(file: Path, chunks: Iterable[LogChunk]) -> bool:
    """Writes chunks where they belong, and returns when they are on disk.

    Returns whether the file was empty or not there: then its name is on disk only when its folder
    is synced, which is left to the caller, who may have more files in it.
    """
    if compressed_file(file).exists():
        _decompress(file)
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


def compressed_file(file: Path) -> Path:
    """Where the log of an attempt lies that has been over for a while."""
    return file.with_name(f"{file.name}.gz")


def compress(file: Path) -> None:
    """Puts a compressed log in the place of the plain one; a crash leaves one of them whole.

    Nobody may append to it meanwhile. A log that is not there, or compressed already, stays so.

    Raises:
        OSError: if it cannot be written; then the plain log stays.
    """
    if not file.exists():
        return
    with file.open("rb") as plain:
        _write(compressed_file(file), lambda target: _copy_compressed(plain, target))
    file.unlink()


def _decompress(file: Path) -> None:
    compressed = compressed_file(file)
    if not file.exists():
        with gzip.open(compressed) as stream:
            _write(file, lambda target: shutil.copyfileobj(stream, target))
    compressed.unlink()


def _copy_compressed(plain: BinaryIO, target: BinaryIO) -> None:
    # Without a time, so that the same log always gives the same file.
    with gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0) as stream:
        shutil.copyfileobj(plain, stream)


def _write(file: Path, fill: Callable[[BinaryIO], object]) -> None:
    partial = file.with_name(f"{file.name}~")
    try:
        with partial.open("wb") as stream:
            fill(stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def read(file: Path, chunks: Iterable[LogChunk], *, last_bytes: int | None = None) -> str:
    """The log of one attempt: its file, and the chunks that are not in it yet.

    With `last_bytes` only about as much of its end, from the start of a line.
    """
    pieces = list(chunks)
    size = _end(pieces[-1]) if pieces else _size(file)
    start = 0 if last_bytes is None else max(0, size - last_bytes)
    # The byte before tells whether a line begins there.
    content = read_range(file, pieces, max(0, start - 1), size)
    if start:
        content = content[content.find(b"\n") + 1 :]
    return content.decode("utf-8", "replace")


def read_range(file: Path, chunks: Sequence[LogChunk], start: int, stop: int) -> bytes:
    """The bytes of an attempt's log from `start` to before `stop`; fewer if it ends before."""
    in_file = chunks[0].offset if chunks else stop
    content = _read_file(file, start, min(stop, in_file))
    for chunk in chunks:
        text = chunk.text.encode()
        content += text[max(0, start - chunk.offset) : max(0, stop - chunk.offset)]
    return content


def _end(chunk: LogChunk) -> int:
    return chunk.offset + len(chunk.text.encode())


def _size(file: Path) -> int:
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError):
            return file.stat().st_size
        with contextlib.suppress(FileNotFoundError), compressed_file(file).open("rb") as stream:
            stream.seek(-_SIZE_AT_END.size, os.SEEK_END)
            (size,) = _SIZE_AT_END.unpack(stream.read())
            return int(size)
    return 0


def _read_file(file: Path, start: int, stop: int) -> bytes:
    if start >= stop:
        return b""
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError), file.open("rb") as stream:
            stream.seek(start)
            return stream.read(stop - start)
        with contextlib.suppress(FileNotFoundError), gzip.open(compressed_file(file)) as unpacked:
            unpacked.seek(start)
            return unpacked.read(stop - start)
    return b""
