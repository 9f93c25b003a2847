"""Looks from time to time whether the farm still adds up, and the file is sound."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from flamenco_core.errors import StorageError
from flamenco_core.manager import Finding, upkeep
from flamenco_core.store.database import connect_read_only

logger = logging.getLogger(__name__)

MOST_TOLD = 20


class IntegrityCheck:
    """Reads all of the file on a connection of its own, beside the Manager that writes to it."""

    def __init__(self, farm_file: Path) -> None:
        self._file = farm_file
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._is_over = False

    def run(self) -> Sequence[Finding]:
        """What is wrong; takes long on a large farm, so that it is for a thread of its own.

        Raises `StorageError` if the file cannot be read.
        """
        with self._lock:
            if self._is_over:
                return []
            db = self._db = connect_read_only(self._file)
        try:
            return upkeep.check(db, whole_file=True)
        except StorageError:
            if self._has_ended():
                return []
            raise
        finally:
            with self._lock:
                self._db = None
                db.close()

    def _has_ended(self) -> bool:
        with self._lock:
            return self._is_over

    def interrupt(self) -> None:
        """Ends a check that goes on, and lets none begin."""
        with self._lock:
            self._is_over = True
            if self._db is not None:
                self._db.interrupt()


def tell(findings: Sequence[Finding]) -> str:
    """Logs what is wrong; returns the result in a sentence."""
    for finding in findings[:MOST_TOLD]:
        logger.error("The farm does not add up: %s", finding.what)
    if not findings:
        return "Everything adds up"
    hint = "stop the Manager, then mend it with flamenco-manager check --repair"
    logger.error("%d things are wrong with the farm; %s", len(findings), hint)
    return f"{len(findings)} things are wrong with the farm, the first: {findings[0].what}"
