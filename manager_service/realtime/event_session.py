"""One client of `/api/v3/events`: what it asks, and what it is sent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

import orjson
from aiohttp import WSMsgType, web

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
from manager_service.realtime.hub import Follower, Hub
from manager_service.realtime.outbox import Outbox
from manager_service.realtime.ring import Numbered
from manager_service.realtime.topics import read_topics

logger = logging.getLogger(__name__)

MOST_TOPICS = 1000
"""Topics that one client may follow."""

GOING_AWAY = 1001
"""The WebSocket's code for a server that stops."""

NOT_ALLOWED = 1008
"""The WebSocket's code for a client that has lost the right to listen."""

INTERNAL_ERROR = 1011
"""The WebSocket's code for a mistake of the server."""


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


class EventSession(Follower):
    """A WebSocket that was opened, until it ends."""

    def __init__(self, hub: Hub, socket: web.WebSocketResponse) -> None:
        super().__init__(write_events)
        self._hub = hub
        self._socket = socket
        self._outbox = Outbox()
        self._sender: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def run(self, wanted: frozenset[str], since: str | None) -> None:
        """Talks with the client until one of both ends it."""
        if not self._hub.join(self):
            await self._socket.close(code=GOING_AWAY)
            return
        self._sender = asyncio.create_task(self._send())
        try:
            self._say(FollowHello(farm_id=self._hub.farm_id, last_id=self._hub.last_id))
            if wanted:
                self._answer(lambda: self._follow(wanted, since))
            async for received in self._socket:
                text = received.data
                self._answer(lambda: self._hear(text))  # noqa: B023 - called at once
        except Exception:
            # Nobody above could answer any more: this is no HTTP by now.
            logger.exception("A client that follows events had to be dropped")
            await self._socket.close(code=INTERNAL_ERROR)
        finally:
            self._hub.leave(self)
            self._outbox.close()
            self._sender.cancel()

    def deliver(self, frames: Sequence[bytes]) -> None:
        if not self._outbox.put(frames):
            self.lose_track(self.topics)

    def lose_track(self, about: frozenset[str]) -> None:
        self._outbox.replace(_frame(FollowReread(topics=sorted(about), last_id=self._hub.last_id)))

    def still_alive(self) -> None:
        self.deliver([_frame(FollowAlive(last_id=self._hub.last_id))])

    async def close(self) -> None:
        self._outbox.close()
        if self._sender is not None:
            await asyncio.wait([self._sender], timeout=1)
        await close_socket(self._socket, GOING_AWAY)

    def dismiss(self) -> None:
        """Ends the connection, since whoever has it may not listen any more."""
        self._hub.leave(self)
        self._ending = asyncio.create_task(close_socket(self._socket, NOT_ALLOWED))

    async def _send(self) -> None:
        try:
            await self._outbox.run(lambda frame: self._socket.send_frame(frame, WSMsgType.TEXT))
        except ConnectionError:
            logger.debug("A client that followed events has gone")

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
        self.deliver([_frame(message)])


async def close_socket(socket: web.WebSocketResponse, code: int) -> None:
    """Ends a connection, whether the client is still there or not."""
    with contextlib.suppress(ConnectionError):
        await socket.close(code=code)


def _frame(message: object) -> bytes:
    return orjson.dumps(wire.to_json(message))


def _error_form(error: FlamencoError) -> Error:
    problems = [
        ErrorProblem(where=problem.where, what=problem.what, hint=problem.hint)
        for problem in error.problems
    ]
    return Error(code=status_of(error), message=error.message, problems=problems)
