"""Messages that the broker does not have yet, in a file: they survive a broker that is away and a
Manager that is started anew.

Bounded: when there are too many, the oldest go. It has a file of its own, since nothing of it is
worth holding up a change of the farm.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MOST_MESSAGES = 10_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message; later ones have higher ids."""

    id: int
    topic: str
    payload: bytes


class MqttQueue:
    """For one thread at a time. Every method may raise `sqlite3.Error`."""

    def __init__(self, file: Path, *, most_messages: int = MOST_MESSAGES) -> None:
        self._most_messages = most_messages
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        # Power that fails may cost the newest messages, never the file.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        self._count: int = self._db.execute("SELECT count(*) FROM messages").fetchone()[0]

    def __len__(self) -> int:
        return self._count

    def close(self) -> None:
        self._db.close()

    def add(self, messages: Iterable[tuple[str, bytes]]) -> int:
        """Stores messages, each with its topic; returns how many old ones had to go for them."""
        added = list(messages)
        surplus = max(0, self._count + len(added) - self._most_messages)
        with self._db:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT INTO messages (topic, payload) VALUES (?, ?)", added)
            if surplus:
                self._db.execute(
                    "DELETE FROM messages WHERE id IN "
                    "(SELECT id FROM messages ORDER BY id LIMIT ?)",
                    (surplus,),
                )
        self._count += len(added) - surplus
        return surplus

    def after(self, last_id: int, *, limit: int) -> list[Waiting]:
        """The oldest messages with a higher id."""
        rows = self._db.execute(
            "SELECT id, topic, payload FROM messages WHERE id > ? ORDER BY id LIMIT ?",
            (last_id, limit),
        )
        return [Waiting(*row) for row in rows]

    def remove(self, ids: Sequence[int]) -> None:
        """Forgets messages that the broker has."""
        with self._db:
            self._db.execute("BEGIN")
            removed = self._db.executemany(
                "DELETE FROM messages WHERE id = ?", [(each,) for each in ids]
            ).rowcount
        self._count -= max(0, removed)
