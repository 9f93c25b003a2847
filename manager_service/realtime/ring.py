"""What was told lately, for clients whose connection broke: they get what they missed.

Only topics that somebody follows are described at all, so what can be told again is limited to
topics that were followed without a break. A topic counts as followed for a while after its last
follower has gone, which is when clients come back.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field
from datetime import timedelta

from manager_service.realtime.describing import Message

MOST_MESSAGES = 20_000
MOST_BYTES = 16 * 2**20
"""Of the messages' data."""

KEPT_WARM = timedelta(minutes=5)
"""How long a topic that nobody follows any more is gathered on."""

MOST_TOPICS = 20_000
"""Topics that are kept warm; beyond, those that were left first are given up."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A message and its place in the order of all that were told."""

    number: int
    message: Message


@dataclass(slots=True)
class FollowedTopics:
    """Who follows what, and since when without a break."""

    _followers: Counter[str] = field(default_factory=Counter)
    _since: dict[str, int] = field(default_factory=dict)
    """The number after which nothing of a topic was left out."""
    _left_at: dict[str, float] = field(default_factory=dict)
    """Topics without followers, in the order in which they were left."""

    def names(self) -> Set[str]:
        """All topics that are to be described."""
        return self._since.keys()

    def follow(self, added: Iterable[str], new_number: Callable[[], int]) -> None:
        """There is one more follower of these topics.

        `new_number` is greater than all that clients have: much may have happened about a topic
        that nobody followed, without any number.
        """
        added = list(added)
        if any(topic not in self._since for topic in added):
            number = new_number()
        for topic in added:
            self._followers[topic] += 1
            if topic not in self._since:
                self._since[topic] = number
            self._left_at.pop(topic, None)

    def leave(self, left: Iterable[str], *, now: float) -> None:
        """There is one follower less of these topics; `now` is monotonic."""
        for topic in left:
            self._followers[topic] -= 1
            if not self._followers[topic]:
                del self._followers[topic]
                self._left_at[topic] = now

    def cool_down(self, *, now: float) -> None:
        """Gives up topics that were left long ago."""
        until = now - KEPT_WARM.total_seconds()
        surplus = len(self._since) - MOST_TOPICS
        for topic, left_at in list(self._left_at.items()):
            if left_at > until and surplus <= 0:
                return
            del self._left_at[topic], self._since[topic]
            surplus -= 1

    def is_complete(self, topic: str, *, after: int) -> bool:
        """Whether everything of a topic after this number was described."""
        return topic in self._since and self._since[topic] <= after

    def begin_anew(self, *, number: int) -> None:
        """Something was lost: what came before this number cannot be told completely."""
        self._since = dict.fromkeys(self._since, number)


class Ring:
    """The newest messages, up to a number and a size."""

    def __init__(self, *, most_messages: int = MOST_MESSAGES, most_bytes: int = MOST_BYTES) -> None:
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._messages: deque[Numbered] = deque()
        self._bytes = 0
        self.last_number = 0
        self._dropped = 0
        """The number of the newest message that is not kept any more."""

    def add(self, messages: Iterable[Message]) -> list[Numbered]:
        """Numbers and keeps messages."""
        added = []
        for each in messages:
            self.last_number += 1
            added.append(Numbered(self.last_number, each))
            self._bytes += len(each.data)
        self._messages.extend(added)
        while len(self._messages) > self._most_messages or self._bytes > self._most_bytes:
            oldest = self._messages.popleft()
            self._bytes -= len(oldest.message.data)
            self._dropped = oldest.number
        return added

    def skip(self) -> int:
        """A number of its own that no message has."""
        self.last_number += 1
        return self.last_number

    def has_all_after(self, number: int) -> bool:
        return self._dropped <= number <= self.last_number

    def after(self, number: int, wanted: Set[str]) -> list[Numbered]:
        """What was told after a number about any of these topics."""
        found = []
        for each in reversed(self._messages):
            if each.number <= number:
                break
            if not wanted.isdisjoint(each.message.topics):
                found.append(each)
        found.reverse()
        return found
