"""An event loop whose clock jumps to the next thing to do instead of waiting for it.

Hours of a farm's life pass in seconds, and always in the same order.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.simulator.violation import Violation

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Its time, in seconds, begins at zero and moves only when nothing is left to do at once."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_NothingElseHappens(self))

    def time(self) -> float:
        return self._now

    def skip(self, seconds: float) -> None:
        self._now += seconds


class _NothingElseHappens(selectors.SelectSelector):
    """Says at once that nothing came from outside, and lets the time pass that was to be waited."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Violation("everybody waits for somebody else, and nothing will ever happen")
        self._loop.skip(max(0.0, timeout))
        return []


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine, and all that it starts, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
