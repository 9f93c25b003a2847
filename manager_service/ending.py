"""Why a running Manager ends: because somebody stops it, or to start anew."""

from __future__ import annotations

import asyncio
from enum import StrEnum


class End(StrEnum):
    STOP = "stop"
    RESTART = "restart"
    """Stop, read the configuration again, and run again in the same process, so that who watches
    over the process (a terminal, systemd, Blender) sees nothing of it."""


class Ending:
    """Waited for by whoever runs the Manager; on the event loop's thread only."""

    def __init__(self) -> None:
        self._end: End | None = None
        self._has_come = asyncio.Event()

    def stop(self) -> None:
        """Lets the Manager stop, whatever was wanted before."""
        self._end = End.STOP
        self._has_come.set()

    def restart(self) -> None:
        """Lets it stop and run again, unless it is stopping already.

        Look at the configuration first: with one that cannot be used, it does not come back.
        """
        self._end = self._end or End.RESTART
        self._has_come.set()

    @property
    def is_near(self) -> bool:
        """Whether the Manager is about to end, and so should not be asked for more."""
        return self._end is not None

    async def wait(self) -> End:
        await self._has_come.wait()
        return self._end or End.STOP
