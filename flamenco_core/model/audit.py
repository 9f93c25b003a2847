"""Who did what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    time: datetime
    actor: str
    """Who did it: `person:ana`, `service:pipeline`, `worker:` and its id, or `manager`."""
    action: str
    """What was done, such as `job.submit`."""
    subject: str
    """The id of what it was done to."""
    details: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLog:
    audit: list[AuditEntry]
    next: str | None = None
    """The `cursor` for the next page, if there is more."""
