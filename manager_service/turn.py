"""Whose transaction it is, where more than one could write."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator


class Turn:
    """Lets one at a time write to the farm, in the order in which they asked.

    SQLite has a lock of its own; but whoever waits for that one sleeps and tries again, and may
    find it taken each time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: deque[Callable[[], None]] = deque()

    @property
    def waiting_count(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """For a thread, which it blocks until it is its turn."""
        called = threading.Event()
        if not self._take_or_wait(called.set):
            called.wait()
        try:
            yield
        finally:
            self._pass_on()

    @contextlib.asynccontextmanager
    async def taken_on_loop(self) -> AsyncIterator[None]:
        """The same for an event loop, which goes on meanwhile."""
        loop = asyncio.get_running_loop()
        called: asyncio.Future[None] = loop.create_future()

        def call() -> None:
            # From the thread whose turn is over; the loop may have ended before that.
            try:
                loop.call_soon_threadsafe(_settle_or_pass_on)
            except RuntimeError:
                self._pass_on()

        def _settle_or_pass_on() -> None:
            if called.done():
                self._pass_on()
            else:
                called.set_result(None)

        if not self._take_or_wait(call):
            try:
                await called
            except asyncio.CancelledError:
                if called.done() and not called.cancelled():
                    self._pass_on()
                raise
        try:
            yield
        finally:
            self._pass_on()

    def _take_or_wait(self, call: Callable[[], None]) -> bool:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return True
            self._waiting.append(call)
            return False

    def _pass_on(self) -> None:
        with self._lock:
            if not self._waiting:
                self._is_taken = False
                return
            call = self._waiting.popleft()
        call()
