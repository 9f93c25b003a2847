"""What the Manager does by itself, beside the requests: log text goes into files, jobs with many
tasks are brought to the status they were given, and what cut-off uploads left is removed.

All of it starts from what lies on disk, so that a crash only means doing it at the next start.
Workers' signs of life travel with the next change of the farm; here they are written when there
has been none for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

from flamenco_core.config import Config
from flamenco_core.errors import FlamencoError
from flamenco_core.events import (
    Event,
    JobArchived,
    JobChanged,
    JobDeletionRequested,
    JobUnsettled,
    TaskLogAppended,
)
from flamenco_core.manager import Manager, file_work, log_files
from flamenco_core.rules.lifecycle import SWEEPS
from flamenco_core.shaman import ShamanStore
from manager_service.threads import Threads
from manager_service.waiting import WaitingWorkers
from manager_service.write_thread import WriteThread

logger = logging.getLogger(__name__)

LOG_DELAY = timedelta(seconds=2)
"""How long log text stays in the database at least, so that many pieces go to a file at once."""

LOG_PIECES = 500
"""Pieces of log text that are moved in one go."""

UPLOADS_PERIOD = timedelta(hours=1)
"""How often uploads are looked for that nobody goes on with."""

SIGNS_OF_LIFE_PERIOD = timedelta(seconds=5)
"""How long a worker's sign of life is in memory only, at the most."""

RESERVATIONS_PERIOD = timedelta(seconds=10)
"""How often reservations are looked for whose time is over."""

TIMEOUTS_PERIOD = timedelta(minutes=1)
"""How often workers and tasks are looked for that were quiet for too long."""

SCHEDULES_PERIOD = timedelta(minutes=1)
"""How often sleep schedules are looked at."""

REMOVALS_PERIOD = timedelta(minutes=1)
"""How often files of deleted jobs are looked for that could not be erased before."""

RETENTION_PERIOD = timedelta(minutes=10)
"""How often jobs are looked for that were done long ago."""

FILE_WORK_AT_ONCE = 100
"""Pieces of work on files that are fetched in one go."""

RETRY_DELAY = timedelta(seconds=30)
"""When something is tried again that failed, such as writing to a full disk."""


