"""Work on files and programs that may hang, such as looking at a network drive that is away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")


async def within(limit: timedelta, function: Callable[[], T]) -> T:
    """Runs `function` on a thread of its own, which nobody waits for once the time is over.

    Raises:
        TimeoutError: it has not returned in time; what it does is left to itself.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def tell(set_it: Callable[[], None]) -> None:
        def once() -> None:
            if not result.done():
                set_it()

        try:
            loop.call_soon_threadsafe(once)
        except RuntimeError:  # the loop has ended, and nobody waits
            return

    def run() -> None:
        try:
            value = function()
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            failure = error
            tell(lambda: result.set_exception(failure))
        else:
            tell(lambda: result.set_result(value))

    threading.Thread(target=run, name="limited work", daemon=True).start()
    async with asyncio.timeout(limit.total_seconds()):
        return await result
