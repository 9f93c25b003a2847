"""Which attempts a slot has run to their end, so that it runs none of them twice.

A Manager hands an attempt out again for as long as it does not know of its end, and answers cross:
a request for the next task can overtake an end that the Manager could not store the first time.
"""

from __future__ import annotations

from enum import Enum, auto

from flamenco_core.model import AssignedTask

REMEMBERED = 1000
"""Attempts; far more than can be under way between a slot and its Manager."""


class Told(Enum):
    """What a slot makes of a task that it is given."""

    NEW = auto()
    """It is to be run."""
    AGAIN = auto()
    """Its end is known here, and on its way to the Manager."""
    STILL = auto()
    """The Manager has had all there is to say, and still gives out what has ended."""


class AttemptsDone:
    """What one slot has run to the end. To be used by its thread only."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._came_again: dict[tuple[str, int], int] = {}
        """How often each attempt that has ended was given out once more, in the order of ends."""

    def ended(self, task: AssignedTask) -> None:
        """An attempt without a number, which is Flamenco 3's, is not known again."""
        if task.attempt is None:
            return
        self._came_again[task.uuid, task.attempt] = 0
        if len(self._came_again) > self._remembered:
            del self._came_again[next(iter(self._came_again))]

    def has(self, task: AssignedTask) -> bool:
        """Whether this attempt has been run to its end."""
        return task.attempt is not None and (task.uuid, task.attempt) in self._came_again

    def given_out(self, task: AssignedTask, *, is_all_told: bool) -> Told:
        """To be called once for each task that is given out.

        `is_all_told` says whether the Manager has everything that there was to say by now.
        """
        if task.attempt is None or not self.has(task):
            return Told.NEW
        if is_all_told:
            self._came_again[task.uuid, task.attempt] += 1
        return Told.STILL if self._came_again[task.uuid, task.attempt] > 1 else Told.AGAIN
