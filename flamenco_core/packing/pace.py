"""How long a stage of packing will still take, from how fast it has been lately."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from flamenco_core.packing.progress import PackProgress, Stage

_REMEMBERED = timedelta(seconds=10)
"""Older speeds say little about a network that others use, too."""
_SHORTEST = timedelta(seconds=0.5)
"""Before this a stage has not shown how fast it is."""


class Pace:
    """Is shown every progress, and says how many seconds the rest of its stage will take."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage: Stage | None = None
        self._seen: deque[tuple[float, int]] = deque()

    def seconds_left(self, progress: PackProgress) -> float | None:
        """None while it is not known."""
        now = self._clock()
        if progress.stage is not self._stage:
            self._stage = progress.stage
            self._seen.clear()
        self._seen.append((now, progress.bytes_done))
        while len(self._seen) > 2 and now - self._seen[1][0] > _REMEMBERED.total_seconds():
            self._seen.popleft()
        then, done_then = self._seen[0]
        elapsed, done = now - then, progress.bytes_done - done_then
        if elapsed < _SHORTEST.total_seconds() or done <= 0 or not progress.bytes_total:
            return None
        return max(0, progress.bytes_total - progress.bytes_done) * elapsed / done
