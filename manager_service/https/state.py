"""How the certificate stands, for logs, people and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from manager_service.https.certificates import CertificateFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateState:
    facts: CertificateFacts | None = None
    """Of the certificate in use; None while there is none."""
    problem: str = ""
    """Why the last attempt to take a new one failed; empty if it did not."""
    next_attempt: datetime | None = None
    """When a new one will be asked for; None if somebody else sees to that."""


class CertificateSource(Protocol):
    """Where the certificate comes from, and the new ones after it."""

    @property
    def state(self) -> CertificateState: ...

    async def prepare(self) -> None:
        """Takes what is there; raises `CertificateRefused` if only a person can help."""

    def follow(self) -> None:
        """Begins to look for new ones, once the Manager listens."""

    async def stop(self) -> None: ...
