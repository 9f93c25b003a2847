"""Which workers get no more tasks of a type from a job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobBlocklistEntry:
    worker_id: str
    task_type: str
    worker_name: str | None = None
    """Told, and not looked at when it is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerBlock:
    """A job that gives a worker no more tasks of a type."""

    job_id: str
    job_name: str
    task_type: str
    blocked: datetime
    """Since when."""
