"""How the link to the server is doing, for whoever looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(slots=True)
class Errand:
    """One of the things that are said to the server again and again."""

    done_at: datetime | None = None
    """When the server last answered as it should."""
    failures: int = 0
    """In a row, up to now."""
    problem: str = ""
    """What went wrong last; empty while all is well."""

    def succeeded(self) -> None:
        self.done_at, self.failures, self.problem = datetime.now(UTC), 0, ""

    def failed(self, problem: str) -> None:
        self.failures += 1
        self.problem = problem


@dataclass(slots=True)
class LinkState:
    """Since the start of the Manager. Changed on the event loop only."""

    push: Errand = field(default_factory=Errand)
    download: Errand = field(default_factory=Errand)
    notification: Errand = field(default_factory=Errand)
    log_upload: Errand = field(default_factory=Errand)
    waiting_updates: int = 0
    """Counted up to a limit."""
    updates_sent: int = 0
    tasks_received: int = 0

    def errands(self) -> dict[str, Errand]:
        return {
            "push": self.push,
            "download": self.download,
            "notification": self.notification,
            "log-upload": self.log_upload,
        }
