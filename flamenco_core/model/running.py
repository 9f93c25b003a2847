"""How a Manager is doing: whether it is healthy, and what it does by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """A Manager that is alive, or ready; one that is not answers with `Error`."""

    status: str
    """`alive` or `ready`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundChore:
    """Something that a Manager does by itself; figures are since its start."""

    name: str
    description: str
    interval_seconds: float | None = None
    """Absent if it is only done when something has happened."""
    is_running: bool
    runs: int
    failures: int
    result: str
    """What there is to tell of the last time that went well."""
    error: str
    """Why it failed the last time; empty if it did not."""
    last_start: datetime | None = None
    last_duration_seconds: float | None = None
    next_run: datetime | None = None
    """When it is due by the clock; it may be due earlier, when something happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundChores:
    chores: list[BackgroundChore]
