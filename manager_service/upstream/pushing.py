"""Tells the server what became of its tasks, and hears which ones it wants cancelled."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flamenco_core.config import Upstream
from flamenco_core.errors import FlamencoError
from flamenco_core.manager import Manager
from flamenco_core.manager.upstream_side import in_pieces
from flamenco_core.store.upstream import WaitingUpdate
from manager_service.upstream.connection import (
    ServerConnection,
    ServerRefused,
)
from manager_service.upstream.documents import UnreadableAnswer
from manager_service.upstream.farm_reading import FarmReading
from manager_service.upstream.state import LinkState
from manager_service.upstream.timing import PushRules, PushState, is_push_due, retry_delay
from manager_service.upstream.verifying import Verifier
from manager_service.write_thread import WriteThread

logger = logging.getLogger(__name__)

LOOK_PERIOD = timedelta(seconds=1)
"""How often the queue is looked at."""

_BATCH_REFUSED = frozenset({400, 413, 422})
"""Something in a batch is wrong, or it is too large: with fewer updates it may pass."""


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """What the server says to a batch of updates."""

    handled: frozenset[str]
    to_cancel: tuple[str, ...]
    wanted_logs: tuple[str, ...]
    """The tasks whose logs it wants."""


def _next_piece(after: int) -> Callable[[Manager], int | None]:
    return lambda manager: manager.catch_up_upstream(after=after)


def read_push_answer(content: bytes) -> PushAnswer:
    """Raises `UnreadableAnswer`."""
    try:
        answer = json.loads(content)
        logs = answer.get("upload_task_file_queue") or []
        return PushAnswer(
            frozenset(_texts(answer["handled_update_ids"])),
            tuple(dict.fromkeys(_texts(answer.get("cancel_task_ids") or []))),
            tuple(dict.fromkeys(_texts([log.get("task") for log in logs]))),
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise UnreadableAnswer("The server's answer to updates cannot be read") from None


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str)]


class Pusher:
    """Sends updates in batches, from the queue in the farm file."""

    def __init__(
        self,
        link: Upstream,
        farm: WriteThread,
        reading: FarmReading,
        connection: ServerConnection,
        state: LinkState,
        *,
        verifier: Verifier,
        on_told: Callable[[Sequence[str]], None],
        on_wanted_log: Callable[[str], None],
    ) -> None:
        """`on_told` hears of which tasks the server has heard, `on_wanted_log` whose log it
        wants.
        """
        self._rules = PushRules(
            interval=link.push_interval,
            count=link.push_count,
            cancel_interval=link.cancel_interval,
        )
        self._farm = farm
        self._reading = reading
        self._connection = connection
        self._state = state
        self._verifier = verifier
        self._on_told = on_told
        self._on_wanted_log = on_wanted_log
        self._batch_size = link.push_count
        self._last_push: float | None = None
        self._not_before = 0.0
        self._is_forced = False
        state.push.on_due = self._force

    async def run(self) -> None:
        """Until it is cancelled."""
        await self._catch_up()
        while True:
            if not await self._look():
                await asyncio.sleep(LOOK_PERIOD.total_seconds())

    async def _catch_up(self) -> None:
        """Whatever happened while there was no link is to be told first."""
        after: int | None = 0
        while after is not None:
            after = await self._farm.run(_next_piece(after))

    def _force(self) -> None:
        self._is_forced, self._not_before = True, 0.0

    async def _look(self) -> bool:
        """Pushes if it is time to; returns whether more could be sent at once."""
        now = asyncio.get_running_loop().time()
        limit, count = self._batch_size, self._rules.count
        waiting = await self._reading.read(
            lambda reader: reader.due_count(now=datetime.now(UTC), limit=count)
        )
        state = PushState(
            waiting=waiting,
            last_push=self._last_push,
            is_forced=self._is_forced,
            not_before=self._not_before,
        )
        if not is_push_due(state, self._rules, now):
            return False
        self._is_forced = False
        self._state.push.begins()
        batch = await self._reading.read(
            lambda reader: reader.due(now=datetime.now(UTC), limit=limit)
        )
        try:
            await self._push(batch)
        except FlamencoError as error:
            await self._failed(error, batch)
            return False
        self._succeeded(len(batch))
        self._state.waiting_updates = await self._reading.read(
            lambda reader: reader.waiting_count()
        )
        return len(batch) == limit

    async def _push(self, batch: list[WaitingUpdate]) -> None:
        await self._verifier.look_at(batch)
        body = "[" + ",".join(update.body for update in batch) + "]"
        answer = await self._connection.post("task-update-batch", body.encode())
        said = await self._reading.run(lambda: read_push_answer(answer.content))
        for piece in in_pieces(update.id for update in batch):
            await self._take_handled(piece, said.handled)
        for piece in in_pieces(said.to_cancel):
            await self._cancel(piece)
        for task_id in said.wanted_logs:
            self._on_wanted_log(task_id)
        self._state.updates_sent += len(batch)

    async def _take_handled(self, sent: list[str], handled: frozenset[str]) -> None:
        accepted = [update_id for update_id in sent if update_id in handled]
        told = await self._farm.run(lambda manager: manager.upstream_handled(accepted, sent))
        self._on_told(told)

    async def _cancel(self, task_ids: list[str]) -> None:
        await self._farm.run(lambda manager: manager.cancel_upstream(task_ids))

    def _succeeded(self, count: int) -> None:
        if self._state.push.failures_in_a_row:
            logger.info("The Flamenco Server takes updates again")
        self._state.push.succeeded(f"{count} updates")
        self._last_push = asyncio.get_running_loop().time()
        self._not_before = 0.0
        self._batch_size = min(self._batch_size * 2, self._rules.count)

    async def _failed(self, error: FlamencoError, batch: list[WaitingUpdate]) -> None:
        if self._state.push.failed(str(error)):
            logger.warning("Updates cannot be sent, and will be tried again: %s", error)
        delay = retry_delay(self._state.push.failures_in_a_row, random.random())
        if isinstance(error, ServerRefused) and error.status in _BATCH_REFUSED and batch:
            if len(batch) == 1:
                logger.warning("The Flamenco Server does not take an update: %s", error)
                await self._take_handled([batch[0].id], frozenset())
            self._batch_size = max(1, len(batch) // 2)
            delay = min(delay, LOOK_PERIOD.total_seconds())
        self._not_before = asyncio.get_running_loop().time() + delay
