"""When a Blender that is kept open between tasks is better replaced by a new one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_MEGABYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingRules:
    """How long a Blender is kept."""

    is_on: bool = True
    idle: timedelta = timedelta(minutes=2)
    """Without a task; until then it takes memory that others may want."""
    frames: int = 500
    """After so many it is replaced, whatever it may have gathered."""
    growth_factor: float = 1.5
    growth_bytes: int = 512 * _MEGABYTES
    """It may have so many times the memory that it had after its first task, and so much more."""

    def why_replace(self, frames: int, first_memory: int | None, memory: int | None) -> str:
        """Why a Blender that has rendered so many frames is done with; empty if it is not.

        Memory is in bytes, after its first task and now; None where it is not known.
        """
        if frames >= self.frames:
            return f"it has rendered {frames} frames"
        if first_memory is None or memory is None:
            return ""
        if memory > first_memory * self.growth_factor + self.growth_bytes:
            grown = f"from {first_memory // _MEGABYTES} to {memory // _MEGABYTES} MB"
            return f"its memory has grown {grown}"
        return ""
