"""Which workers get no more tasks of a type from a job."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JobBlocklistEntry:
    worker_id: str
    task_type: str
    worker_name: str | None = None
    """Told, and not looked at when it is given."""
