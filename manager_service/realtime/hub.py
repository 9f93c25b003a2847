"""Where events of the farm become messages, and find those who follow them.

Everything here runs on the event loop's thread, apart from describing. Work is done once for all
who follow the same topics over the same kind of channel.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from flamenco_core.events import Event
from flamenco_core.model import EventLifeCycle, LifeCycleEventType
from flamenco_core.store.reader import FarmReader
from manager_service.realtime import topics
from manager_service.realtime.describing import Describer, Message, MessageType, message
from manager_service.realtime.gathering import Gatherer
from manager_service.realtime.ring import FollowedTopics, Numbered, Ring
from manager_service.threads import Threads

logger = logging.getLogger(__name__)

GATHERING = timedelta(milliseconds=50)
"""How long changes are put together before they are told."""

MOST_TIME_SHARE = 4
"""After a round of describing, this many times its duration is left to others."""

ALIVE_PERIOD = timedelta(seconds=15)
"""How often those who hear nothing are told that they missed nothing."""

MOST_FOLLOWERS = 5_000
"""Clients at the same time; each may cost a megabyte when it is slow."""

Form = Callable[["Hub", Sequence[Numbered]], Sequence[bytes]]
"""How messages are written for a kind of channel; must be the same function for all of a kind."""


class Follower(ABC):
    """One client, whatever its channel."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.topics: frozenset[str] = frozenset()
        """Changed by the hub only."""

    @abstractmethod
    def deliver(self, frames: Sequence[bytes]) -> None:
        """Has frames sent, without waiting for it."""

    @abstractmethod
    def lose_track(self, about: frozenset[str]) -> None:
        """Something about these topics could not be told: the client has to read again."""

    def still_alive(self) -> None:  # noqa: B027 - most channels have another way to know
        """Nothing may have happened for a while."""

    @abstractmethod
    async def close(self) -> None:
        """Sends what waits, says that the Manager stops, and ends the connection."""


class Hub:
    """All followers, and what they are told."""

    def __init__(self, open_reader: Callable[[], FarmReader]) -> None:
        self.epoch = secrets.token_hex(4)
        """Numbers are of one run of the Manager; another run has another epoch."""
        self.farm_id = ""
        self._followed = FollowedTopics()
        self._ring = Ring()
        self._followers: dict[Follower, None] = {}
        self._gatherer = Gatherer(lambda topic: topic in self._followed.names())
        self._describer = Describer(open_reader)
        self._thread = Threads("events", 1)
        self._has_news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_closed = False

    @property
    def followers(self) -> Collection[Follower]:
        """Everybody who follows now; may be asked on any thread."""
        return tuple(self._followers)

    @property
    def told(self) -> int:
        """About how many messages there have been."""
        return self._ring.last_number

    @property
    def last_id(self) -> str:
        """The id of what was told last."""
        return self.id_of(self._ring.last_number)

    def id_of(self, number: int) -> str:
        return f"{self.epoch}.{number}"

    def start(self, farm_id: str) -> None:
        self.farm_id = farm_id
        self._tasks = [
            asyncio.create_task(self._tell_changes(), name="telling what changed"),
            asyncio.create_task(self._tell_alive(), name="telling that nothing was missed"),
        ]
        self.publish([_life_cycle(LifeCycleEventType.MANAGER_STARTUP)])

    async def close_followers(self) -> None:
        """Says farewell to all, and takes nobody any more."""
        if not self._is_closed:
            self._is_closed = True
            if self._followers and self._has_news.is_set():
                await self._tell_round()
            self.publish([_life_cycle(LifeCycleEventType.MANAGER_SHUTDOWN)])
            await asyncio.gather(*(follower.close() for follower in [*self._followers]))

    async def stop(self) -> None:
        await self.close_followers()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._thread.run(self._describer.close)
        await asyncio.to_thread(self._thread.close)

    def on_events(self, events: Iterable[Event]) -> None:
        """Sees what a commit changed. Costs nothing while nobody follows."""
        if self._followed.names() and self._gatherer.add(events):
            self._has_news.set()

    def join(self, follower: Follower) -> bool:
        """Lets a client follow; False if the Manager stops, or there are too many."""
        if self._is_closed or len(self._followers) >= MOST_FOLLOWERS:
            return False
        self._followers[follower] = None
        return True

    def leave(self, follower: Follower) -> None:
        self.change_topics(follower, frozenset())
        self._followers.pop(follower, None)

    def change_topics(self, follower: Follower, wanted: frozenset[str]) -> None:
        """From now on, a client hears of these topics and no others."""
        if not self._followed.names():
            self._gatherer.take()  # what nobody wanted to know
        if topics.FARM in wanted - follower.topics:
            self._has_news.set()  # the status may not be known yet
        self._followed.follow(wanted - follower.topics, self._ring.skip)
        self._followed.leave(follower.topics - wanted, now=time.monotonic())
        follower.topics = wanted

    def missed(self, wanted: frozenset[str], last_id: str) -> tuple[list[Numbered], frozenset[str]]:
        """What was told about topics after `last_id`, and the topics that have to be read again."""
        epoch, _, digits = last_id.partition(".")
        number = int(digits) if digits.isascii() and digits.isdigit() else -1
        if epoch != self.epoch or not self._ring.has_all_after(number):
            return [], wanted
        known = {topic for topic in wanted if self._followed.is_complete(topic, after=number)}
        return self._ring.after(number, known), wanted - known

    def publish(self, messages: Sequence[Message]) -> None:
        """Tells messages to those who follow their topics."""
        by_topic: dict[str, list[Numbered]] = {}
        for each in self._ring.add(messages):
            for topic in each.message.topics:
                by_topic.setdefault(topic, []).append(each)
        frames: dict[tuple[Form, frozenset[str]], Sequence[bytes]] = {}
        for follower in [*self._followers]:
            key = (follower.form, follower.topics)
            if key not in frames:
                chosen = _about(by_topic, follower.topics)
                frames[key] = follower.form(self, chosen) if chosen else ()
            if frames[key]:
                follower.deliver(frames[key])

    async def _tell_changes(self) -> None:
        pause = GATHERING.total_seconds()
        while True:
            await self._has_news.wait()
            await asyncio.sleep(pause)
            self._has_news.clear()
            began = time.monotonic()
            await self._tell_round()
            took = time.monotonic() - began
            pause = max(GATHERING.total_seconds(), MOST_TIME_SHARE * took)

    async def _tell_round(self) -> None:
        changes = self._gatherer.take()
        wanted = frozenset(self._followed.names())
        try:
            messages = await self._thread.run(lambda: self._describer.describe(changes, wanted))
        except Exception:
            logger.exception("What happened could not be told; followers have to read again")
            self._followed.begin_anew(number=self._ring.skip())
            for follower in [*self._followers]:
                follower.lose_track(follower.topics)
        else:
            self.publish(messages)

    async def _tell_alive(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_PERIOD.total_seconds())
            self._followed.cool_down(now=time.monotonic())
            for follower in [*self._followers]:
                follower.still_alive()


def _about(by_topic: Mapping[str, Sequence[Numbered]], wanted: frozenset[str]) -> list[Numbered]:
    """What is about any of the topics, in order and each once."""
    found = {each.number: each for topic in by_topic.keys() & wanted for each in by_topic[topic]}
    return [found[number] for number in sorted(found)]


def _life_cycle(type_: LifeCycleEventType) -> Message:
    return message(MessageType.LIFE_CYCLE, (topics.FARM,), EventLifeCycle(type=type_))
