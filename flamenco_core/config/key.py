"""What there is to know about one setting of `flamenco-manager.yaml`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flamenco_core.config.document import Entry

ENVIRONMENT_PREFIX = "FLAMENCO_"


@dataclass(frozen=True, slots=True)
class Key:
    """One setting."""

    path: str
    """Where it stands in the file: `shaman.garbageCollect.period`."""
    field: str
    """The field of `Config`, or of what one of its fields holds: `mqtt.broker`."""
    read: Callable[[Entry], Any]
    """`None` stands for "not set": the default remains."""
    old_names: tuple[str, ...] = ()
    is_secret: bool = False
    """Whether its value is never told to anybody, only whether there is one."""
    is_live: bool = False
    """Whether a change counts at once; any other waits for the next start of the Manager."""

    @property
    def environment_name(self) -> str:
        """`FLAMENCO_SHAMAN_GARBAGE_COLLECT_PERIOD`."""
        snake = re.sub(r"([a-z])([A-Z])", r"\1_\2", self.path.replace(".", "_"))
        return ENVIRONMENT_PREFIX + snake.upper()
