"""Whether a Manager works, and can do its work; from what its background work has found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from flamenco_core.errors import FlamencoError, Problem

if TYPE_CHECKING:
    from manager_service.background.disk_space import DiskSpace
    from manager_service.write_thread import WriteThread

STUCK_AFTER = timedelta(seconds=30)
"""A write that takes so long will not end by itself."""

SLOW_AFTER = timedelta(seconds=5)
"""Workers and people notice when writes wait for so long."""


@dataclass(slots=True)
class Health:
    """What is known; on the event loop's thread."""

    clock: Callable[[], float] = time.monotonic
    disks: Sequence[DiskSpace] = ()
    findings: int = 0
    """How many things the last check found wrong with the farm."""
    write_lag: timedelta | None = None
    """How long a write took that was tried last: waiting for its turn, writing, syncing."""
    write_error: str = "nothing was written yet"
    _waiting_since: float | None = field(default=None)

    async def probe(self, farm: WriteThread) -> None:
        """Writes something to the database that changes nothing."""
        started = self._waiting_since = self.clock()
        try:
            await farm.run(lambda manager: manager.probe_writing())
        except FlamencoError as error:
            self.write_error = str(error)
            raise
        else:
            self.write_error = ""
        finally:
            self._waiting_since = None
            self.write_lag = timedelta(seconds=self.clock() - started)

    def deadly_problems(self) -> list[Problem]:
        """What only a new start can mend."""
        waited = self._waited()
        if waited < STUCK_AFTER:
            return []
        what = f"the database has not answered for {waited.total_seconds():.0f} s"
        return [Problem("database", what, "start the Manager again")]

    def problems(self) -> list[Problem]:
        """Why requests would fail, or take long; empty if all is well."""
        found = self.deadly_problems() or self._problems_with_writing()
        if self.findings:
            what = f"{self.findings} things are wrong with the farm"
            found.append(Problem("farm", what, "flamenco-manager check tells more"))
        for disk in self.disks:
            if disk.error:
                found.append(Problem(disk.use, f"is out of reach: {disk.error}"))
            elif disk.is_too_little:
                free = f"{disk.free_bytes / 1e6:,.0f} MB"
                found.append(Problem(disk.use, f"its disk has {free} free", "make room"))
        return found

    def _problems_with_writing(self) -> list[Problem]:
        found = [Problem("database", self.write_error)] if self.write_error else []
        # One that has not ended counts, too: what the last one took says nothing of it.
        lag = max(self.write_lag or timedelta(0), self._waited())
        if lag > SLOW_AFTER:
            what = f"a write takes {lag.total_seconds():.0f} s"
            found.append(Problem("database", what, "look for a slow disk, or for less load"))
        return found

    def _waited(self) -> timedelta:
        if self._waiting_since is None:
            return timedelta(0)
        return timedelta(seconds=self.clock() - self._waiting_since)
