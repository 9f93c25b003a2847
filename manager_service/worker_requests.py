"""What workers ask all the time: tasks, updates, whether to go on.

The write thread does that, too, until so many ask at once that a process of its own pays
(`second_writer`). When that process fails, or nobody is in a hurry any more, the write thread does
it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, TypeVarTuple

from flamenco_core.errors import Unavailable
from flamenco_core.events import Event
from flamenco_core.manager.opening import Bearings
from manager_service.second_writer import SecondWriter
from manager_service.write_thread import WriteThread

if TYPE_CHECKING:
    from flamenco_core.manager import Manager

logger = logging.getLogger(__name__)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_LARGEST_GROUP = 100
"""Calls in one transaction, which then holds up other writers for some 30 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """When a process of its own pays. It costs some 60 MB of memory."""

    at_once: int = 8
    """A moment is busy when so many requests are under way."""
    moments: int = 100
    """So many busy moments in one period make a farm busy."""
    period: float = 5.0
    """Seconds."""
    quiet_periods: int = 60
    """After so many periods without being busy, the process ends."""


_GONE = "the worker has gone"


def _new_future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


@dataclass(slots=True, eq=False)
class _Asked(Generic[T]):
    method: Callable[..., T]
    arguments: tuple[Any, ...]
    is_wanted: Callable[[], bool]
    future: asyncio.Future[T] = field(default_factory=_new_future)

    def carry_out(self, manager: Manager) -> T:
        if not self.is_wanted():
            raise ConnectionResetError(_GONE)
        return self.method(manager, *self.arguments)


class WorkerRequests:
    """Carries out methods of `Manager`, in whichever process is the best; for one event loop."""

    def __init__(
        self,
        farm: WriteThread,
        file: Path,
        bearings: Callable[[], Bearings],
        on_events: Callable[[Sequence[Event]], None],
        *,
        busy: Busy | None = None,
    ) -> None:
        """`on_events` is called with what happened, before those who asked are answered."""
        self._farm = farm
        self._file = file
        self._bearings = bearings
        self._on_events = on_events
        self._busy = busy or Busy()
        self._can_help = _processor_count() > 1
        self._under_way = 0
        self._busy_moments = 0
        self._quiet_periods = 0
        self._asked: list[_Asked[Any]] = []
        self._writer: SecondWriter | None = None
        self._work: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def has_second_writer(self) -> bool:
        """Whether requests are carried out in a process of their own at the moment."""
        return self._writer is not None

    async def start(self) -> None:
        """Begins to look how busy the farm is."""
        self._watch = asyncio.create_task(self._look_now_and_then())

    async def close(self) -> None:
        """Carries out what was asked for, and ends the process."""
        self._is_closed = True
        for task in (self._watch, self._starting):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if self._work is not None:
            await self._work
        await self._do_without()

    async def run(self, method: Callable[[Manager, *Ts], T], *arguments: *Ts) -> T:
        """What `method` of the farm's Manager returns, once that is stored for good.

        Raises what the method raises, and `Unavailable` if the farm cannot be written now.
        """
        return await self.run_if(_always, method, *arguments)

    async def run_if(
        self, is_wanted: Callable[[], bool], method: Callable[[Manager, *Ts], T], *arguments: *Ts
    ) -> T:
        """The same if `is_wanted` says so right before; else it raises `ConnectionResetError`."""
        asked: _Asked[T] = _Asked(method, arguments, is_wanted)
        self._under_way += 1
        try:
            if self._under_way >= self._busy.at_once:
                self._busy_moments += 1
                if self._busy_moments == self._busy.moments:
                    self._help_wanted()
            if self._writer is None:
                return await self._farm.run(asked.carry_out)
            return await self._ask_writer(asked)
        finally:
            self._under_way -= 1

    async def _ask_writer(self, asked: _Asked[T]) -> T:
        self._asked.append(asked)
        if self._work is None:
            self._work = asyncio.create_task(self._carry_out_all())
        return await asked.future

    async def _carry_out_all(self) -> None:
        try:
            while self._asked and self._writer is not None:
                async with self._farm.turn.taken_on_loop():
                    if self._writer is not None:
                        group = self._asked[:_LARGEST_GROUP]
                        del self._asked[:_LARGEST_GROUP]
                        await self._carry_out(self._writer, group)
        finally:
            self._work = None
        rest, self._asked = self._asked, []
        await asyncio.gather(*(self._on_write_thread(asked) for asked in rest))

    async def _carry_out(self, writer: SecondWriter, group: list[_Asked[Any]]) -> None:
        wanted: list[_Asked[Any]] = []
        for asked in group:
            if asked.is_wanted():
                wanted.append(asked)
            else:
                _settle(asked, None, ConnectionResetError(_GONE))
        calls = [(asked.method, asked.arguments) for asked in wanted]
        try:
            done = await writer.carry_out(calls, self._bearings())
        except Exception as error:  # noqa: BLE001 - each of those who wait is told
            logger.warning("The write thread does workers' requests again: %s", error)
            self._writer = None
            await writer.kill()
            for asked in wanted:
                _settle(asked, None, error)
            return
        if done.events:
            try:
                self._on_events(done.events)
            except Exception:
                # What happened is stored; nobody may wait for ever because of that.
                logger.exception("%d events of workers could not be told", len(done.events))
        for asked, (result, answer) in zip(wanted, done.answers, strict=True):
            _settle(asked, result, answer)

    async def _on_write_thread(self, asked: _Asked[Any]) -> None:
        try:
            _settle(asked, await self._farm.run(asked.carry_out), None)
        except Exception as error:  # noqa: BLE001 - it is the answer
            _settle(asked, None, error)

    def _help_wanted(self) -> None:
        is_possible = self._can_help and not self._is_closed
        if is_possible and self._writer is None and self._starting is None:
            self._starting = asyncio.create_task(self._get_help())

    async def _get_help(self) -> None:
        try:
            self._writer = await SecondWriter.start(self._file, self._bearings())
            logger.info("Many workers ask at once: their requests have a process of their own now")
        except Unavailable as error:
            logger.warning("Workers' requests get no process of their own: %s", error)
        finally:
            self._starting = None

    async def _look_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._busy.period)
            is_busy = self._busy_moments >= self._busy.moments
            self._quiet_periods = 0 if is_busy else self._quiet_periods + 1
            self._busy_moments = 0
            if self._writer is None:
                continue
            # Signs of life that came with no change wait in its memory.
            with contextlib.suppress(Unavailable):
                await self.run(_store_last_seen)
            if self._quiet_periods >= self._busy.quiet_periods:
                logger.info("Few workers ask: the process for their requests ends")
                await self._do_without()

    async def _do_without(self) -> None:
        async with self._farm.turn.taken_on_loop():
            writer, self._writer = self._writer, None
            if writer is not None:
                await writer.close()


def _always() -> bool:
    return True


def _store_last_seen(manager: Manager) -> None:
    manager.store_last_seen()


def _settle(asked: _Asked[Any], result: object, error: Exception | None) -> None:
    if asked.future.done():
        return  # whoever asked has gone away
    if error is not None:
        asked.future.set_exception(error)
    else:
        asked.future.set_result(result)


def _processor_count() -> int:
    """How many processors this process may use; macOS and Windows only tell how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
