"""How long a job will take, from how quickly its steps were done so far."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

WINDOW = timedelta(minutes=10)
"""Older steps tell little about those to come: machines come and go, frames differ."""
SHORTEST = timedelta(seconds=20)
"""Less than this seen of a job tells nothing."""
MOST_SAMPLES = 120


@dataclass(slots=True)
class Pace:
    """How many steps were done when, in seconds of a clock that never goes back."""

    samples: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, now: float, steps_completed: int) -> None:
        if self.samples and steps_completed < self.samples[-1][1]:
            self.samples.clear()  # it was queued again
        if self.samples and steps_completed == self.samples[-1][1]:
            return
        self.samples.append((now, steps_completed))
        oldest = now - WINDOW.total_seconds()
        while len(self.samples) > 2 and (
            self.samples[1][0] < oldest or len(self.samples) > MOST_SAMPLES
        ):
            self.samples.popleft()

    def stop(self) -> None:
        """Nothing is worked on: what comes later says nothing about the time in between."""
        self.samples.clear()

    def seconds_per_step(self, now: float) -> float | None:
        """None if too little was seen. Waiting long for the next step makes it longer."""
        if len(self.samples) < 2:
            return None
        began, first = self.samples[0]
        last_time, last = self.samples[-1]
        if last_time - began < SHORTEST.total_seconds() and last - first < 10:
            return None
        pace = (last_time - began) / (last - first)
        return max(pace, (now - began) / (last - first + 1))


def seconds_left(
    steps_left: int,
    *,
    seen: float | None,
    worked_seconds: float = 0.0,
    worked_steps: int = 0,
    at_once: int = 0,
) -> float | None:
    """How long so many steps take; None if nothing is known, or nobody works on them.

    `seen` is how long a step took lately, all workers together (`Pace.seconds_per_step`). Until
    something was seen, it is told from the `worked_seconds` that attempts took for `worked_steps`,
    with as many tasks `at_once` as now.
    """
    if steps_left <= 0:
        return 0.0
    if at_once <= 0:
        return None
    if seen is not None:
        return steps_left * seen
    if worked_steps <= 0 or worked_seconds <= 0:
        return None
    return steps_left * worked_seconds / worked_steps / min(at_once, steps_left)
