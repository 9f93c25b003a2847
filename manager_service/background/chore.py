"""Something that the Manager does by itself, again and again, and what became of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flamenco_core.errors import FlamencoError

logger = logging.getLogger(__name__)

RETRY_DELAY = timedelta(seconds=30)
"""When something is tried again that failed, such as writing to a full disk."""

Work = Callable[[], Awaitable[str | None]]
"""Returns what there is to tell of it, if anything."""


@dataclass(slots=True)
class ChoreState:
    """How often it was done, and how that went; since the start of this Manager."""

    runs: int = 0
    failures: int = 0
    is_running: bool = False
    last_start: datetime | None = None
    last_duration: timedelta | None = None
    """None while the first time goes on."""
    result: str = ""
    """What there is to tell of the last time."""
    error: str = ""
    """Why the last time failed; empty if it did not."""
    next_run: datetime | None = None
    """None if it is not done by the clock, or goes on."""


class Chore:
    """Done whenever it is due; several calls before it is done are one.

    Runs on the event loop: what blocks goes to threads.
    """

    def __init__(
        self,
        name: str,
        what: str,
        work: Work,
        *,
        delay: timedelta = timedelta(0),
        period: timedelta | None = None,
        at_start: bool = True,
        interrupt: Callable[[], None] | None = None,
    ) -> None:
        """`name` is for programs, `what` says in words what is done.

        `delay` is from when it is due to when it is done; with a `period` it is due again by
        itself. Unless `at_start`, the first time is after a period. `interrupt` ends work that
        takes long, when the Manager stops.
        """
        self.name = name
        self.what = what
        self.period = period
        self.state = ChoreState()
        self._work = work
        self._delay = delay
        self._at_start = at_start
        self._interrupt = interrupt
        self._due = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._at_start:
            self._due.set()
        self._task = asyncio.create_task(self._run(), name=self.name)

    def due(self) -> None:
        self._due.set()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    async def stop(self) -> None:
        """Ends the piece of work at hand, and does no more."""
        self._stopping.set()
        self._due.set()
        if self._interrupt is not None:
            self._interrupt()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while True:
            await self._wait_until_due()
            if await self.stops_within(self._delay):
                return
            self._due.clear()
            if await self._do():
                continue
            self._expect_next(RETRY_DELAY)
            if await self.stops_within(RETRY_DELAY):
                return
            self._due.set()

    async def _do(self) -> bool:
        """Whether it went well."""
        state = self.state
        state.runs += 1
        state.is_running, state.next_run, state.last_start = True, None, datetime.now(UTC)
        started, error = time.monotonic(), ""
        try:
            state.result = await self._work() or ""
        except (FlamencoError, OSError) as failure:
            error = str(failure)
            logger.warning("%s failed, and will be tried again: %s", self.what, error)
        except Exception as failure:
            error = f"an error of the Manager's own ({type(failure).__name__}); see its log"
            logger.exception("%s failed, and will be tried again", self.what)
        state.is_running = False
        state.last_duration = timedelta(seconds=time.monotonic() - started)
        state.error = error
        state.failures += bool(error)
        return not error

    async def _wait_until_due(self) -> None:
        if self._due.is_set():
            return
        self._expect_next(self.period)
        try:
            async with asyncio.timeout(self.period.total_seconds() if self.period else None):
                await self._due.wait()
        except TimeoutError:
            self._due.set()

    def _expect_next(self, delay: timedelta | None) -> None:
        self.state.next_run = None if delay is None else datetime.now(UTC) + delay

    async def stops_within(self, delay: timedelta) -> bool:
        """Waits for a while; True as soon as the service stops."""
        if not delay:
            return self._stopping.is_set()
        try:
            async with asyncio.timeout(delay.total_seconds()):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True
