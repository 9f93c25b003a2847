"""The file of waiting updates, as a disk without room would have it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def without_room(path: Path, change: str) -> Iterator[None]:
    """Within the block SQLite refuses every `change` (INSERT, DELETE) of waiting updates."""
    _execute(
        path,
        f"CREATE TRIGGER no_room BEFORE {change} ON waiting_updates"
        " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
    )
    try:
        yield
    finally:
        _execute(path, "DROP TRIGGER no_room")


def _execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(statement)
