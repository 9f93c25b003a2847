"""How far packing is, counted in files and bytes, whatever the number of threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    TRACING = "tracing"
    HASHING = "hashing"
    SENDING = "sending"
    COPYING = "copying"
    CHECKING_OUT = "checking out"
    """The Manager makes the folder in which the job finds its files."""


@dataclass(frozen=True, slots=True)
class PackProgress:
    stage: Stage
    file: str
    """The file that was worked on last."""
    files_done: int
    files_total: int
    """0 while it is not known."""
    bytes_done: int
    bytes_total: int
    note: str = ""
    """A sentence on why nothing moves; empty while all goes well."""


ProgressCallback = Callable[[PackProgress], None]
"""Called from several threads, one at a time."""


def no_progress(_progress: PackProgress) -> None:
    """For callers that do not want to know."""


class ProgressCounter:
    """Counts one stage; every change is reported. Safe to use from several threads."""

    def __init__(
        self,
        stage: Stage,
        report: ProgressCallback,
        *,
        files_total: int = 0,
        bytes_total: int = 0,
    ) -> None:
        self._lock = threading.Lock()
        self._report = report
        self._stage = stage
        self._file = ""
        self._files_done = self._bytes_done = 0
        self._files_total, self._bytes_total = files_total, bytes_total
        self._note = ""

    def add_bytes(self, file: str, count: int) -> None:
        """`count` may be negative: what was sent in vain is taken back."""
        with self._lock:
            self._file = file
            self._bytes_done += count
            if count > 0:
                self._note = ""
            self._report(self._now())

    def file_done(self, file: str) -> None:
        with self._lock:
            self._file = file
            self._files_done += 1
            self._report(self._now())

    def wait_because(self, note: str) -> None:
        """Tells why nothing moves, until something does again."""
        with self._lock:
            self._note = note
            self._report(self._now())

    def _now(self) -> PackProgress:
        return PackProgress(
            self._stage,
            self._file,
            self._files_done,
            self._files_total,
            self._bytes_done,
            self._bytes_total,
            self._note,
        )
