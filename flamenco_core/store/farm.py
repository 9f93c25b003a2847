"""The farm's own row: who it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime

from flamenco_core.store.database import Statement, to_microseconds

_ID = Statement("The farm's identity.", "SELECT farm_id FROM farm WHERE id = 1")
_CREATE = Statement(
    "Gives a new farm its identity.",
    "INSERT INTO farm (id, farm_id, created_at) VALUES (1, :farm_id, :now)",
)
_WRITE_AGAIN = Statement(
    "Writes the farm's row as it is.", "UPDATE farm SET created_at = created_at WHERE id = 1"
)
_SKIP_SET_UP = Statement(
    "Notes that nobody wants to be led through the set-up.",
    "UPDATE farm SET set_up_skipped_at = :now WHERE id = 1",
)
_IS_SET_UP_SKIPPED = Statement(
    "Whether somebody wanted to be led through the set-up no more.",
    "SELECT set_up_skipped_at IS NOT NULL FROM farm WHERE id = 1",
)


def identify(db: sqlite3.Connection, *, new_id: Callable[[], str], now: datetime) -> str:
    """The farm's UUID, made when the farm is new and never changed after that."""
    farm_id = identity(db)
    if not farm_id:
        farm_id = new_id()
        _CREATE.run(db, farm_id=farm_id, now=to_microseconds(now))
    return farm_id


def identity(db: sqlite3.Connection) -> str:
    """The farm's UUID; empty if it has none yet."""
    return _ID.value(db) or ""


def skip_set_up(db: sqlite3.Connection, *, now: datetime) -> None:
    _SKIP_SET_UP.run(db, now=to_microseconds(now))


def is_set_up_skipped(db: sqlite3.Connection) -> bool:
    return bool(_IS_SET_UP_SKIPPED.value(db))


def write_again(db: sqlite3.Connection) -> None:
    """Changes nothing, but fails as any change would."""
    _WRITE_AGAIN.run(db)
