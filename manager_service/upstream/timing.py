"""When to speak to the server. Times are seconds on a monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRules:
    """How often updates are sent; the settings of `config.Upstream`."""

    interval: timedelta
    count: int
    cancel_interval: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PushState:
    """What there is to send, and when something was sent last; None: not since the start."""

    waiting: int
    """How many updates could be sent."""
    last_push: float | None
    """The last one that the server answered."""
    is_forced: bool = False
    not_before: float = 0.0
    """Set after a failure."""


def is_push_due(state: PushState, rules: PushRules, now: float) -> bool:
    """Whether to send updates now, or ask what is to be cancelled by sending none."""
    if now < state.not_before:
        return False
    if state.is_forced or state.last_push is None:
        return True
    since = now - state.last_push
    if since >= rules.cancel_interval.total_seconds():
        return True
    if not state.waiting:
        return False
    return state.waiting >= rules.count or since >= rules.interval.total_seconds()


def is_download_allowed(throttle: timedelta, last_download: float | None, now: float) -> bool:
    """Whether tasks may be fetched out of turn, because a worker found none.

    A throttle below zero never lets them be, zero always.
    """
    if throttle < timedelta(0):
        return False
    return last_download is None or now - last_download >= throttle.total_seconds()


def retry_delay(failures: int, chance: float) -> float:
    """Seconds to wait after so many failures in a row; `chance`, from 0 to 1, spreads Managers."""
    if failures <= 0:
        return 0.0
    longest = min(FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 16), LONGEST_RETRY_SECONDS)
    return longest * (0.5 + 0.5 * chance)
