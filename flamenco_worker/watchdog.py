"""Ends a program that says nothing, gets nowhere, takes too long, or does not quit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from flamenco_core.durations import format_duration
from flamenco_core.time_limits import TimeLimits


class Watchdog:
    """Watches one program, from its start to its end. Safe to use from several threads.

    The clock is that of a machine that may sleep: where it is suspended, nothing is late because
    of that, as far as the system's monotonic clock stands still (Linux and macOS).
    """

    def __init__(
        self, limits: TimeLimits, clock: Callable[[], float] = time.monotonic, name: str = ""
    ) -> None:
        """`name` is what people call the program."""
        self._limits = limits
        self._clock = clock
        self._name = name or "The program"
        self._changed = threading.Condition()
        self._began = self._heard = self._moved = clock()
        self._finished: float | None = None
        self._is_over = False
        self._demand = ""
        self.sentence = ""
        """Why the program was ended; empty if it was not."""
        self.was_quitting = False
        """Whether it was ended because it did not quit although its work was done."""

    def says_something(self) -> None:
        """A line of output has come."""
        # No lock for each line: the watching thread looks at this when a limit has passed.
        self._heard = self._clock()

    def gets_on(self) -> None:
        """A frame, or a sample of one, is done."""
        self._moved = self._clock()

    def is_done(self) -> None:
        """The last frame is written; from now on there is nothing left but to quit."""
        with self._changed:
            if self._finished is None:
                self._finished = self._clock()
                self._changed.notify_all()

    def ends(self, sentence: str) -> None:
        """Ends the program now, for another reason than time; `sentence` says why."""
        with self._changed:
            self._demand = sentence
            self._changed.notify_all()

    @contextmanager
    def watching(self, end: Callable[[str], None]) -> Iterator[None]:
        """Within the block, `end` is called once with a sentence when a limit has passed."""
        self._began = self._heard = self._moved = self._clock()
        thread = threading.Thread(
            target=self._watch, args=(end,), name=f"watchdog-{self._name}", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()
            thread.join()

    def overdue(self) -> tuple[float, str]:
        """Seconds until the next limit passes, not more than 0 if one has; and its sentence."""
        now = self._clock()
        if self._demand:
            return 0.0, self._demand
        return min(
            ((at - now, sentence) for at, sentence in self._deadlines()),
            default=(float("inf"), ""),
        )

    def _deadlines(self) -> Iterator[tuple[float, str]]:
        limits = self._limits
        if limits.total is not None:
            yield _after(self._began, limits.total, f"{self._name} ran for more than {{}}")
        if self._finished is not None:
            if limits.quitting is not None:
                what = f"{self._name} did not end within {{}} after its last frame"
                yield _after(self._finished, limits.quitting, what)
            return
        if limits.silence is not None:
            yield _after(self._heard, limits.silence, f"{self._name} said nothing for {{}}")
        if limits.progress is not None:
            what = f"{self._name} got no further for {{}}, neither by a frame nor by a sample"
            yield _after(self._moved, limits.progress, what)

    def _watch(self, end: Callable[[str], None]) -> None:
        with self._changed:
            while not self._is_over:
                left, sentence = self.overdue()
                if left <= 0:
                    break
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
            else:
                return
            self.sentence = f"{sentence}, and was ended"
            self.was_quitting = self._finished is not None and not self._demand
        end(self.sentence)


def _after(since: float, limit: timedelta, sentence: str) -> tuple[float, str]:
    return since + limit.total_seconds(), sentence.format(_spoken(limit))


def _spoken(limit: timedelta) -> str:
    """`30m0s` as `30m`: nobody says the zeros."""
    text = format_duration(limit)
    for zeros in ("m0s", "h0m"):
        if text.endswith(zeros):
            text = text[: -len(zeros) + 1]
    return text
