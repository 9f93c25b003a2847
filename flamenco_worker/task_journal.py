"""How far tasks have come, for a worker that is killed in the middle of one.

The Manager hands the same attempt out again to a worker that comes back. What is done of it is not
done again, and a command that was being carried out knows that it may find its work done: a file
that was moved already, say. The file is written without waiting for the disk; after a power cut it
may be old, which is as if there were none.
"""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

JOURNAL_NAME = "flamenco-worker-tasks.json"
MOST_ENTRIES = 50
"""Tasks that a killed worker never got back leave theirs behind."""
_LOCK = threading.Lock()
"""Several slots write into one file."""


class TaskJournal:
    """The journal in a worker's home folder. Safe to use from several threads."""

    def __init__(self, home: Path) -> None:
        self._path = home / JOURNAL_NAME

    def done_before(self, task_id: str, attempt: int | None) -> int | None:
        """How many commands of this attempt an earlier run has done; `None` if it never began.

        Where the Manager counts no attempts nobody can tell one from the next, so that nothing
        counts as done.
        """
        with _LOCK:
            entry = self._read().get(task_id)
        if not isinstance(entry, list) or len(entry) != 2 or entry[0] != attempt:
            return None
        return entry[1] if attempt is not None and isinstance(entry[1], int) else 0

    def begins(self, task_id: str, attempt: int | None, command: int) -> None:
        """The command at this place, from 0, is about to be carried out."""
        with _LOCK:
            entries = self._read()
            entries.pop(task_id, None)
            entries[task_id] = [attempt, command]
            self._write(dict([*entries.items()][-MOST_ENTRIES:]))

    def is_over(self, task_id: str) -> None:
        """The attempt has ended, in whatever way."""
        with _LOCK:
            entries = self._read()
            if entries.pop(task_id, None) is not None:
                self._write(entries)

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write(self, entries: dict[str, Any]) -> None:
        partial = self._path.with_name(f"{self._path.name}~")
        try:
            partial.write_text(json.dumps(entries), encoding="utf-8")
            partial.replace(self._path)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path, error.strerror)
