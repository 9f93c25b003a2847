"""Following what happens on a farm, through lost connections."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from flamenco_core import model, wire
from flamenco_core.client.connection import Connection, ManagerRefused, ManagerUnreachable
from flamenco_core.client.web_socket import WebSocket, open_web_socket
from flamenco_core.errors import InvalidInput

if TYPE_CHECKING:
    from flamenco_core.client.manager_client import ManagerClient

_PATH = "/api/v3/events"

SILENCE = timedelta(seconds=45)
"""A Manager says something every fifteen seconds; after this long its connection is dead."""

FIRST_PAUSE = timedelta(milliseconds=250)
LONGEST_PAUSE = timedelta(seconds=30)
"""Before trying to connect again; each pause is twice as long as the one before."""

_FORMS: Mapping[str, type] = MappingProxyType(
    {
        "farm-status": model.FarmStatusReport,
        "life-cycle": model.EventLifeCycle,
        "job": model.EventJobUpdate,
        "task": model.EventTaskUpdate,
        "tasks": model.EventTasksUpdate,
        "task-log": model.EventTaskLogUpdate,
        "last-rendered": model.EventLastRenderedUpdate,
        "worker": model.EventWorkerUpdate,
        "tag": model.EventWorkerTagUpdate,
        "accounts": model.EventAccountsUpdate,
    }
)


@dataclass(frozen=True, slots=True)
class FarmEvent:
    """One thing that happened on the farm."""

    id: str
    type: str
    """Such as `job`; says what `data` is."""
    topics: tuple[str, ...]
    data: Any
    """Of the model; plain JSON if the type is not known to this version."""


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """Something about these topics was missed: what they are about has to be read again."""

    topics: tuple[str, ...]


class EventStream:
    """What happens to the topics, as it happens: iterate over it.

    A lost connection is made anew, and what was missed meanwhile comes too, or `ReadAgain`. Once
    this exists nothing is missed, so read the state of things after making it.
    """

    def __init__(self, connection: Connection, topics: Iterable[str]) -> None:
        """Connects.

        Raises:
            ManagerUnreachable: if no Manager answers.
            ManagerRefused: if it does not know a topic, or this may not be followed.
        """
        self._connection = connection
        self._topics = tuple(topics)
        self._arrived: deque[FarmEvent | ReadAgain] = deque()
        self._last_id = ""
        self._socket: WebSocket | None = None
        self._is_closed = threading.Event()
        self._pause = FIRST_PAUSE
        self._trouble = ""
        self._heard_at = time.monotonic()
        self._connect()

    @property
    def trouble(self) -> str:
        """Why there is no connection now, as a sentence; empty while there is one."""
        return self._trouble

    @property
    def silence(self) -> timedelta:
        """For how long nothing has come; a Manager says something every fifteen seconds."""
        return timedelta(seconds=time.monotonic() - self._heard_at)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the stream, also for a thread that waits for its next event."""
        self._is_closed.set()
        if self._socket is not None:
            self._socket.close()

    def __iter__(self) -> Iterator[FarmEvent | ReadAgain]:
        return self

    def __next__(self) -> FarmEvent | ReadAgain:
        """Waits for what happens next, for as long as it takes.

        Raises:
            ManagerRefused: if this may not be followed any more.
        """
        event = self.next()
        if event is None:
            raise StopIteration
        return event

    def next(self, timeout: timedelta | None = None) -> FarmEvent | ReadAgain | None:
        """What happens next; None if nothing does within `timeout`, or the stream was closed.

        Raises:
            ManagerRefused: if this may not be followed any more.
        """
        deadline = None if timeout is None else time.monotonic() + timeout.total_seconds()
        while not self._arrived:
            left = None if deadline is None else deadline - time.monotonic()
            if self._is_closed.is_set() or (left is not None and left <= 0):
                return None
            self._wait(left)
        return self._arrived.popleft()

    def _wait(self, seconds: float | None) -> None:
        """Waits for one message, or for a connection, at most for so long."""
        silence = SILENCE.total_seconds()
        try:
            if self._socket is None:
                self._connect()
                return
            text = self._socket.receive_text(silence if seconds is None else min(seconds, silence))
        except TimeoutError:
            if self.silence >= SILENCE:
                self._disconnect("It has said nothing for a while")
        except ManagerUnreachable as error:
            self._disconnect(error.message)
            self._rest(seconds)
        except OSError as error:
            self._disconnect(f"The connection has ended: {error}")
            self._rest(seconds)
        except ManagerRefused as error:
            if error.status < 500:
                raise
            self._disconnect(error.message)
            self._rest(seconds)
        else:
            self._take(_read_message(text))

    def _rest(self, seconds: float | None) -> None:
        # A farm's programs must not all come back at the same moment.
        pause = self._pause.total_seconds() * random.uniform(0.5, 1)
        self._is_closed.wait(pause if seconds is None else min(seconds, pause))
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _connect(self) -> None:
        query = f"?topics={quote(','.join(self._topics), safe=',/')}"
        if self._last_id:
            query += f"&since={quote(self._last_id)}"
        socket = self._socket = _open(self._connection, f"{_PATH}{query}")
        if self._is_closed.is_set():
            socket.close()
            return
        try:
            while True:
                message = _read_message(socket.receive_text(SILENCE.total_seconds()))
                self._take(message)
                if message["type"] == "following":
                    break
        except OSError as error:
            reason = f"The Manager at {self._connection.url} ended the connection: {error}"
            self._disconnect(reason)
            raise ManagerUnreachable(reason) from error
        self._pause = FIRST_PAUSE
        self._trouble = ""

    def _disconnect(self, reason: str) -> None:
        self._trouble = reason
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _take(self, message: Mapping[str, Any]) -> None:
        self._heard_at = time.monotonic()
        kind = message["type"]
        if kind == "refused":
            error = wire.from_json(message["error"], model.Error)
            raise ManagerRefused(error.code, error.message)
        if kind == "reread":
            self._arrived.append(ReadAgain(tuple(message["topics"])))
        for event in message.get("events", ()):
            data = event["data"]
            form = _FORMS.get(event["type"])
            if form is not None:
                data = wire.from_json(data, form)
            self._arrived.append(
                FarmEvent(event["id"], event["type"], tuple(event["topics"]), data)
            )
        # A greeting tells where the Manager is, not what was heard of it.
        if kind != "hello":
            self._last_id = str(message.get("last_id", self._last_id))


