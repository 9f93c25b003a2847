"""When sessions and tokens were last used: stored now and then, not with every request."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import TYPE_CHECKING

from flamenco_core.errors import FlamencoError
from flamenco_core.rules.accounts import USE_IS_NOTED_AFTER
from manager_service.authentication import Use

if TYPE_CHECKING:
    from flamenco_core.manager import Manager
    from manager_service.write_thread import WriteThread

logger = logging.getLogger(__name__)


class Uses:
    """Writes behind the requests' backs; for the event loop only."""

    def __init__(self, farm: WriteThread) -> None:
        self._farm = farm
        self._writing: dict[tuple[bool, int], asyncio.Task[None]] = {}

    def note(self, use: Use, now: datetime) -> None:
        """Stores a use, unless one that is almost as new is stored already."""
        key = (use.is_session, use.key)
        is_fresh = use.last is not None and now - use.last < USE_IS_NOTED_AFTER
        if not is_fresh and key not in self._writing:
            task = asyncio.create_task(self._write(use))
            self._writing[key] = task
            task.add_done_callback(lambda _: self._writing.pop(key, None))

    async def close(self) -> None:
        """Waits for what is being written."""
        await asyncio.gather(*self._writing.values())

    async def _write(self, use: Use) -> None:
        def write(manager: Manager) -> None:
            if use.is_session and use.created is not None:
                manager.session_used(use.key, created=use.created)
            else:
                manager.token_used(use.key)

        try:
            await self._farm.run(write)
        except FlamencoError as error:
            logger.debug("The use of a login could not be stored: %s", error)
