"""When a slot asks for its next task while it still runs one.

A reservation keeps a task from all other workers, so that it is made only shortly before the task
that runs is expected to end: after as long a time as the slot's last task of this job took. While
nothing is known of a job, its first task ends without a reservation.
"""

from __future__ import annotations

from datetime import timedelta

BEFORE_END = timedelta(seconds=10)
"""How long before its expected end; much less than the Manager keeps a reservation."""
KEPT = timedelta(seconds=50)
"""How long a reservation is relied on; the Manager keeps it for a minute."""


class Prefetching:
    """What a slot knows of how long tasks take. Times are in seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._job = ""
        self._took: float | None = None
        self._began = 0.0

    def task_begins(self, job: str, now: float) -> None:
        if job != self._job:
            self._job, self._took = job, None
        self._began = now

    def task_ended(self, now: float) -> None:
        """It came to its end; one that was given up says nothing of the next."""
        self._took = now - self._began

    def seconds_until_due(self, now: float) -> float | None:
        """How long to wait before asking for the next task; None for not at all."""
        if self._took is None:
            return None
        return self._began + self._took - BEFORE_END.total_seconds() - now
