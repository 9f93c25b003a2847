"""All chores of a Manager: which there are, how often each is done, and what makes one due.

All of it starts from what lies on disk, so that a crash only means doing it at the next start.
Workers' signs of life travel with the next change of the farm; here they are written when there
has been none for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from flamenco_core.config import Config
from flamenco_core.events import (
    Event,
    JobArchived,
    JobChanged,
    JobDeletionRequested,
    JobUnsettled,
    TaskLogAppended,
)
from flamenco_core.manager import Manager, log_files
from flamenco_core.rules.lifecycle import SWEEPS
from flamenco_core.shaman import ShamanStore
from manager_service.background import disk_space, integrity, unused_checkouts
from manager_service.background.chore import Chore
from manager_service.background.failure_class_watch import FailureClassWatch
from manager_service.background.job_removal import JobRemoval
from manager_service.checkouts_in_hand import CheckoutsInHand
from manager_service.file_threads import FileThreads
from manager_service.health import Health
from manager_service.threads import Threads
from manager_service.waiting import WaitingWorkers
from manager_service.write_thread import WriteThread

logger = logging.getLogger(__name__)

LOG_DELAY = timedelta(seconds=2)
"""How long log text stays in the database at least, so that many pieces go to a file at once."""

LOG_PIECES = 500
"""Pieces of log text that are moved in one go."""

LOG_REST = 3
"""After moving some, this many times as long is waited before the next ones are moved."""
LONGEST_LOG_REST = timedelta(seconds=5)
LOG_BACKLOG = 100_000
"""With more pieces than this waiting there is no rest."""

COMPRESSION_PERIOD = timedelta(minutes=1)
"""How often logs of attempts are looked for that are over."""

LOGS_TO_COMPRESS = 20
"""How many of them are fetched in one go."""

UPLOADS_PERIOD = timedelta(hours=1)
"""How often uploads are looked for that nobody goes on with."""

CHECKOUTS_PERIOD = timedelta(hours=1)
"""How often checkouts are looked for that no job came for."""

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
"""How often jobs are looked for that were done long ago, and workers that are gone for good."""

DISKS_PERIOD = timedelta(minutes=1)
"""How often the room on the disks is looked at."""

FAILURE_CLASSES_PERIOD = timedelta(seconds=10)
"""How often the studio's own failure classes are looked at for changes."""

PROBE_PERIOD = timedelta(seconds=10)
"""How often it is tried whether the database can be written."""


