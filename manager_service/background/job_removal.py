"""Carries out what archiving and deleting jobs leaves to be done, in the database and on disk."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from flamenco_core.errors import FlamencoError
from flamenco_core.manager import file_work
from flamenco_core.shaman import ShamanStore
from manager_service.file_threads import FileThreads
from manager_service.write_thread import WriteThread

logger = logging.getLogger(__name__)

FILE_WORK_AT_ONCE = 100
"""Pieces of work on files that are fetched in one go."""


class JobRemoval:
    """Goes on where a crash cut it off, since what is to be done lies in the database."""

    def __init__(
        self,
        farm: WriteThread,
        threads: FileThreads,
        log_storage: Path,
        shaman: ShamanStore | None,
        job_files_lock: asyncio.Lock,
    ) -> None:
        """`job_files_lock` keeps files from appearing in a job's folder while it is erased."""
        self._farm = farm
        self._threads = threads
        self._log_storage = log_storage
        self._shaman = shaman
        self._job_files_lock = job_files_lock

    async def go_on(self) -> None:
        while removals := await self._farm.run(lambda manager: manager.removals()):
            for removal_id in removals:
                await self._go_on_with(removal_id)
        after = 0
        while works := await self._file_work(after):
            for work in works:
                await self._carry_out(work)
            after = works[-1].id

    async def _go_on_with(self, removal_id: int) -> None:
        await self._farm.run(lambda manager: manager.go_on_removing(removal_id))

    async def _file_work(self, after: int) -> list[file_work.Intent]:
        return await self._farm.run(
            lambda manager: manager.file_work(limit=FILE_WORK_AT_ONCE, after=after)
        )

    async def _carry_out(self, work: file_work.Intent) -> None:
        """What fails is tried again the next time, but not for ever."""
        try:
            await self._erase(work)
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

    async def _erase(self, work: file_work.Intent) -> None:
        def erase() -> None:
            file_work.carry_out(work, log_storage=self._log_storage, shaman=self._shaman)

        if work.kind is file_work.IntentKind.ERASE_CHECKOUT:
            await self._threads.checkouts.run(erase)
            return
        # Log text that was read before the job lost its tasks must not make its folder anew.
        async with self._job_files_lock:
            await self._threads.own.run(erase)
