"""A thread that reads something from a Manager and follows what happens to it, for as long as
it is wanted: through lost connections, restarts and Managers that hang.

Whatever was missed is read again, so that nothing is lost or counted twice. Nothing here touches
Blender: what is found out is kept under a lock until the main thread takes it.
"""

from __future__ import annotations

import logging
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from flamenco_core.client import (
    AccountsClient,
    EventStream,
    FarmEvent,
    ManagerRefused,
    ManagerUnreachable,
    ReadAgain,
)
from flamenco_core.errors import FlamencoError

from .liveness import Liveness, LivenessState, while_followed

log = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=30)
"""Before another try; each pause is twice as long as the one before."""
_NO_EVENTS = (404, 405)
"""What a Manager answers that has no events channel."""

T = TypeVar("T")
OpenClient = Callable[[], AccountsClient]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be followed. When it becomes another one, everything is read again."""

    topics: tuple[str, ...] = ()
    """None for nothing, which ends the thread."""
    choice: object = None
    """What else decides what there is to read."""


class Follower(ABC):
    """Reads, follows, and leaves what it found out for the main thread."""

    def __init__(self, open_client: OpenClient, deliver: Callable[[], object], name: str) -> None:
        """`deliver` is called on the thread when there is news and no earlier one waits."""
        self._open_client = open_client
        self._deliver = deliver
        self._lock = threading.Lock()
        self._is_waiting = False
        self._over = threading.Event()
        self._hurried = threading.Event()
        self._client: AccountsClient | None = None
        self._stream: EventStream | None = None
        self._followed = Wanted()
        self.liveness = Liveness(LivenessState.CONNECTING)
        # Blender must be able to quit while a Manager hangs, so nobody waits for it.
        self._thread = threading.Thread(target=self._run, name=f"flamenco: {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Lets the thread end, from any thread; does not wait for it."""
        self._over.set()
        self.hurry()

    def hurry(self) -> None:
        """Has the thread look at once what is wanted and connect anew, from any thread."""
        self._hurried.set()
        for each in (self._stream, self._client):
            if each is not None:
                with suppress(OSError):
                    each.close() if isinstance(each, EventStream) else each.abort()

    def reconsider(self) -> None:
        """The same, if something else is wanted than what is followed."""
        if self.wanted() != self._followed:
            self.hurry()

    def join(self, limit: timedelta) -> bool:
        """Waits for the end of the thread; whether it has come."""
        self._thread.join(limit.total_seconds())
        return not self._thread.is_alive()

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    @abstractmethod
    def wanted(self) -> Wanted:
        """What is to be followed now."""

    def patience(self) -> timedelta:
        """How long to wait for an event before looking whether there is something else to do."""
        return timedelta(seconds=1)

    @abstractmethod
    def read(self, client: AccountsClient) -> None:
        """Reads how things are now."""

    @abstractmethod
    def fold(self, client: AccountsClient, event: FarmEvent) -> None:
        """Takes in what happened."""

    def look(self, client: AccountsClient) -> None:  # noqa: B027 - not all have something to do
        """Called after each event, and when nothing has happened for a while."""

    @abstractmethod
    def has_news(self) -> bool:
        """Whether there is something to be taken."""

    def _tell(self, liveness: Liveness) -> None:
        is_other = liveness != self.liveness
        self.liveness = liveness
        if is_other or self.has_news():
            with self._lock:
                if self._is_waiting:
                    return
                self._is_waiting = True
            self._deliver()

    def _taken(self) -> None:
        """To be called with the lock when the main thread takes what there is."""
        self._is_waiting = False

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._over.is_set():
            self._hurried.clear()
            trouble = self._trouble()
            if trouble is None or self._hurried.is_set():
                pause = FIRST_PAUSE
                continue
            self._tell(trouble)
            # A farm's programs must not all come back at the same moment.
            self._hurried.wait(pause.total_seconds() * random.uniform(0.5, 1))
            pause = min(2 * pause, LONGEST_PAUSE)
        self._tell(Liveness(LivenessState.RESTING))

    def _trouble(self) -> Liveness | None:
        """Follows until something else is wanted (None), or something goes wrong."""
        try:
            self._follow()
        except ManagerUnreachable as error:
            return Liveness(LivenessState.AWAY, error.message)
        except ManagerRefused as error:
            return _refusal(error)
        except FlamencoError as error:
            return Liveness(LivenessState.REFUSED, str(error))
        except Exception as error:
            log.exception("%s has to begin anew", self._thread.name)
            return Liveness(LivenessState.AWAY, str(error))
        return None

    def _follow(self) -> None:
        wanted = self._followed = self.wanted()
        if not wanted.topics:
            self._over.set()
            return
        with self._open_client() as client:
            self._client = client
            with client.follow(*wanted.topics) as stream:
                self._stream = stream
                self.read(client)
                self._tell(Liveness(LivenessState.LIVE))
                while not self._is_called() and self.wanted() == wanted:
                    self._take(client, stream)

    def _is_called(self) -> bool:
        return self._over.is_set() or self._hurried.is_set()

    def _take(self, client: AccountsClient, stream: EventStream) -> None:
        event = stream.next(self.patience())
        while event is not None and not self._is_called():
            if isinstance(event, ReadAgain):
                self.read(client)
            else:
                self.fold(client, event)
            event = stream.next(timedelta(0))
        self.look(client)
        self._tell(while_followed(stream.trouble, stream.silence))


def _refusal(error: ManagerRefused) -> Liveness:
    if error.status in _NO_EVENTS:
        reason = "This Manager tells nobody what happens on it, so that its jobs cannot be watched."
        return Liveness(LivenessState.REFUSED, reason)
    state = LivenessState.AWAY if error.status >= 500 else LivenessState.REFUSED
    return Liveness(state, error.message)
