"""A TCP proxy between clients and a Manager that can kill the Manager at the worst moment.

It understands just enough HTTP to tell one request from the next, and keeps account of every
answer that it passes on: who has got one finds it noted.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO


class Moment(Enum):
    """When the Manager dies, seen from one request."""

    RECEIVED = "it has the request, and has answered nothing"
    ANSWERED = "its answer is on the way, and never arrives"


@dataclass(frozen=True)
class Exchange:
    """A request, and the whole answer that is passed on to the client."""

    request_line: str
    request_body: bytes
    status: int
    answer_body: bytes


@dataclass
class _Plan:
    request: re.Pattern[str]
    skip: int
    moment: Moment
    kill: Callable[[], None]


class KillingProxy:
    """Listens on a port of its own until `close`; `manager_port` is where requests go."""

    def __init__(self, manager_port: int) -> None:
        self.exchanges: list[Exchange] = []
        self.has_killed = threading.Event()
        self.manager_port = manager_port
        self._plan: _Plan | None = None
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def kill_at(
        self, request: str, moment: Moment, kill: Callable[[], None], *, skip: int = 0
    ) -> None:
        """Calls `kill` once: at the first request line that matches, after `skip` others did."""
        self.has_killed.clear()
        self._plan = _Plan(re.compile(request), skip, moment, kill)

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """One connection, request after request. Whatever breaks ends both sides, as it would
        without a proxy.
        """
        try:
            with client, socket.create_connection(("127.0.0.1", self.manager_port)) as manager:
                from_client, from_manager = client.makefile("rb"), manager.makefile("rb")
                with from_client, from_manager:
                    while self._pass_on_one(client, manager, from_client, from_manager):
                        pass
        except OSError:
            return

    def _pass_on_one(
        self,
        client: socket.socket,
        manager: socket.socket,
        from_client: BinaryIO,
        from_manager: BinaryIO,
    ) -> bool:
        head, body = read_message(from_client)
        if not head:
            return False
        line = head.split(b"\r\n", 1)[0].decode("latin-1")
        plan = self._due(line)
        manager.sendall(head + body)
        if plan is not None and plan.moment is Moment.RECEIVED:
            self._kill(plan)
            return False
        answer_head, answer_body = read_message(from_manager, is_answer_to=line)
        if not answer_head:
            return False
        if plan is not None:
            self._kill(plan)
            return False
        status = int(answer_head.split(b" ", 2)[1])
        self.exchanges.append(Exchange(line, body, status, answer_body))
        client.sendall(answer_head + answer_body)
        return True

    def _due(self, line: str) -> _Plan | None:
        with self._lock:
            plan = self._plan
            if plan is None or not plan.request.match(line):
                return None
            if plan.skip:
                plan.skip -= 1
                return None
            self._plan = None
            return plan

    def _kill(self, plan: _Plan) -> None:
        plan.kill()
        self.has_killed.set()


def read_message(stream: BinaryIO, *, is_answer_to: str = "") -> tuple[bytes, bytes]:
    """Head and body of one HTTP message; empty at the end of the stream."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return b"", b""
        head += line
    if re.search(rb"^transfer-encoding:\s*chunked", head, re.MULTILINE | re.IGNORECASE):
        return head, _read_chunks(stream)
    length = re.search(rb"^content-length:\s*(\d+)", head, re.MULTILINE | re.IGNORECASE)
    if length is None or is_answer_to.startswith("HEAD"):
        return head, b""
    body = stream.read(int(length[1]))
    if len(body) < int(length[1]):
        return b"", b""
    return head, body


def _read_chunks(stream: BinaryIO) -> bytes:
    """A chunked body as it stands on the wire; raises `ConnectionError` if it is cut off."""
    body = b""
    while True:
        size_line = stream.readline()
        if not size_line.endswith(b"\n"):
            raise ConnectionError("the body has ended too early")
        size = int(size_line.split(b";")[0], 16) + 2
        chunk = stream.read(size)
        if len(chunk) < size:
            raise ConnectionError("the body has ended too early")
        body += size_line + chunk
        if body.endswith(b"\r\n0\r\n\r\n") or body == b"0\r\n\r\n":
            return body
