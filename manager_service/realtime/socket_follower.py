"""A follower at the other end of a WebSocket, whatever is spoken over it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import abstractmethod
from collections.abc import Sequence
from datetime import timedelta

from aiohttp import WSMsgType, web

from flamenco_core.errors import Problem
from manager_service.problem_answers import HttpRefusal
from manager_service.realtime.hub import Follower, Form, Hub
from manager_service.realtime.outbox import Outbox

logger = logging.getLogger(__name__)

GOING_AWAY = 1001
"""The WebSocket's code for a server that stops."""

NOT_ALLOWED = 1008
"""The WebSocket's code for a client that has lost the right to listen."""

INTERNAL_ERROR = 1011
"""The WebSocket's code for a mistake of the server."""

TRY_LATER = 1013
"""The WebSocket's code for a server that has no room, or is about to stop."""

CLOSING_TIME = timedelta(seconds=2)
"""How long a client may take to agree to the end."""

LARGEST_REQUEST = 64 * 2**10
"""Bytes of one message of a client."""

MOST_TOPICS = 1000
"""Topics that one client may follow."""


class SocketFollower(Follower):
    """A WebSocket that was opened, until it ends."""

    def __init__(self, hub: Hub, socket: web.WebSocketResponse, form: Form) -> None:
        super().__init__(form)
        self._hub = hub
        self._socket = socket
        self._outbox = Outbox()
        self._sender: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    @abstractmethod
    def begin(self) -> None:
        """Says what a client hears first."""

    @abstractmethod
    def hear(self, content: object) -> None:
        """Takes in what a client says: a text, or bytes."""

    async def run(self) -> None:
        """Talks with the client until one of both ends it, or the client has been silent."""
        if not self._hub.join(self):
            await self._end(TRY_LATER)
            return
        self._sender = asyncio.create_task(self._send())
        try:
            self.begin()
            async for received in self._socket:
                self.hear(received.data)
                # Who asks quickly is heard as quickly as the answers go away, and not cut off.
                await self._outbox.room()
        except TimeoutError:
            await self._end(GOING_AWAY)
        except Exception:
            # Nobody above could answer any more: this is no HTTP by now.
            logger.exception("A client that follows events had to be dropped")
            await self._end(INTERNAL_ERROR)
        finally:
            self._hub.leave(self)
            self._outbox.close()
            self._sender.cancel()

    async def close(self) -> None:
        self._outbox.close()
        if self._sender is not None:
            await asyncio.wait([self._sender], timeout=CLOSING_TIME.total_seconds() / 2)
        await self._end(GOING_AWAY)

    def dismiss(self, code: int = NOT_ALLOWED) -> None:
        """Ends the connection at once; by default, since its client may not listen any more."""
        self._hub.leave(self)
        self._outbox.close()
        self._ending = asyncio.create_task(self._end(code))

    def say(self, frame: bytes) -> None:
        """Has one frame sent."""
        self.deliver([frame])

    def _take(self, frames: Sequence[bytes]) -> bool:
        """Has frames sent, unless too many wait already."""
        return self._outbox.put(frames)

    async def _send(self) -> None:
        try:
            await self._outbox.run(lambda frame: self._socket.send_frame(frame, WSMsgType.TEXT))
        except ConnectionError:
            logger.debug("A client that followed events has gone")
            self._outbox.close()

    async def _end(self, code: int) -> None:
        with contextlib.suppress(ConnectionError):
            await self._socket.close(code=code)


def open_socket(
    request: web.Request, *, ping: timedelta | None = None, silence: timedelta | None = None
) -> web.WebSocketResponse:
    """A WebSocket for a request that asks for one.

    With `ping`, a client has to answer one that often; with `silence`, it has to say something by
    itself. Raises `HttpRefusal` (426) if the request asks for something else.
    """
    socket = web.WebSocketResponse(
        heartbeat=ping.total_seconds() if ping else None,
        receive_timeout=silence.total_seconds() if silence else None,
        timeout=CLOSING_TIME.total_seconds(),
        # Deflating would cost the event loop more than the network gains.
        compress=False,
        max_msg_size=LARGEST_REQUEST,
    )
    if not socket.can_prepare(request):
        raise HttpRefusal(
            426,
            "This is a WebSocket",
            problems=[Problem("header Upgrade", "no WebSocket", "connect with a ws:// client")],
            headers={"Upgrade": "websocket"},
        )
    return socket
