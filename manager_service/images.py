"""Takes in images that workers have rendered, and makes a job's thumbnails of the newest.

A worker is never kept waiting, and no job holds up the others: of each job at most one image
waits, the newest, and the jobs take turns. What waits is in memory only: after a crash, the next
image comes soon enough. What a picture costs is spent in another process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from flamenco_core import last_rendered
from flamenco_core.errors import FlamencoError, NotFound, Unavailable
from flamenco_core.last_rendered import UnusableImage
from manager_service.image_process import ImageProcess
from manager_service.threads import Threads
from manager_service.write_thread import WriteThread

logger = logging.getLogger(__name__)

MOST_WAITING_BYTES = 512 * 2**20
"""Of all images that wait or arrive, so that a farm gone wild cannot use up the memory."""


class WaitingImages:
    """The newest image of each job, in the order in which the jobs began to wait."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._images: dict[str, bytes] = {}

    @contextlib.contextmanager
    def room_for(self, length: int) -> Iterator[None]:
        """Keeps room for an image while it arrives.

        Raises:
            Unavailable: if too much waits already.
        """
        if self._bytes + length > self._most_bytes:
            raise Unavailable("Too many images wait to be shown")
        self._bytes += length
        try:
            yield
        finally:
            self._bytes -= length

    def put(self, job_id: str, image: bytes) -> None:
        """An image that waits already is forgotten; the new one has its place in the order."""
        self._bytes += len(image) - len(self._images.get(job_id, b""))
        self._images[job_id] = image

    def take(self) -> tuple[str, bytes] | None:
        """The next job with its image; None if none waits."""
        job_id = next(iter(self._images), None)
        if job_id is None:
            return None
        image = self._images.pop(job_id)
        self._bytes -= len(image)
        return job_id, image


class RenderedImages:
    """Runs on the event loop, except for what blocks."""

    def __init__(
        self,
        farm: WriteThread,
        file_threads: Threads,
        storage: Path,
        *,
        job_files_lock: asyncio.Lock,
    ) -> None:
        """`job_files_lock` keeps files from appearing in a job's folder while it is erased."""
        self.waiting = WaitingImages(MOST_WAITING_BYTES)
        self._farm = farm
        self._file_threads = file_threads
        self._storage = storage
        self._job_files_lock = job_files_lock
        self._process = ImageProcess()
        self._threads = Threads("images", 1)
        self._arrived = asyncio.Event()
        self._is_stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="making thumbnails")

    async def stop(self) -> None:
        """Ends the image at hand, and forgets those that wait."""
        self._is_stopping = True
        self._arrived.set()
        await asyncio.to_thread(self._process.close)
        if self._task is not None:
            await self._task
        await asyncio.to_thread(self._threads.close)

    def offer(self, job_id: str, image: bytes) -> None:
        """Returns at once; the thumbnails are made when it is the job's turn."""
        self.waiting.put(job_id, image)
        self._arrived.set()

    async def _run(self) -> None:
        while not self._is_stopping:
            await self._arrived.wait()
            self._arrived.clear()
            while not self._is_stopping and (next_one := self.waiting.take()):
                await self._show(*next_one)

    async def _show(self, job_id: str, image: bytes) -> None:
        try:
            jpegs = await self._threads.run(lambda: self._process.thumbnails(image))
            await self._store(job_id, jpegs)
        except UnusableImage as error:
            logger.warning("An image of the job %s is not shown: %s", job_id, error.message)
        except (FlamencoError, OSError) as error:
            if not self._is_stopping:
                _log_failure(job_id, error)
        except Exception:
            logger.exception("Internal error with an image of the job %s", job_id)

    async def _store(self, job_id: str, jpegs: list[bytes]) -> None:
        async with self._job_files_lock:
            await self._farm.run(lambda manager: manager.refuse_image(job_id))
            await self._file_threads.run(
                lambda: last_rendered.write_thumbnails(self._storage, job_id, jpegs)
            )
            await self._farm.run(lambda manager: manager.image_rendered(job_id))


def _log_failure(job_id: str, error: Exception) -> None:
    # A job that was deleted meanwhile needs no image any more.
    level = logging.DEBUG if isinstance(error, NotFound) else logging.WARNING
    logger.log(level, "An image of the job %s is not shown: %s", job_id, error)
