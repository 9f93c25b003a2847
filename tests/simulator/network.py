"""What lies between the workers and the Manager, and loses things."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from flamenco_core.errors import FlamencoError
from tests.simulator.world import Unreachable, World

T = TypeVar("T")


@dataclass(slots=True)
class Connection:
    """One request of a worker, as the Manager sees it."""

    is_closing: bool = False


class Network:
    """Between the workers and the Manager."""

    PATIENCE = 20.0
    """Seconds until a worker takes a request for lost."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def call(
        self, serve: Callable[[Connection], Coroutine[Any, Any, T]], *, wait: float = 0.0
    ) -> T:
        """Carries a request there and its answer back, or loses one of them.

        Raises:
            Unreachable: if no answer comes.
            FlamencoError: as `serve` does.
        """
        world, faults = self._world, self._world.faults
        connection = Connection()
        await self._travel()
        if world.happens(faults.lost_requests):
            await asyncio.sleep(self.PATIENCE)
            raise Unreachable("the request was lost")
        answer = world.spawn(_outcome(serve(connection)))
        if world.happens(faults.duplicates):
            world.spawn(self._again(serve))
        try:
            async with asyncio.timeout(wait + self.PATIENCE):
                result = await asyncio.shield(answer)
                if world.happens(faults.lost_answers):
                    await asyncio.sleep(self.PATIENCE)
                    raise Unreachable("the answer was lost")
        except TimeoutError:
            raise Unreachable("the Manager took too long") from None
        finally:
            connection.is_closing = True
        await self._travel()
        if isinstance(result, Exception):
            raise result
        return result

    async def _again(self, serve: Callable[[Connection], Coroutine[Any, Any, T]]) -> None:
        """The same request once more, a little or much later."""
        await asyncio.sleep(self._world.within(self._world.rng.choice([0.05, 5.0, 60.0])))
        await _outcome(serve(Connection()))

    async def _travel(self) -> None:
        world = self._world
        slow = world.happens(world.faults.slow)
        await asyncio.sleep(world.rng.uniform(0.0, 8.0 if slow else 0.02))


async def _outcome(work: Coroutine[Any, Any, T]) -> T | FlamencoError | Unreachable:
    try:
        return await work
    except (FlamencoError, Unreachable) as error:
        return error
