"""Sends whole task logs to the server, one at a time, when it asks for them."""

from __future__ import annotations

import asyncio
import gzip
import logging
import tempfile
from typing import IO

from flamenco_core.errors import FlamencoError, NotFound
from flamenco_core.store.upstream_reader import UpstreamReader
from manager_service.upstream.connection import ServerConnection
from manager_service.upstream.farm_reading import FarmReading
from manager_service.upstream.state import LinkState

logger = logging.getLogger(__name__)

NO_LOG = "This Manager has no log of this task.\n"

_COMPRESSION = 9


class LogUploads:
    """A log that is asked for again before it is sent is sent once.

    One that fails is dropped: the server repeats what it misses with each answer to updates.
    """

    def __init__(
        self, reading: FarmReading, connection: ServerConnection, state: LinkState
    ) -> None:
        self._reading = reading
        self._connection = connection
        self._state = state
        self._wanted: dict[str, None] = {}
        self._due = asyncio.Event()

    def ask_for(self, task_id: str) -> None:
        self._wanted.setdefault(task_id)
        self._due.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._due.clear()
            for task_id in list(self._wanted):
                self._state.log_upload.begins()
                try:
                    await self._upload(task_id)
                except (FlamencoError, OSError) as error:
                    logger.warning("The log of task %s was not sent: %s", task_id, error)
                    self._state.log_upload.failed(str(error))
                else:
                    self._state.log_upload.succeeded(f"the log of task {task_id}")
                # Only now, so that being asked once more meanwhile changes nothing.
                del self._wanted[task_id]
            await self._due.wait()

    async def _upload(self, task_id: str) -> None:
        with await asyncio.to_thread(tempfile.TemporaryFile) as file:
            await self._reading.read(lambda reader: _compress(reader, task_id, file))
            await self._connection.attach_log(task_id, file)


def _compress(reader: UpstreamReader, task_id: str, file: IO[bytes]) -> None:
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_COMPRESSION) as compressed:
        size = 0
        try:
            for text in reader.log_of(task_id):
                size += compressed.write(text.encode())
        except NotFound:
            pass
        if not size:
            compressed.write(NO_LOG.encode())
    file.seek(0)
