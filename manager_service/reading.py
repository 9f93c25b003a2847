"""Reads on threads of their own, beside the write thread.

A thread keeps its connection. What a read returns is encoded there too, so that the event loop
never holds a large answer as Python objects.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import orjson

from flamenco_core.store.reader import FarmReader

T = TypeVar("T")

READING_THREADS = 2
"""More would fight for Python's lock; two keep a long list from holding up everything else."""


class ReaderPool:
    """Runs functions of a `FarmReader` on a few threads."""

    def __init__(self, open_reader: Callable[[], FarmReader]) -> None:
        self._open_reader = open_reader
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(READING_THREADS, thread_name_prefix="farm-reader")

    async def read(self, function: Callable[[FarmReader], T]) -> T:
        """Runs `function` on a reading thread; raises what it raises."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._run, function)

    async def read_json(self, function: Callable[[FarmReader], Any]) -> bytes:
        """Like `read`, for a JSON-ready result, which is encoded on the reading thread."""
        return await self.read(lambda reader: orjson.dumps(function(reader)))

    def close(self) -> None:
        """Waits for the reads that run, and closes the connections."""
        # A connection can only be closed by its thread. The barrier keeps each thread from
        # taking two of these calls, and so leaving none for another.
        barrier = threading.Barrier(READING_THREADS)
        for _ in range(READING_THREADS):
            self._pool.submit(self._close_own, barrier)
        self._pool.shutdown()

    def _close_own(self, barrier: threading.Barrier) -> None:
        barrier.wait()
        reader: FarmReader | None = getattr(self._local, "reader", None)
        if reader is not None:
            reader.close()

    def _run(self, function: Callable[[FarmReader], T]) -> T:
        reader: FarmReader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = self._open_reader()
        return function(reader)
