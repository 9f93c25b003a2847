"""Fetches the server's tasks and stores them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace

from flamenco_core.config import Upstream
from flamenco_core.errors import FlamencoError
from flamenco_core.manager.upstream_side import LINK_SIZE, in_pieces, offered_jobs
from flamenco_core.manager.upstream_tasks import OfferedJob
from flamenco_core.rules.upstream import FINAL_STATUSES, STORED_AS, OfferedTask
from flamenco_core.statuses import TaskStatus
from manager_service.upstream.connection import ServerConnection
from manager_service.upstream.depsgraph_helper import lines_of
from manager_service.upstream.documents import from_line, read_depsgraph
from manager_service.upstream.farm_reading import FarmReading
from manager_service.upstream.state import LinkState
from manager_service.upstream.timing import is_download_allowed, retry_delay
from manager_service.upstream.verifying import Verifier
from manager_service.write_thread import WriteThread

logger = logging.getLogger(__name__)

MARKER_HEADER = "x-flamenco-last-updated"

SMALL_ANSWER = 64 * 1024
"""Bytes that may be read on a thread of the Manager, since that takes a few milliseconds."""

_SHOWN_FAULTS = 5


class Downloader:
    """Asks at the start, then now and again, and when workers find nothing to do."""

    def __init__(
        self,
        link: Upstream,
        farm: WriteThread,
        reading: FarmReading,
        connection: ServerConnection,
        state: LinkState,
        *,
        verifier: Verifier,
    ) -> None:
        self._interval = link.download_interval.total_seconds()
        self._throttle = link.download_throttle
        self._farm = farm
        self._reading = reading
        self._connection = connection
        self._state = state
        self._verifier = verifier
        self._asked: asyncio.Event = asyncio.Event()
        self._last: float | None = None
        self._told: set[str] = set()
        state.download.on_due = self._asked.set

    def server_was_told(self, task_ids: Iterable[str]) -> None:
        """The server has heard of these tasks: an answer from before is old news."""
        self._told.update(task_ids)

    def ask_soon(self) -> None:
        """A worker found no task. Called on the event loop, as often as that happens."""
        if not self._asked.is_set() and is_download_allowed(
            self._throttle, self._last, asyncio.get_running_loop().time()
        ):
            self._asked.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._last = asyncio.get_running_loop().time()
            self._asked.clear()
            self._state.download.begins()
            delay = self._interval or None
            try:
                result = await self._download()
            except FlamencoError as error:
                if self._state.download.failed(str(error)):
                    logger.warning("Tasks cannot be downloaded; will try again: %s", error)
                failures = self._state.download.failures_in_a_row
                retry = retry_delay(failures, random.random())
                delay = retry if delay is None else min(delay, retry)
            else:
                if self._state.download.failures_in_a_row:
                    logger.info("The Flamenco Server gives tasks again")
                self._state.download.succeeded(result)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._asked.wait()

    async def _download(self) -> str:
        """Returns what there is to tell of it."""
        marker = await self._farm.run(lambda manager: manager.upstream_marker())
        self._told.clear()
        answer = await self._connection.get_depsgraph(marker)
        if answer.status != 200:
            return "nothing new"
        new: list[OfferedTask] = []
        count = 0
        async for piece in self._read(answer.content):
            count += len(piece)
            unknown = await self._take_known(piece)
            new += [task for task in piece if task.id in unknown]
        new += await self._missing_parents(new)
        for job in offered_jobs(_without_completed(new)):
            await self._store(job)
        self._state.tasks_received += count
        if new_marker := answer.headers.get(MARKER_HEADER, ""):
            await self._farm.run(lambda manager: manager.set_upstream_marker(new_marker))
        if count:
            logger.info("The Flamenco Server has sent %d tasks, %d of them new", count, len(new))
        return f"{count} tasks, {len(new)} of them new"

    async def _read(self, content: bytes) -> AsyncIterator[list[OfferedTask]]:
        """The tasks, as many at once as one transaction may look at."""
        if len(content) <= SMALL_ANSWER:
            documents = await self._reading.run(lambda: read_depsgraph(content))
            tasks, faults = documents.tasks, documents.faults
            for start in range(0, len(tasks), LINK_SIZE):
                yield tasks[start : start + LINK_SIZE]
        else:
            *lines, last = await asyncio.to_thread(lines_of, content)
            faults = json.loads(last)
            for start in range(0, len(lines), LINK_SIZE):
                yield await self._reading.run(_reader_of(lines[start : start + LINK_SIZE]))
        for fault in faults[:_SHOWN_FAULTS]:
            logger.warning("%s", fault)
        if len(faults) > _SHOWN_FAULTS:
            logger.warning("%d more tasks of the server are left out", len(faults) - _SHOWN_FAULTS)

    async def _take_known(self, tasks: Sequence[OfferedTask]) -> set[str]:
        told = frozenset(self._told)
        return set(
            await self._farm.run(lambda manager: manager.take_offers(tasks, told_meanwhile=told))
        )

    async def _missing_parents(self, new: Sequence[OfferedTask]) -> list[OfferedTask]:
        """What new tasks wait for, if it is neither among them nor here.

        The server leaves out what is over. A task must not run because its parent is not here.
        """
        there = {task.id for task in new}
        found: list[OfferedTask] = []
        waits = list(new)
        while waits:
            wanted = {parent for task in waits for parent in task.parents} - there
            unknown: list[str] = []
            for piece in in_pieces(sorted(wanted)):
                unknown += await self._unknown(piece)
            there |= wanted
            waits = [_alone(task) for task in await self._verifier.look_up(unknown)]
            found += waits
        return found

    async def _unknown(self, task_ids: list[str]) -> list[str]:
        return await self._farm.run(lambda manager: manager.unknown_upstream_tasks(task_ids))

    async def _store(self, job: OfferedJob) -> None:
        home = await self._farm.run(lambda manager: manager.home_of_offered(job))
        steps = await self._farm.run(lambda manager: manager.storing_offered(job, home=home))
        # Finding the next step of a large job takes a while, too.
        while step := await self._reading.run(lambda: next(steps, None)):
            await self._carry_out(step)

    async def _carry_out(self, step: Callable[[], None]) -> None:
        await self._farm.run(lambda _: step())


def _reader_of(lines: Sequence[bytes]) -> Callable[[], list[OfferedTask]]:
    return lambda: [from_line(line) for line in lines]


def _alone(parent: OfferedTask) -> OfferedTask:
    """A parent that is over needs no parents of its own."""
    return replace(parent, parents=()) if STORED_AS[parent.status] in FINAL_STATUSES else parent


def _without_completed(tasks: Sequence[OfferedTask]) -> list[OfferedTask]:
    """Nobody has to wait for what is completed already."""
    return [task for task in tasks if STORED_AS[task.status] is not TaskStatus.COMPLETED]
