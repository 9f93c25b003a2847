"""A request for a slot's next task that travels with task updates."""

from __future__ import annotations

import threading

from flamenco_core.errors import FlamencoError
from flamenco_core.model import NextTask, TaskRequest


class Asking:
    """A request for a task that travels with the updates."""

    def __init__(self, request: TaskRequest, after: int) -> None:
        """`after` is the number of the last update that has to be there first."""
        self.request = request
        self.after = after
        self._done = threading.Event()
        self._answer: NextTask | None = None
        self._error: FlamencoError | None = None

    def answer(self, answer: NextTask) -> None:
        self._answer = answer
        self._done.set()

    def fail(self, error: FlamencoError) -> None:
        self._error = error
        self._done.set()

    @property
    def is_done(self) -> bool:
        return self._done.is_set()

    def wait(self) -> NextTask:
        """The Manager's answer, however long it takes.

        Raises:
            Cancelled: if the queue has let the request go.
            FlamencoError: if the Manager refuses it.
        """
        self._done.wait()
        if self._error is not None:
            raise self._error
        assert self._answer is not None  # noqa: S101 - for the type checker
        return self._answer
