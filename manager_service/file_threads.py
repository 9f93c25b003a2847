"""Threads for work on files, so that what is slow holds up only what is like it."""

from __future__ import annotations

import asyncio

from manager_service.threads import Threads

FILE_THREADS = 4
"""Of each kind."""


class FileThreads:
    """A network drive may hang, and a checkout takes as long as its project has files."""

    def __init__(self) -> None:
        self.own = Threads("files", FILE_THREADS)
        """For the Manager's own files: logs, thumbnails, configuration."""
        self.storage = Threads("storage", FILE_THREADS)
        """For a look at the shared storage, or a piece of a file there."""
        self.checkouts = Threads("checkouts", FILE_THREADS)
        """For what is done with each file of a project."""

    async def close(self) -> None:
        for threads in (self.checkouts, self.storage, self.own):
            await asyncio.to_thread(threads.close)
