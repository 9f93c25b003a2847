"""What is said over the WebSocket of `/api/v3/events`, in both directions.

Each message is a JSON object. What the Manager sends has a `type`, what clients send has an `op`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flamenco_core.model.manager import Error


class FollowOperation(StrEnum):
    SUBSCRIBE = "subscribe"
    """Hear of these topics too."""
    UNSUBSCRIBE = "unsubscribe"
    """Hear of these topics no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowRequest:
    """What a client sends."""

    op: FollowOperation
    topics: list[str]
    since: str | None = None
    """The last id that the client has: what happened to the topics since then is sent first, or
    if that is not known any more, that they have to be read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowHello:
    """The first message of a Manager."""

    type: str = "hello"
    farm_id: str
    last_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedEvent:
    """One thing that happened."""

    id: str
    """`epoch.number`; numbers grow, and may have gaps."""
    type: str
    """Which form `data` has."""
    topics: list[str]
    """Those that the event is about. It is sent once to a client that follows several."""
    data: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowEvents:
    """What happened, in its order."""

    type: str = "events"
    events: list[FollowedEvent]
    last_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowTopics:
    """The answer to each request: all topics that the client follows now."""

    type: str = "following"
    topics: list[str]
    last_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowReread:
    """Something about these topics was not sent: read again what they are about."""

    type: str = "reread"
    topics: list[str]
    last_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowAlive:
    """Sent now and then: nothing up to this id was missed."""

    type: str = "alive"
    last_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowRefusal:
    """A request could not be used; what was followed before still is."""

    type: str = "refused"
    error: Error
