"""Keeps the queue of task updates from filling the disk while the Manager is away for long.

What a task did and how it ended always stays. Text of logs goes, the oldest first, and a line in
its place says so.
"""

from __future__ import annotations

import json
import sqlite3

GAP = "[text is missing here: this worker could not keep all of it while the Manager was away]\n"
_LEAST_TEXT = 2 * len(GAP)
"""Characters. Cutting shorter ones gains nothing."""
_AT_ONCE = 50
_UNUSED = 20_000_000
"""Bytes of the file that may stand empty."""


class QueueRoom:
    """Counts what waits in the table `waiting_updates`; to be used under its owner's lock."""

    def __init__(self, database: sqlite3.Connection, most: int) -> None:
        """`most` is in bytes of what is sent."""
        self._database = database
        self._most = most
        self._size = self._measured()
        self._next_cut = 0
        """Updates before this one are cut already."""

    def added(self, payload: str) -> None:
        """An update has been put in. Makes room if there is too much; raises `sqlite3.Error`."""
        self._size += len(payload)
        if self._size <= self._most:
            return
        # What was sent in the meantime is not subtracted one by one.
        self._size = self._measured()
        # A tenth more than is needed, so that not each further line costs a look.
        while self._size > self._most * 9 // 10 and self._cut_some():
            pass

    def give_back(self) -> None:
        """Makes the file as small as what waits in it, if it has grown much beyond; may take long.

        Raises `sqlite3.Error`.
        """
        (free,) = self._database.execute("PRAGMA freelist_count").fetchone()
        (page,) = self._database.execute("PRAGMA page_size").fetchone()
        if free * page > _UNUSED:
            self._database.execute("VACUUM")

    def _measured(self) -> int:
        query = "SELECT coalesce(sum(length(payload)), 0) FROM waiting_updates"
        (size,) = self._database.execute(query).fetchone()
        return int(size)

    def _cut_some(self) -> bool:
        """Takes the text out of the oldest updates that have some; returns whether there are."""
        rows = self._database.execute(
            "SELECT id, payload FROM waiting_updates WHERE id >= ? ORDER BY id LIMIT ?",
            (self._next_cut, _AT_ONCE),
        ).fetchall()
        for number, payload in rows:
            self._next_cut = number + 1
            shorter = _without_text(payload)
            if shorter is not None:
                self._database.execute(
                    "UPDATE waiting_updates SET payload = ? WHERE id = ?", (shorter, number)
                )
                self._size -= len(payload) - len(shorter)
                if self._size <= self._most * 9 // 10:
                    break
        return bool(rows)


def _without_text(payload: str) -> str | None:
    """The update without its log; `None` if it has none that is worth it."""
    try:
        update = json.loads(payload)
    except ValueError:
        return None
    text = update.get("log") if isinstance(update, dict) else None
    if not isinstance(text, str) or len(text) < _LEAST_TEXT:
        return None
    return json.dumps(update | {"log": GAP})
