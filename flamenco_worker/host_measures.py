"""What this machine is doing at a moment, all programs together."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from flamenco_core.model import HostSample
from flamenco_worker.graphics_cards import CardReader, find_cards

_NOT_OF_THE_NETWORK = ("lo", "Loopback", "veth", "docker", "br-", "virbr", "ifb")
"""What the names of interfaces begin with whose bytes never leave the machine, or are counted by
another interface, too.
"""


class _Moved(NamedTuple):
    """Bytes since the machine started, by where they went."""

    network_received: int
    network_sent: int
    disk_read: int
    disk_written: int


class HostMeasures:
    """Takes samples. Rates and the processor's load are means since the sample before.

    To be used by one thread only.
    """

    def __init__(
        self,
        folder: Path | None = None,
        cards: Sequence[CardReader] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`folder` is the one whose disk counts: by default that of temporary files."""
        self._folder = folder or Path(tempfile.gettempdir())
        self._cards = find_cards() if cards is None else cards
        self._clock = clock
        self._taken_at = clock()
        self._moved = _moved()
        psutil.cpu_percent()

    def take(self) -> HostSample:
        """A sample of now; what cannot be measured here is absent."""
        now, moved = self._clock(), _moved()
        elapsed = max(now - self._taken_at, 0.001)
        # Counters begin anew when an interface goes.
        rates = [
            max(0, round((after - before) / elapsed))
            for before, after in zip(self._moved, moved, strict=True)
        ]
        self._taken_at, self._moved = now, moved
        memory = psutil.virtual_memory()
        uses = [use for reader in self._cards for use in reader.read()]
        return HostSample(
            cpu_percent=min(100.0, psutil.cpu_percent()),
            memory_used=memory.total - memory.available,
            gpu_percent=max((min(100.0, use.percent) for use in uses), default=None),
            gpu_memory_used=max((use.memory_used for use in uses), default=None),
            disk_free=_free(self._folder),
            **_Moved(*rates)._asdict(),
        )


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _moved() -> _Moved:
    interfaces = psutil.net_io_counters(pernic=True)
    network = [
        counted for name, counted in interfaces.items() if not name.startswith(_NOT_OF_THE_NETWORK)
    ]
    disks = psutil.disk_io_counters()  # None on machines without a disk of their own
    return _Moved(
        network_received=sum(counted.bytes_recv for counted in network),
        network_sent=sum(counted.bytes_sent for counted in network),
        disk_read=disks.read_bytes if disks else 0,
        disk_written=disks.write_bytes if disks else 0,
    )
