"""How long to wait before trying again."""

from __future__ import annotations

import random
from datetime import timedelta

JITTER = 0.25
"""By which part a wait may be shorter or longer, so that a farm's workers do not knock at once."""


class BackOff:
    """Waits that double with each failure, up to a limit."""

    def __init__(self, first: timedelta, longest: timedelta) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def next_wait(self) -> timedelta:
        """The wait after one more failure."""
        wait = self._next
        self._next = min(self._longest, self._next * 2)
        return wait * random.uniform(1 - JITTER, 1 + JITTER)

    def reset(self) -> None:
        """It worked."""
        self._next = self._first
