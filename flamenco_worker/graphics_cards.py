"""How busy the graphics cards of this machine are, and how full.

Cards of NVIDIA tell it everywhere through their driver's library, those of AMD on Linux through
files of the kernel. Others do not tell without programs of their own; they are left out.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

log = logging.getLogger(__name__)

LINUX_CARDS = Path("/sys/class/drm")


@dataclass(frozen=True, slots=True)
class CardUse:
    """What a card was doing at a moment."""

    percent: float
    memory_used: int
    """Bytes."""


class CardReader(Protocol):
    """A way to ask cards of one kind."""

    def read(self) -> list[CardUse]:
        """One for each card that tells."""

    def memory(self) -> list[int]:
        """The bytes that each card has."""


def find_cards() -> Sequence[CardReader]:
    """The ways that work on this machine; none if it has no card that tells."""
    readers: list[CardReader] = []
    if (nvidia := _nvidia()) is not None:
        readers.append(nvidia)
    if sys.platform == "linux":
        readers.append(AmdCards(LINUX_CARDS))
    return readers


def largest_memory() -> int | None:
    """Bytes of the card that has most; None if none tells."""
    return max((size for reader in find_cards() for size in reader.memory()), default=None)


class NvidiaCards:
    """Cards that NVIDIA's library knows."""

    def __init__(self, library: Any) -> None:
        """`library` is the module `pynvml`, initialised."""
        self._library = library
        self._cards = [
            library.nvmlDeviceGetHandleByIndex(index)
            for index in range(library.nvmlDeviceGetCount())
        ]

    def read(self) -> list[CardUse]:
        found = []
        for card in self._cards:
            try:
                percent = self._library.nvmlDeviceGetUtilizationRates(card).gpu
                memory = self._library.nvmlDeviceGetMemoryInfo(card).used
            except self._library.NVMLError as error:
                log.debug("a graphics card does not tell how busy it is: %s", error)
                continue
            found.append(CardUse(float(percent), int(memory)))
        return found

    def memory(self) -> list[int]:
        found = []
        for card in self._cards:
            try:
                found.append(int(self._library.nvmlDeviceGetMemoryInfo(card).total))
            except self._library.NVMLError as error:
                log.debug("a graphics card does not tell its memory: %s", error)
        return found


class AmdCards:
    """Cards whose driver in the Linux kernel writes what they do into files."""

    def __init__(self, folder: Path) -> None:
        self._devices = sorted(path.parent for path in folder.glob("card*/device/gpu_busy_percent"))

    def read(self) -> list[CardUse]:
        found = []
        for device in self._devices:
            try:
                percent = float((device / "gpu_busy_percent").read_text())
                memory = int((device / "mem_info_vram_used").read_text())
            except (OSError, ValueError) as error:  # a card that sleeps does not answer
                log.debug("%s does not tell how busy it is: %s", device, error)
                continue
            found.append(CardUse(percent, memory))
        return found

    def memory(self) -> list[int]:
        found = []
        for device in self._devices:
            try:
                found.append(int((device / "mem_info_vram_total").read_text()))
            except (OSError, ValueError) as error:
                log.debug("%s does not tell its memory: %s", device, error)
        return found


def _nvidia() -> NvidiaCards | None:
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        return NvidiaCards(pynvml)
    except pynvml.NVMLError as error:
        log.debug("there is no graphics card of NVIDIA to ask: %s", error)
        return None
