"""The Manager's program: a real `Manager` with its groups of requests, waiting workers, chores,
and a machine that may lose its power at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from flamenco_core.config import Config
from flamenco_core.errors import FlamencoError, Unavailable
from flamenco_core.manager import Manager, NoTask, file_work, log_files
from flamenco_core.model import AssignedTask, TaskRequest
from flamenco_core.rules.scheduling import MustChangeStatus
from flamenco_core.statuses import JobStatus
from manager_service.waiting import Waiter, WaitingWorkers
from tests.simulator import disk
from tests.simulator.ledger import Ledger
from tests.simulator.network import Connection
from tests.simulator.world import Unreachable, World

T = TypeVar("T")

GROUP_PAUSE = 0.001
"""Seconds in which requests gather that are then stored together."""

LARGEST_GROUP = 12


class _PowerCut(BaseException):
    """Ends whatever the Manager was doing."""


class _TransactionLost(Exception):
    """The database ended the transaction of the whole group."""


@dataclass(slots=True)
class _Request:
    function: Callable[[Manager], Any]
    stored: Callable[[Any], None] | None
    """Called with the result once it is on disk, whoever learns of it."""
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


class FarmProgram:
    """Runs, ends and starts again; `run` and `next_task` are its requests."""

    def __init__(self, world: World, folder: Path, ledger: Ledger) -> None:
        self.world = world
        self.ledger = ledger
        self.waiting = WaitingWorkers()
        self._folder = folder
        self._file = folder / "run-0" / "farm.sqlite"
        self.runs = 0
        self._queue: list[_Request] = []
        self._called = asyncio.Event()
        self._manager: Manager | None = None
        self._cut: Path | None = None
        """The copy of the farm file at the moment when the power went."""
        self._is_accident_planned = False
        self._is_disk_full = False

    @property
    def manager(self) -> Manager:
        """Raises `Unreachable` while the program does not run."""
        if self._manager is None:
            raise Unreachable("the Manager does not run")
        return self._manager

    @property
    def is_failing(self) -> bool:
        """Whether the database may refuse the next statement."""
        return self._is_accident_planned or self._is_disk_full

    def start(self) -> None:
        """Opens the farm, in whatever state it is, and checks that nothing is missing."""
        self._cut = None
        self._is_accident_planned = self._is_disk_full = False
        manager = Manager.open(
            self._file,
            config=Config(
                home=self._folder,
                local_manager_storage_path=self._folder / "storage",
                task_timeout=timedelta(minutes=5),
                worker_timeout=timedelta(minutes=1),
            ),
            clock=self.world.wall_clock,
            monotonic=lambda: self.world.now,
            new_id=self.world.new_id,
        )
        disk.refuse_less_than_full_sync(manager._db)
        # The power is cut in thought only, so that nothing has to wait for the real disk.
        manager._db.execute("PRAGMA synchronous = OFF")
        # Little memory makes transactions reach the file before they are committed.
        manager._db.execute("PRAGMA cache_size = 30")
        self._manager = manager
        self.runs += 1
        self.waiting = WaitingWorkers()
        self.ledger.begin_to_follow(manager)
        manager.subscribe(self.waiting.on_events)
        self.world.note(f"the Manager starts, run {self.runs}")
        self.ledger.verify(manager)

    async def serve(self) -> None:
        """Answers requests for ever."""
        while True:
            await self._called.wait()
            await asyncio.sleep(GROUP_PAUSE)
            group, self._queue = self._queue[:LARGEST_GROUP], self._queue[LARGEST_GROUP:]
            if not self._queue:
                self._called.clear()
            if group and self._manager is not None:
                self._carry_out(self._manager, group)

    async def run(
        self, function: Callable[[Manager], T], *, stored: Callable[[T], None] | None = None
    ) -> T:
        """Runs a function of the farm; returns when its result is on disk.

        Raises:
            Unreachable: if the Manager ends meanwhile; the function may have been carried out.
            Unavailable: if it cannot write now; nothing was changed.
        """
        _ = self.manager
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append(_Request(function, stored, future))
        self._called.set()
        return await future

    async def next_task(
        self, worker_id: str, request: TaskRequest, wait: float, connection: Connection
    ) -> AssignedTask | MustChangeStatus | None:
        """A worker waits in its request for a task; None if there was none in time."""
        waiting = self.waiting
        deadline = self.world.now + wait
        with waiting.enter(worker_id, request.slot) as waiter:
            while True:
                waiting.begin_asking(waiter)
                answer = await self._ask(worker_id, request, connection, waiter)
                if isinstance(answer, AssignedTask):
                    waiting.found_task(waiter)
                    return answer
                if isinstance(answer, MustChangeStatus):
                    return answer
                waiting.found_nothing(waiter, answer.match)
                if not await waiting.called(waiter, deadline - self.world.now):
                    if waiting is not self.waiting:
                        raise Unreachable("the Manager has ended")
                    return None

    async def _ask(
        self, worker_id: str, request: TaskRequest, connection: Connection, waiter: Waiter
    ) -> AssignedTask | NoTask | MustChangeStatus:
        def ask(manager: Manager) -> AssignedTask | NoTask | MustChangeStatus:
            if connection.is_closing or waiter.is_superseded:
                raise Unavailable("the worker has gone")
            return manager.next_task(worker_id, request)

        return await self.run(
            ask, stored=lambda answer: self.ledger.handed_out(worker_id, request, answer)
        )

    def stop(self) -> None:
        """Ends in good order; what was waiting is not answered."""
        if self._manager is None:
            return
        self.world.note("the Manager is stopped")
        self._gone(self._manager)

    def cut_power(self) -> None:
        """Ends without another instruction carried out, or byte written."""
        if self._manager is None:
            return
        if self._cut is None:
            self._cut = self._copy_disk()
        self.world.note("the power is cut")
        # Its file is not used any more; closing it only frees what this process holds of it.
        self._gone(self._manager)
        self._file = self._cut

    def plan_power_cut(self, instructions: int) -> None:
        """Cuts the power after so many more instructions of the database."""

        def cut() -> int:
            if self._cut is None:
                self._cut = self._copy_disk()
            return 1

        self.manager._db.set_progress_handler(cut, instructions)
        self._is_accident_planned = True

    def plan_interruption(self, instructions: int) -> None:
        """Lets one statement fail after so many more instructions, as a bad sector would."""
        is_left = True

        def interrupt() -> bool:
            nonlocal is_left
            was_left, is_left = is_left, False
            self._is_accident_planned = False
            return was_left

        self.manager._db.set_progress_handler(interrupt, instructions)
        self._is_accident_planned = True

    def fill_disk(self, pages_left: int) -> None:
        """Lets the farm file grow by so many pages and no more."""
        db = self.manager._db
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + pages_left}")
        self._is_disk_full = True
        self.world.note("the disk is full")

    def free_disk(self) -> None:
        if self._manager is not None:
            self._manager._db.execute("PRAGMA max_page_count = 1073741823")
            self._is_disk_full = False
            self.world.note("the disk has room again")

    async def chores(self) -> None:
        """What the Manager does by itself, every few seconds."""
        while True:
            await asyncio.sleep(4.0)
            try:
                await self._settle_jobs()
                await self._remove_jobs()
                await self.run(lambda manager: manager.release_expired())
                while await self.run(lambda manager: manager.check_timeouts()):
                    continue
                await self.run(lambda manager: manager.store_last_seen())
                await self._move_logs()
            except (FlamencoError, Unreachable):
                continue

    async def _settle_jobs(self) -> None:
        while job_ids := await self.run(lambda manager: manager.unsettled_jobs(limit=10)):
            for job_id in job_ids:
                await self.run(lambda manager, job_id=job_id: manager.settle(job_id))  # type: ignore[misc]

    async def _remove_jobs(self) -> None:
        while removals := await self.run(lambda manager: manager.removals(limit=3)):
            for removal in removals:
                await self.run(lambda manager, removal=removal: manager.go_on_removing(removal))  # type: ignore[misc]
        for work in await self.run(lambda manager: manager.file_work(limit=10)):
            storage = self.manager.config.local_storage
            file_work.carry_out(work, log_storage=storage, shaman=None)
            await self.run(lambda manager, work=work: manager.file_work_done(work))  # type: ignore[misc]

    async def _move_logs(self) -> None:
        chunks = await self.run(lambda manager: manager.waiting_log_chunks(limit=200))
        if chunks:
            log_files.write(chunks, self.manager.config.local_storage)
            await self.run(lambda manager: manager.drop_log_chunks(chunks))

    def _carry_out(self, manager: Manager, group: list[_Request]) -> None:
        try:
            self._carry_out_together(manager, group)
        except _PowerCut:
            self._refuse(group)
            self.cut_power()
            return
        self.world.count(len(group))
        for request in group:
            if request.future.done():
                continue
            if request.error is None:
                request.future.set_result(request.result)
            else:
                request.future.set_exception(request.error)

    def _carry_out_together(self, manager: Manager, group: list[_Request]) -> None:
        try:
            with manager.unit_of_work():
                for request in group:
                    self._attempt(manager, request)
        except Exception:  # noqa: BLE001 - each gets its own answer below
            self._stop_if_power_is_cut()
            for request in group:
                self._attempt_alone(manager, request)
            return
        self._stop_if_power_is_cut()
        for request in group:
            self._is_stored(request)

    def _attempt(self, manager: Manager, request: _Request) -> None:
        try:
            with manager.unit_of_work():
                request.result = request.function(manager)
        except Exception as error:
            self._stop_if_power_is_cut()
            if not manager.has_transaction:
                raise _TransactionLost from error
            request.error = _as_answer(error)

    def _attempt_alone(self, manager: Manager, request: _Request) -> None:
        request.result, request.error = None, None
        try:
            with manager.unit_of_work():
                request.result = request.function(manager)
        except Exception as error:  # noqa: BLE001 - it is the answer
            self._stop_if_power_is_cut()
            request.error = _as_answer(error)
        self._stop_if_power_is_cut()
        self._is_stored(request)

    def _is_stored(self, request: _Request) -> None:
        if request.error is None and request.stored is not None:
            request.stored(request.result)

    def _stop_if_power_is_cut(self) -> None:
        if self._cut is not None:
            raise _PowerCut

    def _copy_disk(self) -> Path:
        folder = self._folder / f"run-{self.runs}"
        return disk.copy_as_after_a_power_cut(self._file, folder, self.world.rng)

    def _gone(self, manager: Manager) -> None:
        self._manager = None
        # The service takes an error here for lost signs of life, and ends all the same.
        with contextlib.suppress(sqlite3.Error):
            manager.close()
        waiting, self.waiting = self.waiting, WaitingWorkers()
        waiting.close()
        queue, self._queue = self._queue, []
        self._refuse(queue)

    def _refuse(self, requests: list[_Request]) -> None:
        for request in requests:
            if not request.future.done():
                request.future.set_exception(Unreachable("the Manager has ended"))


def is_stored(job_status: JobStatus) -> bool:
    """Whether the last step of storing a job was done."""
    return job_status is not JobStatus.UNDER_CONSTRUCTION


def _as_answer(error: Exception) -> Exception:
    if isinstance(error, sqlite3.OperationalError):
        return Unavailable(f"The farm's database cannot be written at the moment ({error})")
    return error
