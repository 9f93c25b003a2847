"""The one thread that changes the farm.

Requests are queued to it as functions of the `Manager`. It takes what waits, runs the functions
one after the other inside one transaction (`group_commit`), commits once, and only then answers
them all: under load the cost of a commit is shared, and without load nothing waits for a timer.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future as ThreadFuture
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from flamenco_core.errors import FlamencoError, Unavailable
from manager_service.group_commit import Request, carry_out
from manager_service.turn import Turn

if TYPE_CHECKING:
    from flamenco_core.manager import Manager

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLimits:
    """When a group of requests is closed even though more are waiting."""

    count: int = 200
    time: timedelta = timedelta(milliseconds=25)


@dataclass(slots=True)
class WriteStatistics:
    """What the thread has done since its start; read it for measurements only."""

    groups: int = 0
    requests: int = 0
    largest_group: int = 0
    repeated: int = 0
    """Requests that ran a second time, alone, because their group could not be stored."""


@dataclass(slots=True, kw_only=True)
class _Request(Request):
    future: asyncio.Future[Any] | ThreadFuture[Any]
    loop: asyncio.AbstractEventLoop | None
    """Whose future it is; None for one of another thread."""

    def answer(self) -> None:
        """Settles the future; on its loop's thread, if it has a loop."""
        if self.future.done():
            return  # whoever asked has gone away
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


@dataclass(slots=True)
class _Queue:
    """Waiting requests, until it is closed; nothing comes after the closing None."""

    waiting: queue.SimpleQueue[_Request | None] = field(default_factory=queue.SimpleQueue)
    lock: threading.Lock = field(default_factory=threading.Lock)
    closed: bool = False

    def put(self, request: _Request) -> None:
        with self.lock:
            if self.closed:
                raise Unavailable("The Manager is stopping")
            self.waiting.put(request)

    def close(self) -> None:
        with self.lock:
            if not self.closed:
                self.closed = True
                self.waiting.put(None)


class WriteThread:
    """Owns the Manager: opens it, runs requests on it, closes it."""

    def __init__(
        self, open_manager: Callable[[], Manager], *, limits: GroupLimits | None = None
    ) -> None:
        """`open_manager` is called on the new thread, as SQLite wants it."""
        self.statistics = WriteStatistics()
        self.turn = Turn()
        """Taken for each transaction; another writer of the same farm takes it too."""
        self._open_manager = open_manager
        self._limits = limits or GroupLimits()
        self._queue = _Queue()
        self._thread = threading.Thread(target=self._work, name="farm-writer")
        self._opened: ThreadFuture[None] = ThreadFuture()

    def start(self) -> None:
        """Opens the farm and waits until it is open; raises what opening it raises."""
        self._thread.start()
        try:
            self._opened.result()
        except BaseException:
            self._queue.close()
            self._thread.join()
            raise

    def stop(self) -> None:
        """Carries out and answers what is queued, closes the farm, and waits for all that.

        Later requests are refused with `Unavailable`. May be called again.
        """
        self._queue.close()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def waiting_count(self) -> int:
        """How many requests wait for their turn."""
        return self._queue.waiting.qsize()

    async def run(self, function: Callable[[Manager], T]) -> T:
        """Runs `function` on the farm and returns its result once it is stored for good.

        Raises what the function raises, and `Unavailable` if the farm cannot be written now or
        the Manager is stopping.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Request(function, future=future, loop=loop))
        return await future

    def call(self, function: Callable[[Manager], T]) -> T:
        """Like `run`, from another thread, which it blocks."""
        future: ThreadFuture[T] = ThreadFuture()
        self._queue.put(_Request(function, future=future, loop=None))
        return future.result()

    def _work(self) -> None:
        try:
            manager = self._open_manager()
        except BaseException as error:  # noqa: BLE001 - handed to whoever called start()
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        try:
            while (first := self._queue.waiting.get()) is not None:
                if not self._run_group(manager, first):
                    break
        finally:
            self._queue.close()
            self._refuse_rest()
            _close(manager)

    def _refuse_rest(self) -> None:
        """Answers what would wait for ever if a bug has ended the thread; usually nothing."""
        rest: list[_Request] = []
        while not self._queue.waiting.empty():
            request = self._queue.waiting.get_nowait()
            if request is not None:
                request.error = Unavailable("The Manager has stopped")
                rest.append(request)
        _answer(rest)

    def _run_group(self, manager: Manager, first: _Request) -> bool:
        """Runs what waits and answers it; says whether there can be more after it."""
        group = _Group(self._queue.waiting, self._limits, first)
        with self.turn.taken():
            requests, is_repeated = carry_out(manager, group)
        self.statistics.repeated += len(requests) if is_repeated else 0
        self.statistics.groups += 1
        self.statistics.requests += len(requests)
        self.statistics.largest_group = max(self.statistics.largest_group, len(requests))
        _answer(requests)
        return not group.was_last


class _Group:
    """The first request and what waits behind it, within the limits, never waiting for more."""

    def __init__(
        self, waiting: queue.SimpleQueue[_Request | None], limits: GroupLimits, first: _Request
    ) -> None:
        self.was_last = False
        self._first = first
        self._waiting = waiting
        self._limits = limits

    def __iter__(self) -> Iterator[_Request]:
        deadline = time.monotonic() + self._limits.time.total_seconds()
        yield self._first
        count = 1
        while count < self._limits.count and time.monotonic() < deadline:
            try:
                request = self._waiting.get_nowait()
            except queue.Empty:
                return
            if request is None:
                self.was_last = True
                return
            count += 1
            yield request


def _close(manager: Manager) -> None:
    try:
        manager.close()
    except (FlamencoError, sqlite3.Error) as error:
        logger.warning("The farm was not closed well; its last signs of life are lost: %s", error)


def _answer(requests: list[_Request]) -> None:
    """Settles all futures, waking each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Request]] = {}
    for request in requests:
        if request.loop is None:
            request.answer()
        else:
            by_loop.setdefault(request.loop, []).append(request)
    for loop, of_loop in by_loop.items():
        try:
            loop.call_soon_threadsafe(_answer_on_loop, of_loop)
        except RuntimeError:
            logger.debug("An event loop ended before %d answers reached it", len(of_loop))


def _answer_on_loop(requests: list[_Request]) -> None:
    for request in requests:
        request.answer()
