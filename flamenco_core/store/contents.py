"""How much a farm file holds. Counts rows; not for a request."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from flamenco_core.store import farm
from flamenco_core.store.database import from_microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmContents:
    """What lies in a farm file."""

    farm_id: str
    jobs: int
    tasks: int
    workers: int
    last_change: datetime | None
    """When something was last changed on purpose; None on a farm where nothing ever was."""


def contents(db: sqlite3.Connection) -> FarmContents:
    """Counts what is there."""
    last = db.execute("SELECT at FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    return FarmContents(
        farm_id=farm.identity(db),
        jobs=_count(db, "jobs"),
        tasks=_count(db, "tasks"),
        workers=_count(db, "workers"),
        last_change=from_microseconds(last[0]) if last else None,
    )


def _count(db: sqlite3.Connection, table: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
