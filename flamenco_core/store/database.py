"""The SQLite file: how it is opened, and the transactions around what is done with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flamenco_core.durable import make_private_file
from flamenco_core.errors import NotFound, StorageError

WRITER_CACHE_KILOBYTES = 64 * 1024
"""Enough for the indexes of a large farm, whose UUIDs lie scattered."""

CHECKPOINT_PAGES = 4_000
"""Pages of 4 KB in the write-ahead log before they are written to the file. SQLite's 1,000 are used
up by a dozen groups of requests, of which most change the same pages again."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Statement:
    """A named piece of SQL and what it is for.

    Every statement that a request can cause is one of these, so that a test can look at the
    query plan of each.
    """

    purpose: str
    sql: str

    def run(self, db: sqlite3.Connection, **parameters: Any) -> sqlite3.Cursor:
        return db.execute(self.sql, parameters)

    def run_many(
        self, db: sqlite3.Connection, parameters: Iterable[Mapping[str, Any]]
    ) -> sqlite3.Cursor:
        """Runs it once for each set of parameters, which costs less than as many calls."""
        return db.executemany(self.sql, parameters)

    def row(self, db: sqlite3.Connection, **parameters: Any) -> sqlite3.Row | None:
        """The only row, or None; the statement is finished when this returns."""
        rows = db.execute(self.sql, parameters).fetchall()
        return rows[0] if rows else None

    def value(self, db: sqlite3.Connection, **parameters: Any) -> Any:
        """The only column of the only row."""
        row = self.row(db, **parameters)
        return row[0] if row else None


def connect(path: Path) -> sqlite3.Connection:
    """Opens the file for reading and writing, with the promises that the farm relies on."""
    try:
        # It has hashes of secrets in it. The files that SQLite makes beside it get its mode.
        make_private_file(path)
        db = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA busy_timeout = 5000")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KILOBYTES}")
        db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"The farm file {path} cannot be opened: {error}") from error
    return db


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Opens the file for reading, beside whoever writes to it."""
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA query_only = ON")
        db.execute("PRAGMA busy_timeout = 5000")
    except sqlite3.Error as error:
        raise StorageError(f"The farm file {path} cannot be read: {error}") from error
    return db


@contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """All that is read inside is of one moment, whoever writes beside it."""
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    finally:
        db.execute("ROLLBACK")


class Spoiled(Exception):
    """A unit inside a group failed after it had changed something: nothing of the group stands."""


class Transactions:
    """Nested units on one connection: the outermost is the transaction, the others savepoints.

    In a group, the inner ones are no savepoints, which would cost as much as what is done inside.
    When one fails that has changed something, the whole group is taken back.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._depth = 0
        self._is_group = False
        self._is_spoiled = False

    @property
    def is_open(self) -> bool:
        """Whether a transaction stands; some errors (disk full, I/O) end it by themselves."""
        return self._db.in_transaction

    @property
    def depth(self) -> int:
        """How many units are open inside each other."""
        return self._depth

    @property
    def is_group(self) -> bool:
        """Whether a group is open, in which inner units make no savepoints."""
        return self._is_group

    @property
    def is_spoiled(self) -> bool:
        """Whether the group cannot be kept any more."""
        return self._is_spoiled

    @contextmanager
    def group(self) -> Iterator[None]:
        """A transaction of many units, each of which is expected to succeed.

        Raises:
            Spoiled: if one did not, after it had changed something; all has to be done again.
        """
        with self.unit():
            self._is_group = True
            try:
                yield
                if self._is_spoiled:
                    raise Spoiled
            finally:
                self._is_group = self._is_spoiled = False

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Takes back what is done inside."""
        was_spoiled = self._is_spoiled
        try:
            with self._marked_unit(is_kept=False):
                yield
        finally:
            self._is_spoiled = was_spoiled

    def spoil_if_changed(self, changes_before: int) -> None:
        """To be called when something inside a group failed; `changes_before` is the number of
        the connection's changes when that began.
        """
        self._is_spoiled |= self._db.total_changes != changes_before

    @contextmanager
    def unit(self) -> Iterator[None]:
        """Keeps what is done inside, all of it or, if an exception leaves it, nothing."""
        with self._marked_unit():
            yield

    @contextmanager
    def _marked_unit(self, *, is_kept: bool = True) -> Iterator[None]:
        name = f"unit_{self._depth}"
        begin, keep, undo = (
            ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
            if self._depth == 0
            else (
                f"SAVEPOINT {name}",
                f"RELEASE {name}",
                (f"ROLLBACK TO {name}", f"RELEASE {name}"),
            )
        )
        try:
            self._db.execute(begin)
        except BaseException:
            # It may have begun all the same, and nobody would end it.
            if self._depth == 0 and self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._depth += 1
        try:
            yield
            for statement in (keep,) if is_kept else undo:
                self._db.execute(statement)
        except BaseException:
            if self._db.in_transaction:
                for statement in undo:
                    self._db.execute(statement)
            raise
        finally:
            self._depth -= 1


def to_microseconds(time: datetime) -> int:
    """How times are stored: microseconds since 1970, UTC."""
    return (time - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    return _EPOCH + value * _MICROSECOND


def found(row: sqlite3.Row | None, kind: str, name: str) -> sqlite3.Row:
    """The row, or `NotFound` naming what was looked for."""
    if row is None:
        raise NotFound(f"There is no {kind} {name}")
    return row
