"""Stopping work in another thread, and saying why."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from flamenco_core.errors import FlamencoError


class Cancelled(FlamencoError):
    """The work was stopped on purpose; this is no failure of the work."""


class Cancellation:
    """Asked by the one who works, told by anyone else; cannot be taken back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._callbacks: list[Callable[[], None]] = []
        self.reason = ""
        """Why, as a sentence; empty while nobody has cancelled."""

    def cancel(self, reason: str) -> None:
        """Stops the work; only the first call counts."""
        with self._lock:
            if self._event.is_set():
                return
            self.reason = reason
            self._event.set()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    @property
    def is_cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raises `Cancelled` if the work is to stop."""
        if self._event.is_set():
            raise Cancelled(self.reason)

    def sleep(self, duration: timedelta) -> None:
        """Waits; raises `Cancelled` as soon as the work is to stop."""
        self._event.wait(duration.total_seconds())
        self.check()

    @contextmanager
    def callback(self, callback: Callable[[], None]) -> Iterator[None]:
        """Within the block, `cancel` also calls `callback`; at once if it has happened already."""
        with self._lock:
            self._callbacks.append(callback)
            is_late = self._event.is_set()
        try:
            if is_late:
                callback()
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)
