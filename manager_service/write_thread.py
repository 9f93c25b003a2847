"""The one thread that changes the farm.

Requests are queued to it as functions of the `Manager`. It takes what waits, runs the functions
one after the other inside one transaction, commits once, and only then answers them all: under
load the cost of a commit is shared, and without load nothing waits for a timer.

What may surprise: a function can run twice. If one failed after it had changed something (most
refusals come before that), if an error ended the whole transaction (a full disk does that), or if
the commit failed, nothing of the group is stored, and each request runs once more in a transaction
of its own. So a function changes nothing but the farm.
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
from flamenco_core.store.database import Spoiled

if TYPE_CHECKING:
    from flamenco_core.manager import Manager

logger = logging.getLogger(__name__)

T = TypeVar("T")

_TEMPORARY_SQLITE_ERRORS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
"""What an admin can mend (space, permissions, a lock) without a change of the program."""


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


class _TransactionLostError(Exception):
    """The database ended the transaction of the whole group."""


@dataclass(slots=True)
class _Request:
    function: Callable[[Manager], Any]
    future: asyncio.Future[Any] | ThreadFuture[Any]
    loop: asyncio.AbstractEventLoop | None
    """Whose future it is; None for one of another thread."""
    result: Any = None
    error: Exception | None = None

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
        self._queue.put(_Request(function, future, loop))
        return await future

    def call(self, function: Callable[[Manager], T]) -> T:
        """Like `run`, from another thread, which it blocks."""
        future: ThreadFuture[T] = ThreadFuture()
        self._queue.put(_Request(function, future, None))
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
        taken = _Group(self._queue.waiting, self._limits, first)
        try:
            with manager.group_of_work():
                for request in taken:
                    _attempt(manager, request)
        except Exception as error:  # noqa: BLE001 - each request gets its own answer below
            logger.log(
                logging.DEBUG if isinstance(error, Spoiled) else logging.WARNING,
                "A group of %d requests could not be stored (%s); each is tried alone",
                len(taken.requests),
                error.__cause__ or repr(error),
            )
            for request in taken.requests:
                _attempt_alone(manager, request)
            self.statistics.repeated += len(taken.requests)
        self.statistics.groups += 1
        self.statistics.requests += len(taken.requests)
        self.statistics.largest_group = max(self.statistics.largest_group, len(taken.requests))
        _answer(taken.requests)
        return not taken.was_last


class _Group:
    """The first request and what waits behind it, within the limits, never waiting for more."""

    def __init__(
        self, waiting: queue.SimpleQueue[_Request | None], limits: GroupLimits, first: _Request
    ) -> None:
        self.requests = [first]
        self.was_last = False
        self._waiting = waiting
        self._limits = limits

    def __iter__(self) -> Iterator[_Request]:
        deadline = time.monotonic() + self._limits.time.total_seconds()
        yield self.requests[0]
        while len(self.requests) < self._limits.count and time.monotonic() < deadline:
            try:
                request = self._waiting.get_nowait()
            except queue.Empty:
                return
            if request is None:
                self.was_last = True
                return
            self.requests.append(request)
            yield request


def _attempt(manager: Manager, request: _Request) -> None:
    """Runs one request; its failure is its own if it had changed nothing yet."""
    try:
        with manager.unit_of_work():
            request.result = request.function(manager)
    except Exception as error:
        if not manager.has_transaction:
            raise _TransactionLostError from error
        request.error = _as_answer(error)
    if manager.is_spoiled:
        raise Spoiled


def _attempt_alone(manager: Manager, request: _Request) -> None:
    request.result, request.error = None, None
    try:
        with manager.unit_of_work():
            request.result = request.function(manager)
    except Exception as error:  # noqa: BLE001 - it is the answer
        request.error = _as_answer(error)


def _close(manager: Manager) -> None:
    try:
        manager.close()
    except (FlamencoError, sqlite3.Error) as error:
        logger.warning("The farm was not closed well; its last signs of life are lost: %s", error)


def _as_answer(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error):
        return error
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code & 0xFF not in _TEMPORARY_SQLITE_ERRORS:
        return error
    logger.error("The farm's database cannot be written: %s", error)
    unavailable = Unavailable(
        f"The farm's database cannot be written at the moment ({error}); nothing was changed"
    )
    unavailable.__cause__ = error
    return unavailable


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
