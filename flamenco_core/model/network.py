"""How a Manager is reached, and how its certificate stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateReport:
    """The certificate that HTTPS is served with; without one, `names` is empty."""

    names: list[str]
    issuer: str | None = None
    not_after: datetime | None = None
    problem: str | None = None
    """Why the last attempt to take a new one failed."""
    next_attempt: datetime | None = None
    """When the Manager asks for a new one by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkReport:
    urls: list[str]
    """Where others reach this Manager, the best address first."""
    is_discoverable: bool
    """Whether workers find it by themselves."""
    device_id: str
    """What tells it from others then."""
    discovery_problems: list[str]
    """Why they may not."""
    certificate: CertificateReport | None = None
    """Absent without HTTPS."""
