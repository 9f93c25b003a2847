"""The live updates of Flamenco 3's own pages: Socket.IO 2 over Engine.IO 3, WebSocket only.

No maintained library of Python speaks this version of the protocol any more, and what its pages
use of it is little: texts in the default namespace, with acknowledgements. A packet is a digit for
Engine.IO (`0` open, `1` close, `2` ping, `3` pong, `4` message), and in a message another one for
Socket.IO (`0` connect, `1` disconnect, `2` event, `3` acknowledgement, `4` error).
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import orjson
from aiohttp import web

from flamenco_core.errors import one_problem
from manager_service.realtime import topics
from manager_service.realtime.describing import MessageType
from manager_service.realtime.hub import Hub
from manager_service.realtime.ring import Numbered
from manager_service.realtime.socket_follower import (
    GOING_AWAY,
    MOST_TOPICS,
    SocketFollower,
    open_socket,
)
from manager_service.routing import (
    TEXT,
    UUID,
    Answer,
    Call,
    Operation,
    Role,
    in_query,
)

logger = logging.getLogger(__name__)

PATH = "/socket.io/"
PROTOCOL = "3"
"""The version of Engine.IO."""

PING_PERIOD = timedelta(seconds=30)
"""How often clients ping."""

PING_TIMEOUT = timedelta(seconds=60)
"""A client that says nothing for so long has gone."""

EVENTS: Mapping[MessageType, str] = MappingProxyType(
    {
        MessageType.FARM_STATUS: "/status",
        MessageType.LIFE_CYCLE: "/lifecycle",
        MessageType.JOB: "/jobs",
        MessageType.TASK: "/task",
        MessageType.TASK_LOG: "/tasklog",
        MessageType.LAST_RENDERED: "/last-rendered",
        MessageType.WORKER: "/workers",
        MessageType.TAG: "/workertags",
    }
)
"""Names of events. Flamenco 3 has none for many tasks at once: its pages read the list again when
the job's event says `refresh_tasks`."""

_ALL = MappingProxyType(
    {
        "allJobs": topics.JOBS,
        "allWorkers": topics.WORKERS,
        "allLastRendered": topics.LAST_RENDERED,
        "allWorkerTags": topics.TAGS,
    }
)
_EVENT = re.compile(r"(?P<id>\d*)(?P<content>\[.*)", re.DOTALL)

VERSION = in_query("EIO", TEXT, "The version of Engine.IO.", default="")
TRANSPORT = in_query("transport", TEXT, "How packets travel.", default="")


async def serve_socket_io(call: Call) -> web.StreamResponse:
    """Opens the connection, for clients that speak this version."""
    if call.value(VERSION) != PROTOCOL:
        raise one_problem("query EIO", "only version 3 of Engine.IO is spoken here")
    if call.value(TRANSPORT) != "websocket":
        raise one_problem("query transport", "packets travel by websocket only")
    socket = open_socket(call.request, silence=PING_TIMEOUT)
    await socket.prepare(call.request)
    session = SocketIoSession(call.service.live, socket)
    with call.service.access.watched(call.request, Role.VIEWER, session.dismiss):
        await session.run()
    return socket


ROUTE = Operation(
    name="socketIo",
    method="GET",
    path=PATH,
    tag="events",
    role=Role.VIEWER,
    summary="What happens on the farm, for the pages of Flamenco 3",
    description="",
    parameters=(VERSION, TRANSPORT),
    body=None,
    answers=(Answer(status=101, description="The connection is a WebSocket now."),),
    handler=serve_socket_io,
)
"""Not in the API's document, as in Flamenco 3."""


def write_packets(_hub: Hub, messages: Sequence[Numbered]) -> Sequence[bytes]:
    """One packet for each message."""
    return [
        b'42["%b",%b]' % (EVENTS[each.message.type].encode(), each.message.data)
        for each in messages
        if each.message.type in EVENTS
    ]


class SocketIoSession(SocketFollower):
    """One page of Flamenco 3."""

    def __init__(self, hub: Hub, socket: web.WebSocketResponse) -> None:
        super().__init__(hub, socket, write_packets)

    def begin(self) -> None:
        opened = {
            "sid": secrets.token_hex(10),
            "upgrades": [],
            "pingInterval": int(PING_PERIOD.total_seconds() * 1000),
            "pingTimeout": int(PING_TIMEOUT.total_seconds() * 1000),
        }
        self.say(b"0" + orjson.dumps(opened))
        self.say(b"40")
        self._hub.change_topics(self, frozenset({topics.FARM}))

    def deliver(self, frames: Sequence[bytes]) -> None:
        if not self._take(frames):
            # It connects again by itself, and then reads everything anew.
            self.dismiss(GOING_AWAY)

    def lose_track(self, about: frozenset[str]) -> None:
        self.dismiss(GOING_AWAY)

    def hear(self, content: object) -> None:
        if not isinstance(content, str):
            return  # nothing that Flamenco 3 knows is binary
        kind, rest = content[:1], content[1:]
        if kind == "2":
            self.say(b"3" + rest.encode())
        elif kind == "1" or content == "41":
            self.dismiss(GOING_AWAY)
        elif kind == "4":
            self._hear_message(rest)

    def _hear_message(self, content: str) -> None:
        kind, rest = content[:1], content[1:]
        if rest.startswith("/") and kind == "0":
            namespace = rest.partition(",")[0].partition("?")[0]
            if namespace != "/":
                self.say(b'44%b,"Invalid namespace"' % namespace.encode())
            return
        found = _EVENT.fullmatch(rest) if kind == "2" else None
        if found is None:
            return
        try:
            name, *arguments = orjson.loads(found["content"])
        except ValueError:
            logger.debug("A Socket.IO client sent no JSON")
            return
        if name == "/subscription":
            answer = self._subscribe(arguments[0] if arguments else None)
            if found["id"]:
                self.say(b"43%b%b" % (found["id"].encode(), orjson.dumps([answer])))

    def _subscribe(self, request: Any) -> str:
        """Returns what is acknowledged: `ok`, or why nothing was changed."""
        if not isinstance(request, dict):
            return "unable to perform subscription operation: it is no object"
        named = _topics_of(request.get("type"), request.get("uuid") or "")
        if isinstance(named, str):
            return named
        match request.get("op"):
            case "subscribe":
                if len(self.topics | named) > MOST_TOPICS:
                    return f"unable to perform subscription operation: {MOST_TOPICS} is the most"
                self._hub.change_topics(self, self.topics | named)
            case "unsubscribe":
                self._hub.change_topics(self, self.topics - named)
            case other:
                return f"unable to perform subscription operation: unknown operation {other!r}"
        return "ok"


def _topics_of(kind: Any, uuid: Any) -> frozenset[str] | str:
    """The topics of a subscription, or what is wrong with it in the words of Flamenco 3."""
    if isinstance(kind, str) and kind in _ALL:
        return frozenset({_ALL[kind]})
    if kind not in ("job", "tasklog"):
        return "unknown subscription type, ignoring request"
    if not uuid:
        return f"operation on {'job' if kind == 'job' else 'task'} requires a UUID"
    try:
        known = UUID.read(str(uuid))
    except ValueError:
        return "invalid UUID, ignoring request"
    if kind == "job":
        return frozenset({topics.tasks_of_job(known), topics.last_rendered_of_job(known)})
    return frozenset({topics.log_of_task(known)})