class BackgroundWork:
    """Runs on the event loop; what blocks goes to the write thread and to other threads."""

    def __init__(
        self,
        farm: WriteThread,
        threads: FileThreads,
        config: Config,
        shaman: ShamanStore | None,
        waiting: WaitingWorkers,
        job_files_lock: asyncio.Lock,
        health: Health,
        checkouts_in_hand: CheckoutsInHand,
    ) -> None:
        """`job_files_lock` keeps files from appearing in a job's folder while it is erased."""
        self._farm = farm
        self._shaman = shaman
        self._threads = threads.own
        # A network drive that hangs, or a large farm that is read, holds up nothing else.
        self._slow = Threads("slow-chores", 2)
        self._config = config
        self._log_storage = config.local_storage
        self._waiting = waiting
        self._job_files_lock = job_files_lock
        self._health = health
        self._checkouts_in_hand = checkouts_in_hand
        self._integrity = integrity.IntegrityCheck(config.database_file)
        self._removal = JobRemoval(farm, threads, self._log_storage, shaman, job_files_lock)
        self._failure_classes = FailureClassWatch(farm, threads.own, config.home)
        self._logs = Chore("task-logs", "Moving task logs", self._move_logs, delay=LOG_DELAY)
        self._compression = Chore(
            "compress-logs", "Compressing task logs", self._compress_logs, period=COMPRESSION_PERIOD
        )
        self._jobs = Chore("settle-jobs", "Settling jobs", self._settle_jobs)
        self._used_checkouts = unused_checkouts.UsedCheckouts(shaman) if shaman else None
        self._claims = Chore("used-checkouts", "Noting used checkouts", self._claim_checkouts)
        self._removals = Chore(
            "remove-jobs", "Removing jobs", self._removal.go_on, period=REMOVALS_PERIOD
        )
        self.chores: Sequence[Chore] = (
            self._logs,
            self._compression,
            self._jobs,
            self._removals,
            self._claims,
            *self._farm_chores(),
            *self._storage_chores(),
            *self._shaman_chores(),
        )

    def start(self) -> None:
        """Begins, with what an earlier run may have left."""
        for chore in self.chores:
            chore.start()

    async def stop(self) -> None:
        """Ends the piece of work at hand, and does no more."""
        await asyncio.gather(*(chore.stop() for chore in self.chores))
        await asyncio.to_thread(self._slow.close)

    def use_config(self, config: Config) -> None:
        """From the next piece of work on; how often there is one stays as it was at the start."""
        self._config = config

    def checkout_used(self, path: str) -> None:
        """A job was stored whose files lie in this checkout."""
        if self._used_checkouts is not None:
            self._used_checkouts.add(path)
            self._claims.due()

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

    def _farm_chores(self) -> Iterator[Chore]:
        for name, what, work, period in (
            ("signs-of-life", "Writing signs of life", self._store_seen, SIGNS_OF_LIFE_PERIOD),
            ("reservations", "Freeing reserved tasks", self._release, RESERVATIONS_PERIOD),
            ("time-outs", "Looking for time-outs", self._check_timeouts, TIMEOUTS_PERIOD),
            ("sleep-schedules", "Looking at schedules", self._check_schedules, SCHEDULES_PERIOD),
            ("job-retention", "Deleting old jobs", self._delete_old_jobs, RETENTION_PERIOD),
            ("job-archiving", "Archiving old jobs", self._archive_old_jobs, RETENTION_PERIOD),
            ("worker-cleanup", "Forgetting workers", self._forget_workers, RETENTION_PERIOD),
            ("audit-retention", "Forgetting records", self._forget_audit, RETENTION_PERIOD),
        ):
            yield Chore(name, what, work, period=period)

    def _storage_chores(self) -> Iterator[Chore]:
        yield Chore("database-probe", "Trying the database", self._probe, period=PROBE_PERIOD)
        yield Chore("disk-space", "Looking at the disks", self._look_at_disks, period=DISKS_PERIOD)
        if self._config.database_check_period:
            yield Chore(
                "integrity",
                "Checking the farm",
                self._check_integrity,
                period=self._config.database_check_period,
                at_start=False,
                interrupt=self._integrity.interrupt,
            )

        yield Chore(
            *("failure-classes", "Reading failure classes", self._failure_classes.look),
            period=FAILURE_CLASSES_PERIOD,
        )

    def _shaman_chores(self) -> Iterator[Chore]:
        shaman, period = self._shaman, self._config.shaman_garbage_period
        if shaman is None:
            return

        async def remove_abandoned_uploads() -> str:
            count = await self._slow.run(shaman.remove_abandoned_uploads)
            return f"{count} were removed"

        async def collect_garbage() -> str:
            report = await self._slow.run(
                lambda: shaman.collect_garbage(
                    max_age=self._config.shaman_garbage_max_age,
                    also_used_by=self._config.shaman_extra_checkouts,
                )
            )
            if report.removed_files:
                logger.info("Shaman: %s", report)
            return str(report)

        async def remove_unused_checkouts() -> str:
            return await self._slow.run(
                lambda: unused_checkouts.look(
                    shaman,
                    self._config,
                    self._checkouts_in_hand,
                    stops=lambda: checkouts.is_stopping,
                )
            )

        checkouts = Chore(
            *("unused-checkouts", "Removing unused checkouts", remove_unused_checkouts),
            period=CHECKOUTS_PERIOD,
            at_start=False,  # a submission may have waited until the Manager was back
        )
        yield checkouts
        yield Chore(
            *("abandoned-uploads", "Removing abandoned uploads", remove_abandoned_uploads),
            period=UPLOADS_PERIOD,
        )
        if period:
            yield Chore("shaman-garbage", "Collecting unused files", collect_garbage, period=period)

    async def _claim_checkouts(self) -> None:
        if self._used_checkouts is not None:
            await self._slow.run(self._used_checkouts.claim)

    async def _move_logs(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while await self._move_some_logs():
            # Syncing many files holds up the commits, for which somebody waits.
            rest = LOG_REST * timedelta(seconds=loop.time() - began)
            if await self._farm.run(lambda manager: manager.log_backlog()) > LOG_BACKLOG:
                rest = timedelta(0)
            if await self._logs.stops_within(min(rest, LONGEST_LOG_REST)):
                return
            began = loop.time()

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

    async def _compress_logs(self) -> str:
        count = 0
        last: log_files.FinishedLog | None = None
        while finished := await self._finished_logs(last):
            for log in finished:
                if await self._compression.stops_within(timedelta(0)):
                    break
                await self._compress(log)
                count += 1
            last = finished[-1]
        return f"{count} were compressed"

    async def _compress(self, log: log_files.FinishedLog) -> None:
        async with self._job_files_lock:
            await self._slow.run(lambda: log_files.compress([log], self._log_storage))
            await self._farm.run(lambda manager: manager.logs_compressed([log]))

    async def _finished_logs(
        self, after: log_files.FinishedLog | None
    ) -> list[log_files.FinishedLog]:
        if await self._compression.stops_within(timedelta(0)):
            return []
        return await self._farm.run(
            lambda manager: manager.logs_to_compress(limit=LOGS_TO_COMPRESS, after=after)
        )

    async def _settle_jobs(self) -> None:
        while job_ids := await self._farm.run(lambda manager: manager.unsettled_jobs()):
            for job_id in job_ids:
                await self._settle(job_id)

    async def _settle(self, job_id: str) -> None:
        await self._farm.run(lambda manager: manager.settle(job_id))

    async def _store_seen(self) -> None:
        await self._farm.run(lambda manager: manager.store_last_seen())

    async def _release(self) -> None:
        await self._farm.run(lambda manager: manager.release_expired())

    async def _check_timeouts(self) -> None:
        while await self._farm.run(self._look_for_timeouts):
            pass

    def _look_for_timeouts(self, manager: Manager) -> bool:
        # Who waits inside a request is there, however long the request is held back.
        for worker_id in self._waiting.present():
            manager.worker_seen(worker_id)
        return manager.check_timeouts()

    async def _check_schedules(self) -> None:
        while await self._farm.run(lambda manager: manager.check_sleep_schedules()):
            pass

    async def _delete_old_jobs(self) -> str:
        count = 0
        while deleted := await self._farm.run(lambda manager: manager.delete_old_jobs()):
            count += deleted
        return f"{count} jobs are being deleted"

    async def _archive_old_jobs(self) -> str:
        count = 0
        while archived := await self._farm.run(lambda manager: manager.archive_old_jobs()):
            count += archived
        return f"{count} jobs were archived"

    async def _forget_workers(self) -> str:
        count = 0
        while gone := await self._farm.run(lambda manager: manager.forget_old_workers()):
            count += gone
        return f"{count} workers were forgotten"

    async def _forget_audit(self) -> str:
        count = 0
        while gone := await self._farm.run(lambda manager: manager.forget_old_audit()):
            count += gone
        return f"{count} rows of the audit log were forgotten"

    async def _probe(self) -> None:
        await self._health.probe(self._farm)

    async def _look_at_disks(self) -> str:
        disks = await self._slow.run(lambda: disk_space.measure(self._config))
        disk_space.warn(self._health.disks, disks)
        self._health.disks = disks
        return ", ".join(
            f"{disk.use}: {disk.error or f'{disk.free_bytes / 1e9:,.1f} GB free'}" for disk in disks
        )

    async def _check_integrity(self) -> str:
        findings = await self._slow.run(self._integrity.run)
        self._health.findings = len(findings)
        return integrity.tell(findings)
