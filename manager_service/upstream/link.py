"""The link as a whole: what speaks to the server, started and stopped together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from typing import Any

from flamenco_core.config import Config
from flamenco_core.events import Event
from manager_service.upstream.connection import ServerConnection
from manager_service.upstream.downloading import Downloader
from manager_service.upstream.farm_reading import FarmReading
from manager_service.upstream.log_uploads import LogUploads
from manager_service.upstream.notifying import Notifier
from manager_service.upstream.pushing import Pusher
from manager_service.upstream.state import LinkState
from manager_service.upstream.verifying import Verifier
from manager_service.write_thread import WriteThread

logger = logging.getLogger(__name__)

RESTART_SECONDS = 30
"""After an error that nobody has foreseen."""


class UpstreamLink:
    """Runs on the event loop. What it has not said yet is in the farm file.

    All communication starts here. Nothing of the farm waits for the server: the write thread is
    asked for short pieces of work between requests, and never during one.
    """

    def __init__(self, config: Config, farm: WriteThread, *, address: str = "") -> None:
        """`address` is where this Manager is reached, unless the configuration says so."""
        link = config.upstream
        self.state = LinkState(link)
        self._reading = FarmReading(config)
        self._connection = ServerConnection(link)
        parts = (farm, self._reading, self._connection)
        verifier = Verifier(*parts)
        self._downloads = Downloader(link, *parts, self.state, verifier=verifier)
        self._logs = LogUploads(self._reading, self._connection, self.state)
        self._notices = Notifier(config, address, self._reading, self._connection, self.state)
        self._pushes = Pusher(
            link,
            *parts,
            self.state,
            verifier=verifier,
            on_told=self._downloads.server_was_told,
            on_wanted_log=self._logs.ask_for,
        )
        self._url = link.url
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = AsyncExitStack()

    async def start(self) -> None:
        """Begins to speak to the server; whether it answers does not matter."""
        self._closing.push_async_callback(self._reading.close)
        await self._closing.enter_async_context(self._connection)
        logger.info("Linked to the Flamenco Server %s", self._url)
        for name, run in (
            ("pushing updates", self._pushes.run),
            ("downloading tasks", self._downloads.run),
            ("uploading logs", self._logs.run),
            ("notifying the server", self._notices.run),
        ):
            self._tasks.append(asyncio.create_task(self._keep_running(name, run), name=name))

    async def stop(self) -> None:
        """Breaks off what is being said; the rest is said after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._closing.aclose()

    def on_events(self, events: Iterable[Event]) -> None:
        """Sees what the server should know after a commit."""
        for event in events:
            self._notices.on_event(event)

    def worker_found_nothing(self) -> None:
        """A worker asked for a task in vain: the server may have some."""
        self._downloads.ask_soon()

    async def _keep_running(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await run()
            except Exception:
                logger.exception("%s failed, and will be tried again", name.capitalize())
                await asyncio.sleep(RESTART_SECONDS)
