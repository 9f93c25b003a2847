"""How the link to the server is doing, for whoever looks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flamenco_core.config import Upstream
from manager_service.background import ChoreState


class Errand:
    """One of the things that are said to the server again and again.

    It is shown beside what else the Manager does by itself.
    """

    def __init__(self, name: str, what: str, *, period: timedelta | None = None) -> None:
        """As of a `Chore`: a name for programs, and what is done in words."""
        self.name = name
        self.what = what
        self.period = period
        self.state = ChoreState()
        self.failures_in_a_row = 0
        self.done_at: datetime | None = None
        """When the server last answered as it should."""
        self.on_due: Callable[[], None] | None = None

    def due(self) -> None:
        """Somebody wants it done now."""
        if self.on_due is not None:
            self.on_due()

    def begins(self) -> None:
        self.state.runs += 1
        self.state.is_running = True
        self.state.last_start = datetime.now(UTC)
        self.state.last_duration = None

    def succeeded(self, result: str = "") -> None:
        self._ends()
        self.done_at, self.failures_in_a_row = datetime.now(UTC), 0
        self.state.result, self.state.error = result, ""

    def failed(self, problem: str) -> bool:
        """Returns whether it went well the last time, so that this is news."""
        self._ends()
        self.failures_in_a_row += 1
        self.state.failures += 1
        self.state.result, self.state.error = "", problem
        return self.failures_in_a_row == 1

    def _ends(self) -> None:
        self.state.is_running = False
        if self.state.last_start is not None:
            self.state.last_duration = datetime.now(UTC) - self.state.last_start


class LinkState:
    """Since the start of the Manager. Changed on the event loop only."""

    def __init__(self, link: Upstream) -> None:
        self.push = Errand(
            "upstream-push",
            "Tells the Flamenco Server what became of its tasks, and hears what to cancel.",
            period=link.cancel_interval,
        )
        self.download = Errand(
            "upstream-download",
            "Fetches tasks of the Flamenco Server.",
            period=link.download_interval or None,
        )
        self.notification = Errand(
            "upstream-notification",
            "Tells the Flamenco Server where this Manager is and what its workers can do.",
        )
        self.log_upload = Errand(
            "upstream-log-upload", "Sends logs to the Flamenco Server that it has asked for."
        )
        self.waiting_updates = 0
        """Counted up to a limit."""
        self.updates_sent = 0
        self.tasks_received = 0

    def errands(self) -> tuple[Errand, ...]:
        return (self.push, self.download, self.notification, self.log_upload)
