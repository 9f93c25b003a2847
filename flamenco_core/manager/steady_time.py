"""A clock that never jumps, for ages; people are shown the wall clock instead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta


class SteadyTime:
    """Starts at what the wall clock says, then goes on with a monotonic clock.

    Within one run of the Manager, ages are what the monotonic clock says, whoever sets the wall
    clock meanwhile; times from earlier runs are as far away as the wall clock says at the start.
    """

    def __init__(
        self, started: datetime, monotonic: Callable[[], float], *, first: float | None = None
    ) -> None:
        """`monotonic` counts seconds from anywhere; `first` is what it said at `started`, by
        default what it says now.
        """
        self._started = started
        self._monotonic = monotonic
        self._first = monotonic() if first is None else first

    @property
    def origin(self) -> tuple[datetime, float]:
        """`started` and `first`, for a clock that is to say the same in another process.

        The monotonic clocks of all processes of a machine count from the same moment.
        """
        return self._started, self._first

    @property
    def running_for(self) -> timedelta:
        """Since this clock was made."""
        return timedelta(seconds=self._monotonic() - self._first)

    @property
    def now(self) -> datetime:
        return self._started + self.running_for
