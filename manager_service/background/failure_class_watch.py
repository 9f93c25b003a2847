"""Takes over what a studio writes into its file of failure classes while the Manager runs."""

from __future__ import annotations

import logging
from pathlib import Path

from flamenco_core.manager.failure_class_file import FAILURE_CLASSES_FILE, FailureClassFile
from manager_service.threads import Threads
from manager_service.write_thread import WriteThread

logger = logging.getLogger(__name__)


class FailureClassWatch:
    """A file with mistakes changes nothing: the Manager goes on with what it had."""

    def __init__(self, farm: WriteThread, threads: Threads, home: Path) -> None:
        self._farm = farm
        self._threads = threads
        self._file = FailureClassFile(home)

    async def look(self) -> None:
        """Looks whether the file has changed.

        Raises:
            InvalidInput: with every mistake in it.
            StorageError: if it cannot be read.
        """
        classes = await self._threads.run(self._file.news)
        if classes is not None:
            await self._farm.run(lambda manager: manager.use_failure_classes(classes))
            logger.info("%s has changed, and is used from now on", FAILURE_CLASSES_FILE)
