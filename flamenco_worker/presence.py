"""Whether a person works at this machine, who is to have it for themselves."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from flamenco_worker.input_idle import IdleSource, find_idle_source

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(seconds=0.5)
"""A person has the machine back within two seconds of the first key: this, and the next."""
GRACE_FOR_A_PERSON = timedelta(seconds=0.7)
"""How long programs may take to end when a person wants the machine back."""


class Presence:
    """Watches keyboard and mouse. Without a time, or without a way to see them, nobody is there."""

    def __init__(
        self,
        unused_for: timedelta | None,
        *,
        find_source: Callable[[], IdleSource | None] = find_idle_source,
        look_every: timedelta = LOOK_EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`unused_for` is how long nobody may have touched anything before nobody is there."""
        self._unused_for = None if unused_for is None else unused_for.total_seconds()
        self._find_source = find_source
        self._look_every = look_every.total_seconds()
        self._clock = clock
        self._changed = threading.Condition()
        self._is_used = False
        self._is_over = False

    @property
    def is_on(self) -> bool:
        return self._unused_for is not None

    @property
    def is_used(self) -> bool:
        """Whether a person is there."""
        return self._is_used

    def wait_until_unused(self, timeout: timedelta) -> None:
        """Waits until nobody is there, or this time has passed."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_over or not self._is_used, timeout.total_seconds()
            )

    @contextmanager
    def watching(self, on_change: Callable[[bool], None]) -> Iterator[None]:
        """Within the block, `on_change` is called, from another thread, when somebody comes
        (`True`) or has been away for long enough.
        """
        source = self._find_source() if self._unused_for is not None else None
        if self._unused_for is not None and source is None:
            log.error(
                "this worker cannot see whether somebody uses the machine, and works at any time; "
                "only_if_unused_for needs a desktop session, or the right to read /dev/input"
            )
        if self._unused_for is None or source is None:
            self._unused_for = None
            yield
            return
        with source:
            self._look(source, on_change=lambda _is_used: None)
            thread = threading.Thread(
                target=self._watch, args=(source, on_change), name="presence", daemon=True
            )
            thread.start()
            try:
                yield
            finally:
                with self._changed:
                    self._is_over = True
                    self._changed.notify_all()
                thread.join()

    def _watch(self, source: IdleSource, on_change: Callable[[bool], None]) -> None:
        while not self._is_over:
            try:
                self._look(source, on_change)
            except Exception:
                log.exception("this worker cannot see any more whether somebody uses the machine")
                return
            with self._changed:
                if not self._is_over:
                    self._changed.wait(self._look_every)

    def _look(self, source: IdleSource, on_change: Callable[[bool], None]) -> None:
        assert self._unused_for is not None  # noqa: S101 - for the type checker
        is_used = source.idle_seconds() < self._unused_for
        with self._changed:
            if is_used == self._is_used:
                return
            self._is_used = is_used
            self._changed.notify_all()
        on_change(is_used)
