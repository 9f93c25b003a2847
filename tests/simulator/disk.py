"""What is left of a farm file when the power goes.

With `synchronous = FULL` the write-ahead log is synced at each commit, and the database file
before the log is begun anew. So the disk has, at any moment, the database and the log up to its
last commit; of what the log has after that, anything or nothing may have reached the disk.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

_WAL_HEADER = 32
_FRAME_HEADER = 24


def copy_as_after_a_power_cut(file: Path, folder: Path, rng: random.Random) -> Path:
    """Copies the farm file and its log, less what is not synced; returns the copy."""
    folder.mkdir(parents=True)
    copy = folder / file.name
    shutil.copyfile(file, copy)
    log = file.with_name(f"{file.name}-wal")
    if log.exists():
        content = log.read_bytes()
        synced = synced_length(content)
        tail = _what_is_left_of(content[synced:], rng)
        copy.with_name(f"{copy.name}-wal").write_bytes(content[:synced] + tail)
    return copy


def synced_length(log: bytes) -> int:
    """How many bytes of a write-ahead log belong to transactions that were committed."""
    end = min(len(log), _WAL_HEADER)
    if len(log) < _WAL_HEADER:
        return end
    frame_size = _FRAME_HEADER + int.from_bytes(log[8:12], "big")
    salts = log[16:24]
    for start in range(_WAL_HEADER, len(log) - frame_size + 1, frame_size):
        if log[start + 8 : start + 16] != salts:
            break  # left over from before the log was begun anew
        if int.from_bytes(log[start + 4 : start + 8], "big"):
            end = start + frame_size
    return end


def refuse_less_than_full_sync(db: sqlite3.Connection) -> None:
    """The reasoning above holds only for these settings."""
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert db.execute("PRAGMA synchronous").fetchone()[0] == 2, "commits are not synced"


def _what_is_left_of(tail: bytes, rng: random.Random) -> bytes:
    kept = tail[: rng.randint(0, len(tail))]
    garbage = rng.randbytes(min(len(tail) - len(kept), rng.choice([0, 500, 5000])))
    return kept + garbage
