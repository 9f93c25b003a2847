"""The link's own thread for reading the farm, with a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flamenco_core.config import Config
from flamenco_core.store.upstream_reader import UpstreamReader
from manager_service.threads import Threads

T = TypeVar("T")


class FarmReading:
    """Runs functions of an `UpstreamReader`, one at a time."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._threads = Threads("upstream", 1)
        self._reader: UpstreamReader | None = None

    async def read(self, function: Callable[[UpstreamReader], T]) -> T:
        """Runs `function` on the thread; raises what it raises."""
        return await self._threads.run(lambda: function(self._opened()))

    async def run(self, function: Callable[[], T]) -> T:
        """Runs something else there that would hold up the event loop."""
        return await self._threads.run(function)

    async def close(self) -> None:
        await self._threads.run(self._close)
        self._threads.close()

    def _opened(self) -> UpstreamReader:
        if self._reader is None:
            config = self._config
            self._reader = UpstreamReader.open(
                config.database_file, log_storage=config.local_storage
            )
        return self._reader

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
