"""Work that blocks, and so must not run on the event loop: files, and waiting for processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import orjson

from flamenco_core import wire

T = TypeVar("T")


class Threads:
    """A few threads; what runs there is always waited for, also when the asker is cancelled."""

    def __init__(self, name: str, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def run(self, function: Callable[[], T]) -> T:
        """Runs `function` on a thread; raises what it raises.

        When the request is cancelled meanwhile (its client has gone), the function still ends
        before this does, so that the caller can clean up after it without a race.
        """
        future = asyncio.get_running_loop().run_in_executor(self._pool, function)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            future.exception()  # nobody is left who could want it
            raise

    async def run_json(self, function: Callable[[], Any]) -> bytes:
        """Like `run`, for a value of the model, which is encoded on the thread."""
        return await self.run(lambda: orjson.dumps(wire.to_json(function())))

    def close(self) -> None:
        self._pool.shutdown()
