"""SHA-256 sums of files, remembered so that unchanged files are not read again.

A sum is believed as long as size, time of change and identity of the file are the same. It is not
remembered for a file that changed just before it was read: within the resolution of file times a
further change would not be noticed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from flamenco_core.packing.dependencies import file_identity
from flamenco_core.packing.errors import PackingCancelled, PackingError
from flamenco_core.packing.long_paths import openable
from flamenco_core.packing.plan import PathChange

logger = logging.getLogger(__name__)

_PIECE = 1 << 20
_TIME_RESOLUTION = timedelta(seconds=2)
"""FAT counts in steps of two seconds; no file system in use is coarser."""
_KEEP = timedelta(days=60)
_USED_RESOLUTION = timedelta(days=1)
"""A write for each file at each submission would cost more than the sums do."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS file (
    path TEXT PRIMARY KEY, identity TEXT NOT NULL, sha TEXT NOT NULL, used REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rewritten (
    recipe TEXT PRIMARY KEY, sha TEXT NOT NULL, size INTEGER NOT NULL, used REAL NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class FileDigest:
    sha: str
    """SHA-256 in lower-case hexadecimal."""
    size: int
    """Bytes."""


def default_cache_folder() -> Path:
    """Where this platform keeps what can be made again."""
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local")
        return root / "Flamenco" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/Flamenco"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flamenco"


class FileDigests:
    """Safe to use from several threads. A cache that cannot be used costs time, nothing else."""

    def __init__(
        self, database: Path | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        """`database` is created if needed; None remembers nothing beyond this object."""
        self._clock = clock
        self._lock = threading.Lock()
        self._database = _open(database)
        with self._lock:
            self._forget_old()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def of_file(
        self,
        path: Path,
        *,
        on_bytes: Callable[[int], None] = lambda _count: None,
        cancel: threading.Event | None = None,
    ) -> FileDigest:
        """The digest of a file; `on_bytes` is told the size of each piece that was dealt with.

        Raises `PackingError` if the file changes while it is read or cannot be read,
        `PackingCancelled`.
        """
        try:
            readable = openable(path)
            identity = file_identity(readable)
            before = readable.stat()
            sha = self._remembered(str(path), identity)
            if sha is not None:
                on_bytes(before.st_size)
                return FileDigest(sha, before.st_size)
            sha = _hash(readable, before.st_size, on_bytes, cancel)
            if file_identity(readable) != identity:
                raise PackingError(f"{path} changed while it was read; try again when it is saved")
        except OSError as error:
            raise PackingError(f"cannot read {path}: {error.strerror or error}") from error
        newest = max(before.st_mtime, before.st_ctime)
        if self._clock() - newest > _TIME_RESOLUTION.total_seconds():
            self._write(
                "INSERT INTO file (path, identity, sha, used) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (path) DO UPDATE SET identity = excluded.identity, "
                "sha = excluded.sha, used = excluded.used",
                (str(path), identity, sha, self._clock()),
            )
        return FileDigest(sha, before.st_size)

    def of_rewritten(self, source: FileDigest, changes: Sequence[PathChange]) -> FileDigest | None:
        """What `source` becomes with `changes`, if that was found out before."""
        rows = self._read(
            "SELECT sha, size FROM rewritten WHERE recipe = ?", (_recipe(source, changes),)
        )
        return FileDigest(*rows[0]) if rows else None

    def remember_rewritten(
        self, source: FileDigest, changes: Sequence[PathChange], result: FileDigest
    ) -> None:
        self._write(
            "INSERT INTO rewritten (recipe, sha, size, used) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (recipe) DO UPDATE SET sha = excluded.sha, size = excluded.size, "
            "used = excluded.used",
            (_recipe(source, changes), result.sha, result.size, self._clock()),
        )

    def _remembered(self, path: str, identity: str) -> str | None:
        rows = self._read(
            "SELECT sha, used FROM file WHERE path = ? AND identity = ?", (path, identity)
        )
        if not rows:
            return None
        sha, used = rows[0]
        if self._clock() - used > _USED_RESOLUTION.total_seconds():
            self._write("UPDATE file SET used = ? WHERE path = ?", (self._clock(), path))
        return str(sha)

    def _forget_old(self) -> None:
        oldest = self._clock() - _KEEP.total_seconds()
        try:
            for table in ("file", "rewritten"):
                self._database.execute(f"DELETE FROM {table} WHERE used < ?", (oldest,))
        except sqlite3.Error as error:
            logger.info("cannot tidy the cache of file sums: %s", error)

    def _read(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._database.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                logger.info("cannot read the cache of file sums: %s", error)
                return []

    def _write(self, statement: str, values: Sequence[object]) -> None:
        with self._lock:
            try:
                self._database.execute(statement, values)
            except sqlite3.Error as error:
                logger.info("cannot write the cache of file sums: %s", error)


def _open(path: Path | None) -> sqlite3.Connection:
    """Open the cache; one that is damaged is begun anew, and memory serves if nothing else does."""
    attempts: list[str] = []
    if path is not None:
        attempts = [str(path), str(path)]
    for attempt in [*attempts, ":memory:"]:
        try:
            if path is not None and attempt != ":memory:":
                path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(
                attempt, isolation_level=None, check_same_thread=False, timeout=5
            )
        except (sqlite3.Error, OSError) as error:
            logger.info("cannot open the cache of file sums %s: %s", attempt, error)
            continue
        try:
            # What is lost in a crash is only time, so no write waits for the disk.
            database.executescript(f"PRAGMA synchronous = OFF; {_SCHEMA}")
        except sqlite3.DatabaseError as error:
            logger.info("the cache of file sums %s is of no use: %s", attempt, error)
            database.close()
            if path is not None and not isinstance(error, sqlite3.OperationalError):
                path.unlink(missing_ok=True)
            continue
        return database
    raise AssertionError("a database in memory can always be opened")


def _hash(
    path: Path, size: int, on_bytes: Callable[[int], None], cancel: threading.Event | None
) -> str:
    """The sum of the first `size` bytes: a file that grows all the time must not be followed."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while size > 0 and (piece := file.read(min(size, _PIECE))):
            size -= len(piece)
            if cancel is not None and cancel.is_set():
                raise PackingCancelled
            digest.update(piece)
            on_bytes(len(piece))
    return digest.hexdigest()


def _recipe(source: FileDigest, changes: Sequence[PathChange]) -> str:
    steps = [[change.field.offset, change.field.size, change.new] for change in changes]
    text = json.dumps([source.sha, source.size, steps])
    return hashlib.sha256(text.encode()).hexdigest()
