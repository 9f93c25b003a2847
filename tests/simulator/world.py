"""The world that a farm lives in: its time, its accidents, and one source of chance for all."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

T = TypeVar("T")

_BEGINNING = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Unreachable(Exception):
    """No answer came; whether the request was carried out, nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How often things go wrong: shares of requests, or seconds between accidents (0: never)."""

    lost_requests: float = 0.0
    lost_answers: float = 0.0
    duplicates: float = 0.0
    slow: float = 0.0
    failing_attempts: float = 0.0
    worker_crash_seconds: float = 0.0
    worker_death_seconds: float = 0.0
    silence_seconds: float = 0.0
    restart_seconds: float = 0.0
    full_disk_seconds: float = 0.0
    clock_jump_seconds: float = 0.0
    people_seconds: float = 0.0


class World:
    """Shared by everybody in one simulation."""

    def __init__(self, seed: int, faults: Faults) -> None:
        self.rng = random.Random(seed)
        self.faults = faults
        self.clock_error = timedelta(0)
        """How wrong the clock of the Manager's machine is."""
        self.trace: deque[str] = deque(maxlen=200)
        self._digest = hashlib.sha256()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return asyncio.get_running_loop().time()

    def wall_clock(self) -> datetime:
        """What the clock of the Manager's machine shows."""
        return _BEGINNING + timedelta(seconds=self.now) + self.clock_error

    def new_id(self) -> str:
        return str(UUID(int=self.rng.getrandbits(128), version=4))

    def happens(self, share: float) -> bool:
        return self.rng.random() < share

    def within(self, mean: float) -> float:
        """Seconds until something that happens every `mean` seconds."""
        return self.rng.expovariate(1 / mean)

    def heal(self) -> None:
        """From now on nothing goes wrong any more."""
        self.faults = Faults()
        self.note("all faults end")

    def note(self, text: str) -> None:
        """Writes down what happened; the same seed writes the same."""
        line = f"{self.now:10.3f} {text}"
        self._digest.update(line.encode())
        self.trace.append(line)

    def count(self, number: int) -> None:
        """For what happens too often to be told, and still is to be the same each time."""
        self._digest.update(f"{self.now:.6f} {number}".encode())

    @property
    def digest(self) -> str:
        """Stands for everything that was noted."""
        return self._digest.hexdigest()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Starts something; an error that leaves it ends the simulation."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def watch(self, main: Coroutine[Any, Any, T]) -> T:
        """Runs `main` to its end, or until anything that was started fails."""
        task = asyncio.create_task(main)
        try:
            either: list[asyncio.Future[Any]] = [task, self._failed]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
            return task.result()
        finally:
            for other in [task, *self._tasks]:
                other.cancel()

    async def at_random(self, mean: Callable[[], float], accident: Callable[[], Any]) -> None:
        """Lets something happen now and then, for as long as `mean` is not zero."""
        while seconds := mean():
            await asyncio.sleep(self.within(seconds))
            if mean():
                result = accident()
                if isinstance(result, Awaitable):
                    await result

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or self._failed.done():
            return
        error = task.exception()
        if error is not None:
            self._failed.set_exception(error)
