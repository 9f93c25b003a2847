"""Following what happens on the farm."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from flamenco_core.model import (
    EventAccountsUpdate,
    EventJobUpdate,
    EventLastRenderedUpdate,
    EventLifeCycle,
    EventTaskLogUpdate,
    EventTasksUpdate,
    EventTaskUpdate,
    EventWorkerTagUpdate,
    EventWorkerUpdate,
    FarmStatusReport,
    FollowAlive,
    FollowEvents,
    FollowHello,
    FollowRefusal,
    FollowRequest,
    FollowReread,
    FollowTopics,
)
from manager_service.realtime.event_session import EventSession
from manager_service.realtime.socket_follower import open_socket
from manager_service.realtime.topics import FORMS, read_topics
from manager_service.routing import (
    TEXT,
    Answer,
    Call,
    Conversation,
    OperationTable,
    Role,
    in_query,
)

OPERATIONS = OperationTable("events")

PING_PERIOD = timedelta(seconds=30)
"""How often a client has to show that it is still there."""

TOPICS = in_query(
    "topics",
    TEXT,
    f"What to follow from the start, with commas between them: {', '.join(FORMS)}.",
    default="",
)
SINCE = in_query(
    "since", TEXT, "The last id that the client has, if it was connected before.", default=""
)

_CONVERSATION = Conversation(
    received=(FollowRequest,),
    sent=(FollowHello, FollowTopics, FollowEvents, FollowReread, FollowAlive, FollowRefusal),
    contents=(
        *(FarmStatusReport, EventLifeCycle, EventJobUpdate, EventTaskUpdate, EventTasksUpdate),
        *(EventTaskLogUpdate, EventLastRenderedUpdate, EventWorkerUpdate, EventWorkerTagUpdate),
        EventAccountsUpdate,
    ),
)


@OPERATIONS.operation(
    "followEvents",
    "GET",
    "/events",
    role=Role.VIEWER,
    summary="What happens on the farm, while it happens",
    parameters=[TOPICS, SINCE],
    answers=[
        Answer(status=101, description="The connection is a WebSocket now."),
        Answer(status=426, description="The request does not ask for a WebSocket."),
    ],
    conversation=_CONVERSATION,
)
async def follow_events(call: Call) -> web.StreamResponse:
    """A WebSocket. Follow topics with `FollowRequest` or the parameter `topics`, then read what
    they are about: each later change comes as an event, with what a row of a list shows.

    After a lost connection, `since` brings what was missed, or `FollowReread` for what is not
    known any more. The types of events and their data: `farm-status` is a `FarmStatusReport`,
    `life-cycle` an `EventLifeCycle`, `job` an `EventJobUpdate`, `task` an `EventTaskUpdate`,
    `tasks` an `EventTasksUpdate`, `task-log` an `EventTaskLogUpdate`, `last-rendered` an
    `EventLastRenderedUpdate`, `worker` an `EventWorkerUpdate`, `tag` an `EventWorkerTagUpdate`.
    """
    given = call.value(TOPICS)
    wanted = read_topics(given.split(",")) if given else frozenset()
    socket = open_socket(call.request, ping=PING_PERIOD)
    await socket.prepare(call.request)
    session = EventSession(call.service.live, socket, wanted, call.value(SINCE))
    with call.service.access.watched(call.request, Role.VIEWER, session.dismiss):
        await session.run()
    return socket