def _open(connection: Connection, path: str) -> WebSocket:
    sock = connection.dial()
    try:
        return open_web_socket(sock, path, connection.location, connection.headers)
    except OSError as error:
        sock.close()
        raise connection.unreachable(error) from error
    except ManagerRefused:
        sock.close()
        raise


def _read_message(text: str) -> Mapping[str, Any]:
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    if not isinstance(message, dict) or "type" not in message:
        raise InvalidInput("This does not seem to be a Manager: it sends no events")
    return message


def follow_log(client: ManagerClient, stream: EventStream, task_id: str) -> Iterator[str]:
    """The log of a task from its beginning on, piece by piece, without gap or repetition.

    `stream` follows the task's log. Ends when the stream is closed.
    """
    position = _LogPosition(client, task_id)
    yield from position.catch_up()
    for event in stream:
        if isinstance(event, ReadAgain):
            yield from position.catch_up()
        elif event.type == "task-log":
            yield from position.advance(event.data)


class _LogPosition:
    """How much of each attempt's log was given out, in bytes."""

    def __init__(self, client: ManagerClient, task_id: str) -> None:
        self._client = client
        self._task_id = task_id
        self._given: dict[int, int] = {}

    def catch_up(self) -> Iterator[str]:
        """What is stored of the task's log and was not given out."""
        last = self._client.fetch_task(self._task_id).attempt or 0
        for attempt in range(1, last + 1):
            yield from self._read(attempt)

    def advance(self, update: model.EventTaskLogUpdate) -> Iterator[str]:
        """What an event adds."""
        if update.attempt is None or update.start is None:
            return
        given = self._given.get(update.attempt, 0)
        text = update.log.encode()
        if update.start > given:
            yield from self._read(update.attempt)
        elif update.start + len(text) > given:
            self._given[update.attempt] = update.start + len(text)
            yield text[given - update.start :].decode("utf-8", "replace")

    def _read(self, attempt: int) -> Iterator[str]:
        given = self._given.get(attempt, 0)
        content = self._client.fetch_attempt_log(self._task_id, attempt, start=given)
        if content:
            self._given[attempt] = given + len(content)
            yield content.decode("utf-8", "replace")
