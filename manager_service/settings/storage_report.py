"""Where the Manager keeps things, how much room there is, and what the content store holds."""

from __future__ import annotations

import asyncio
import shutil
import time
from datetime import timedelta
from pathlib import Path

from flamenco_core.config import Config
from flamenco_core.model.configuration import ShamanUsage, StorageFolder, StorageReport
from flamenco_core.shaman.usage import usage_of
from manager_service.settings.limited_work import within

TIME_LIMIT = timedelta(seconds=10)
"""For a folder to answer."""

COUNTING_LIMIT = timedelta(seconds=5)
"""For counting what the content store holds; what is there by then is told."""

_COUNT_IS_GOOD_FOR = timedelta(minutes=1)


class StorageOverview:
    """On the event loop's thread only; folders are looked at on others."""

    def __init__(self) -> None:
        self._counting = asyncio.Lock()
        self._usage: ShamanUsage | None = None
        self._counted_at = 0.0

    async def report(self, config: Config) -> StorageReport:
        """Folders that do not answer in time are named with that as their problem."""
        database = config.database_file
        shared, jobs, local, of_database = await asyncio.gather(
            _folder(config.shared_storage),
            _folder(config.job_storage),
            _folder(config.local_storage),
            _folder(database.parent),
        )
        return StorageReport(
            shared=shared,
            jobs=jobs,
            local=local,
            database=of_database,
            database_bytes=await asyncio.to_thread(_database_bytes, database),
            shaman=await self._shaman(config) if config.shaman_enabled else None,
        )

    async def _shaman(self, config: Config) -> ShamanUsage:
        """However many ask, one counts, and not all the time."""
        async with self._counting:
            age = time.monotonic() - self._counted_at
            if self._usage is None or age > _COUNT_IS_GOOD_FOR.total_seconds():
                self._usage = await _counted(config.file_store)
                self._counted_at = time.monotonic()
            return self._usage


async def _counted(file_store: Path) -> ShamanUsage:
    end = time.monotonic() + COUNTING_LIMIT.total_seconds()
    try:
        usage = await within(
            TIME_LIMIT, lambda: usage_of(file_store, is_time_up=lambda: time.monotonic() > end)
        )
    except TimeoutError:
        return ShamanUsage(files=0, bytes=0, is_complete=False)
    return ShamanUsage(files=usage.files, bytes=usage.bytes, is_complete=usage.is_complete)


async def _folder(path: Path) -> StorageFolder:
    try:
        return await within(TIME_LIMIT, lambda: _measured(path))
    except TimeoutError:
        problem = f"it does not answer within {TIME_LIMIT.total_seconds():.0f} seconds"
        return StorageFolder(path=str(path), exists=False, problem=problem)


def _measured(path: Path) -> StorageFolder:
    # A folder that nothing was kept in yet will lie on the disk of the nearest one that is there.
    nearest = next((each for each in (path, *path.parents) if each.exists()), path)
    try:
        usage = shutil.disk_usage(nearest)
    except OSError as error:
        problem = error.strerror or str(error)
        return StorageFolder(path=str(path), exists=nearest == path, problem=problem)
    return StorageFolder(
        path=str(path),
        exists=nearest == path,
        total_bytes=usage.total,
        free_bytes=usage.free,
    )


def _database_bytes(file: Path) -> int:
    """With the journal, which can be larger than the file itself."""
    found = (file.with_name(f"{file.name}{suffix}") for suffix in ("", "-wal", "-shm"))
    return sum(path.stat().st_size for path in found if path.exists())
