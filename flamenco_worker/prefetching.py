"""When a slot asks for its next task while it still runs one.

A reservation keeps a task from all other workers, so that it is made only shortly before the task
that runs is expected to end: after as long a time as the slot's last task of this job and kind
took. While nothing is known of a kind, its first task ends without a reservation.
"""

from __future__ import annotations

from datetime import timedelta

from flamenco_core.model import AssignedTask

BEFORE_END = timedelta(seconds=10)
"""How long before its expected end; much less than the Manager keeps a reservation."""
KEPT = timedelta(seconds=50)
"""How long a reservation is relied on; the Manager keeps it for a minute."""


class Prefetching:
    """What a slot knows of how long tasks take. Times are in seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._kind: tuple[str, ...] = ()
        self._took: float | None = None
        self._began = 0.0

    def task_begins(self, task: AssignedTask, now: float) -> None:
        # Of one job, a render takes longer than the video that is made of it.
        kind = (task.job, *(command.name for command in task.commands))
        if kind != self._kind:
            self._kind, self._took = kind, None
        self._began = now

    def task_ended(self, now: float) -> None:
        """It came to its end; one that was given up says nothing of the next."""
        self._took = now - self._began

    def seconds_until_due(self, now: float) -> float | None:
        """How long to wait before asking for the next task; None for not at all."""
        if self._took is None:
            return None
        return self._began + self._took - BEFORE_END.total_seconds() - now
