"""One client of `/api/v3/events`: what it asks, and what it is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson
from aiohttp import web

from flamenco_core import wire
from flamenco_core.errors import FlamencoError, InvalidInput, Problem
from flamenco_core.model import (
    Error,
    ErrorProblem,
    FollowAlive,
    FollowHello,
    FollowOperation,
    FollowRefusal,
    FollowRequest,
    FollowReread,
    FollowTopics,
)
from manager_service.problem_answers import status_of
from manager_service.realtime.hub import Hub
from manager_service.realtime.ring import Numbered
from manager_service.realtime.socket_follower import MOST_TOPICS, SocketFollower
from manager_service.realtime.topics import read_topics


def write_events(hub: Hub, messages: Sequence[Numbered]) -> Sequence[bytes]:
    """One frame with all messages."""
    last_id = hub.last_id.encode()
    events = b",".join(_event(hub, each) for each in messages)
    return [b'{"type":"events","last_id":"%b","events":[%b]}' % (last_id, events)]


def _event(hub: Hub, numbered: Numbered) -> bytes:
    message = numbered.message
    return b'{"id":"%b","type":"%b","topics":%b,"data":%b}' % (
        hub.id_of(numbered.number).encode(),
        message.type.encode(),
        orjson.dumps(message.topics),
        message.data,
    )


class EventSession(SocketFollower):
    """What a client asks by its first request is `wanted`, with everything `since` an id."""

    def __init__(
        self, hub: Hub, socket: web.WebSocketResponse, wanted: frozenset[str], since: str
    ) -> None:
        super().__init__(hub, socket, write_events)
        self._wanted_first = wanted
        self._since_first = since

    def begin(self) -> None:
        self._say(FollowHello(farm_id=self._hub.farm_id, last_id=self._hub.last_id))
        if self._wanted_first:
            self._answer(lambda: self._follow(self._wanted_first, self._since_first or None))

    def hear(self, content: object) -> None:
        self._answer(lambda: self._hear(content))

    def deliver(self, frames: Sequence[bytes]) -> None:
        if not self._take(frames):
            self.lose_track(self.topics)

    def lose_track(self, about: frozenset[str]) -> None:
        self._outbox.replace(_frame(FollowReread(topics=sorted(about), last_id=self._hub.last_id)))

    def still_alive(self) -> None:
        self.deliver([_frame(FollowAlive(last_id=self._hub.last_id))])

    def _answer(self, request: Callable[[], None]) -> None:
        try:
            request()
        except FlamencoError as error:
            self._say(FollowRefusal(error=_error_form(error)))

    def _hear(self, text: object) -> None:
        if not isinstance(text, str):
            raise InvalidInput("Requests are JSON in text frames")
        request = wire.from_json_text(text, FollowRequest)
        named = read_topics(request.topics)
        if request.op is FollowOperation.SUBSCRIBE:
            self._follow(named, request.since)
        else:
            self._hub.change_topics(self, self.topics - named)
            self._say_topics()

    def _follow(self, named: frozenset[str], since: str | None) -> None:
        wanted = self.topics | named
        if len(wanted) > MOST_TOPICS:
            what = f"{len(wanted)} topics; a client may follow {MOST_TOPICS}"
            raise InvalidInput("These are too many topics", problems=[Problem("topics", what)])
        missed, unknown = self._hub.missed(named, since) if since else ([], frozenset())
        self._hub.change_topics(self, wanted)
        if missed:
            self.deliver(write_events(self._hub, missed))
        if unknown:
            self._say(FollowReread(topics=sorted(unknown), last_id=self._hub.last_id))
        self._say_topics()

    def _say_topics(self) -> None:
        self._say(FollowTopics(topics=sorted(self.topics), last_id=self._hub.last_id))

    def _say(self, message: object) -> None:
        self.say(_frame(message))


def _frame(message: object) -> bytes:
    return orjson.dumps(wire.to_json(message))


def _error_form(error: FlamencoError) -> Error:
    problems = [
        ErrorProblem(where=problem.where, what=problem.what, hint=problem.hint)
        for problem in error.problems
    ]
    return Error(code=status_of(error), message=error.message, problems=problems)