class BackgroundWork:
    """Runs on the event loop; what blocks goes to the write thread and the file threads."""

    def __init__(
        self,
        farm: WriteThread,
        threads: Threads,
        config: Config,
        shaman: ShamanStore | None,
        waiting: WaitingWorkers,
        job_files_lock: asyncio.Lock,
    ) -> None:
        """`job_files_lock` keeps files from appearing in a job's folder while it is erased."""
        self._farm = farm
        self._shaman = shaman
        self._threads = threads
        self._config = config
        self._log_storage = config.local_storage
        self._waiting = waiting
        self._logs = _Chore("moving task logs", self._move_logs, delay=LOG_DELAY)
        self._jobs = _Chore("settling jobs", self._settle_jobs)
        self._removals = _Chore("removing jobs", self._remove_jobs, period=REMOVALS_PERIOD)
        self._job_files_lock = job_files_lock
        self._chores = (
            self._logs,
            self._jobs,
            self._removals,
            _Chore("writing signs of life", self._store_last_seen, period=SIGNS_OF_LIFE_PERIOD),
            _Chore("freeing reserved tasks", self._release_expired, period=RESERVATIONS_PERIOD),
            _Chore("looking for time-outs", self._check_timeouts, period=TIMEOUTS_PERIOD),
            _Chore("looking at sleep schedules", self._check_schedules, period=SCHEDULES_PERIOD),
            _Chore("deleting old jobs", self._delete_old_jobs, period=RETENTION_PERIOD),
            *self._shaman_chores(),
        )

    def start(self) -> None:
        """Begins, with what an earlier run may have left."""
        for chore in self._chores:
            chore.start()

    async def stop(self) -> None:
        """Ends the piece of work at hand, and does no more."""
        for chore in self._chores:
            await chore.stop()

    def use_config(self, config: Config) -> None:
        """From the next piece of work on; how often there is one stays as it was at the start."""
        self._config = config

    def on_events(self, events: Iterable[Event]) -> None:
        """Sees what there is to do after a commit."""
        for event in events:
            if isinstance(event, TaskLogAppended):
                self._logs.due()
            elif isinstance(event, JobUnsettled) or (
                isinstance(event, JobChanged) and event.status in SWEEPS
            ):
                self._jobs.due()
            elif isinstance(event, JobArchived | JobDeletionRequested):
                self._removals.due()

    async def _move_logs(self) -> None:
        while await self._move_some_logs():
            pass

    async def _move_some_logs(self) -> bool:
        """Moves some log text; returns whether there may be more of it."""
        async with self._job_files_lock:
            chunks = await self._farm.run(
                lambda manager: manager.waiting_log_chunks(limit=LOG_PIECES)
            )
            if chunks:
                await self._threads.run(lambda: log_files.write(chunks, self._log_storage))
                await self._farm.run(lambda manager: manager.drop_log_chunks(chunks))
        return len(chunks) == LOG_PIECES

    async def _remove_jobs(self) -> None:
        while removals := await self._farm.run(lambda manager: manager.removals()):
            for removal_id in removals:
                await self._go_on_removing(removal_id)
        after = 0
        while works := await self._file_work(after):
            for work in works:
                await self._carry_out(work)
            after = works[-1].id

    async def _go_on_removing(self, removal_id: int) -> None:
        await self._farm.run(lambda manager: manager.go_on_removing(removal_id))

    async def _file_work(self, after: int) -> list[file_work.Intent]:
        return await self._farm.run(
            lambda manager: manager.file_work(limit=FILE_WORK_AT_ONCE, after=after)
        )

    async def _carry_out(self, work: file_work.Intent) -> None:
        """What fails is tried again the next time, but not for ever."""
        try:
            # Log text that was read before the job lost its tasks must not make its folder anew.
            async with self._job_files_lock:
                await self._threads.run(lambda: self._erase(work))
        except (FlamencoError, OSError) as error:
            failure = error  # the name `error` ends with this block
            is_given_up = await self._farm.run(lambda farm: farm.file_work_failed(work, failure))
            logger.log(
                logging.ERROR if is_given_up else logging.WARNING,
                "Files of the deleted job %s could not be erased%s: %s",
                work.job_uuid,
                "" if is_given_up else ", which will be tried again",
                error,
            )
        else:
            await self._farm.run(lambda manager: manager.file_work_done(work))

    def _erase(self, work: file_work.Intent) -> None:
        file_work.carry_out(work, log_storage=self._log_storage, shaman=self._shaman)

    async def _settle_jobs(self) -> None:
        while job_ids := await self._farm.run(lambda manager: manager.unsettled_jobs()):
            for job_id in job_ids:
                await self._settle(job_id)

    async def _settle(self, job_id: str) -> None:
        await self._farm.run(lambda manager: manager.settle(job_id))

    async def _store_last_seen(self) -> None:
        await self._farm.run(lambda manager: manager.store_last_seen())

    async def _release_expired(self) -> None:
        await self._farm.run(lambda manager: manager.release_expired())

    async def _check_timeouts(self) -> None:
        while await self._farm.run(self._look_for_timeouts):
            pass

    def _look_for_timeouts(self, manager: Manager) -> bool:
        # Who waits inside a request is there, however long the request is held back.
        for worker_id in self._waiting.worker_ids():
            manager.worker_seen(worker_id)
        return manager.check_timeouts()

    async def _check_schedules(self) -> None:
        while await self._farm.run(lambda manager: manager.check_sleep_schedules()):
            pass

    async def _delete_old_jobs(self) -> None:
        while await self._farm.run(lambda manager: manager.delete_old_jobs()):
            pass

    def _shaman_chores(self) -> Iterable[_Chore]:
        shaman, period = self._shaman, self._config.shaman_garbage_period
        if shaman is None:
            return

        async def remove_abandoned_uploads() -> None:
            await self._threads.run(shaman.remove_abandoned_uploads)

        async def collect_garbage() -> None:
            report = await self._threads.run(
                lambda: shaman.collect_garbage(
                    max_age=self._config.shaman_garbage_max_age,
                    also_used_by=self._config.shaman_extra_checkouts,
                )
            )
            if report.removed_files:
                logger.info("Shaman: %s", report)

        yield _Chore("removing abandoned uploads", remove_abandoned_uploads, period=UPLOADS_PERIOD)
        if period:
            yield _Chore("collecting unused files", collect_garbage, period=period)


class _Chore:
    """Something to do at the start and whenever it is due; several calls before that are one."""

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        *,
        delay: timedelta = timedelta(0),
        period: timedelta | None = None,
    ) -> None:
        """`delay` is from when it is due to when it is done; with a `period` it is due again by
        itself.
        """
        self._name = name
        self._work = work
        self._delay = delay
        self._period = period
        self._due = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._due.set()
        self._task = asyncio.create_task(self._run(), name=self._name)

    def due(self) -> None:
        self._due.set()

    async def stop(self) -> None:
        self._stopping.set()
        self._due.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while True:
            await self._wait_until_due()
            if await self._stops_within(self._delay):
                return
            self._due.clear()
            try:
                await self._work()
            except (FlamencoError, OSError) as error:
                logger.warning("%s failed, and will be tried again: %s", self._name, error)
            except Exception:
                logger.exception("%s failed, and will be tried again", self._name)
            else:
                continue
            if await self._stops_within(RETRY_DELAY):
                return
            self._due.set()

    async def _wait_until_due(self) -> None:
        try:
            async with asyncio.timeout(self._period.total_seconds() if self._period else None):
                await self._due.wait()
        except TimeoutError:
            self._due.set()

    async def _stops_within(self, delay: timedelta) -> bool:
        """Waits for a while; True as soon as the service stops."""
        if not delay:
            return self._stopping.is_set()
        try:
            async with asyncio.timeout(delay.total_seconds()):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True
