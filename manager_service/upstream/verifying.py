"""Looks whether tasks that were just handed out are still wanted as they are.

Flamenco 2 asks before it hands a task out, and lets all workers wait for the answer. Here the
task is on its way already; one that the server does not have any more is cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from flamenco_core.errors import FlamencoError
from flamenco_core.rules.upstream import OfferedTask, UpstreamStatus
from flamenco_core.store.upstream import WaitingUpdate
from manager_service.upstream.connection import ServerConnection, ServerUnreachable
from manager_service.upstream.documents import UnreadableAnswer, read_single_task
from manager_service.upstream.farm_reading import FarmReading
from manager_service.write_thread import WriteThread

AT_ONCE = 4
"""Requests at the same time."""


class Verifier:
    """Asks for each hand-out once."""

    def __init__(
        self, farm: WriteThread, reading: FarmReading, connection: ServerConnection
    ) -> None:
        self._farm = farm
        self._reading = reading
        self._connection = connection
        self._done: set[str] = set()
        """Updates that told of a hand-out and have been looked at."""

    async def look_at(self, updates: Sequence[WaitingUpdate]) -> None:
        """Verifies the tasks that became active, and are told of by these updates.

        Raises:
            ServerUnreachable: if the server does not answer.
        """
        starts = {
            update.id: update.upstream_task_id
            for update in updates
            if update.status is UpstreamStatus.ACTIVE and update.id not in self._done
        }
        task_ids = sorted(set(starts.values()))
        for start in range(0, len(task_ids), AT_ONCE):
            await asyncio.gather(*map(self._verify, task_ids[start : start + AT_ONCE]))
        # What is in the queue no longer need not be remembered.
        self._done = (self._done & {update.id for update in updates}) | set(starts)

    async def look_up(self, task_ids: Iterable[str]) -> list[OfferedTask]:
        """The tasks as the server has them; without those that it does not have.

        Raises:
            ServerUnreachable: if the server does not answer.
        """
        wanted, found = list(task_ids), []
        for start in range(0, len(wanted), AT_ONCE):
            asked = map(self._look_up, wanted[start : start + AT_ONCE])
            found += [task for task in await asyncio.gather(*asked) if task is not None]
        return found

    async def _look_up(self, task_id: str) -> OfferedTask | None:
        answer = await self._connection.get_task(task_id)
        if answer.status != 200:
            return None
        return await self._reading.run(lambda: read_single_task(answer.content))

    async def _verify(self, task_id: str) -> None:
        etag = await self._reading.read(lambda reader: reader.etag(task_id))
        try:
            answer = await self._connection.get_task(task_id, etag=etag)
            if answer.status == 304:
                return
            if answer.status != 200:
                await self._farm.run(lambda manager: manager.cancel_upstream([task_id]))
                return
            task = await self._reading.run(lambda: read_single_task(answer.content))
        except ServerUnreachable:
            raise
        except (UnreadableAnswer, FlamencoError):
            return  # it goes on as it is
        told = frozenset({task_id})
        await self._farm.run(lambda manager: manager.take_offers([task], told_meanwhile=told))
