"""How it stands with what is followed: live, or since when not, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

QUIET = timedelta(seconds=20)
"""A Manager says something every fifteen seconds; one that does not may hang."""


class LivenessState(StrEnum):
    RESTING = "resting"
    """Nothing is followed, since nobody looks."""
    CONNECTING = "connecting"
    """Nothing was read yet."""
    LIVE = "live"
    SILENT = "silent"
    """There is a connection, and the Manager says nothing over it."""
    AWAY = "away"
    """There is no connection; it is tried again and again."""
    REFUSED = "refused"
    """The Manager says no; it is tried again, but seldom."""


@dataclass(frozen=True, slots=True)
class Liveness:
    state: LivenessState
    reason: str = ""
    """What exactly went wrong, for a tooltip."""

    @property
    def is_live(self) -> bool:
        return self.state is LivenessState.LIVE


def while_followed(trouble: str, silence: timedelta) -> Liveness:
    """How it stands with an event stream that has been connected."""
    if trouble:
        return Liveness(LivenessState.AWAY, trouble)
    if silence > QUIET:
        return Liveness(LivenessState.SILENT)
    return Liveness(LivenessState.LIVE)
