"""A client of `/api/v3/events` that shares no code with the Manager: the `websockets` package."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

from tests.manager_service.running_manager import TIME_LIMIT, RunningManager, WorkerLogin


class Follower:
    """An open WebSocket and what came over it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.last_id = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def receive(self, timeout: float = TIME_LIMIT) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.socket.recv(timeout))
        self.messages.append(message)
        self.events += message.get("events", [])
        self.last_id = message.get("last_id", self.last_id)
        return message

    def await_type(self, kind: str) -> dict[str, Any]:
        """Receives until a message of this type comes."""
        while True:
            message = self.receive()
            if message["type"] == kind:
                return message

    def ask(self, op: str, *topics: str, **more: Any) -> dict[str, Any]:
        """Sends a request and waits for its answer."""
        self.socket.send(json.dumps({"op": op, "topics": topics, **more}))
        while True:
            message = self.receive()
            if message["type"] in ("following", "refused"):
                return message

    def subscribe(self, *topics: str, since: str | None = None) -> None:
        answer = self.ask("subscribe", *topics, **({"since": since} if since else {}))
        assert answer["type"] == "following", answer

    def await_event(
        self, kind: str, is_it: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """The data of the first event of this kind that fits; older ones count too."""
        seen = 0
        deadline = time.monotonic() + TIME_LIMIT
        while time.monotonic() < deadline:
            for event in self.events[seen:]:
                if event["type"] == kind and is_it(event["data"]):
                    data: dict[str, Any] = event["data"]
                    return data
            seen = len(self.events)
            self.receive()
        raise AssertionError(f"no such {kind} among {self.events}")

    def data(self, kind: str) -> list[dict[str, Any]]:
        """The data of all events of a kind so far."""
        return [event["data"] for event in self.events if event["type"] == kind]


@contextmanager
def following(manager: RunningManager, *topics: str, query: str = "") -> Iterator[Follower]:
    """A client that follows topics from now on."""
    url = f"ws://127.0.0.1:{manager.port}/api/v3/events{query}"
    with connect(url, open_timeout=TIME_LIMIT, max_size=2**24) as socket, Follower(socket) as made:
        assert made.receive()["type"] == "hello"
        if topics:
            made.subscribe(*topics)
        yield made


def take_task(manager: RunningManager, worker: WorkerLogin) -> dict[str, Any]:
    reply = manager.post("/worker/task", worker=worker)
    assert reply.status == 200, reply
    task: dict[str, Any] = reply.json
    return task


def report(manager: RunningManager, worker: WorkerLogin, task: str, **update: Any) -> None:
    assert manager.post(f"/worker/task/{task}", update, worker=worker).status == 204
