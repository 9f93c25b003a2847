"""A few threads that carry out what they are given, and end when there is nothing more to do."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class OtherThreads:
    """Nobody waits for them: a program must be able to end while one of them hangs."""

    def __init__(self, most: int) -> None:
        """`most` of them run at a time; what else there is to do waits."""
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], object]] = deque()
        self._count = 0

    def carry_out(self, function: Callable[[], object], name: str) -> None:
        """Has `function`, which raises nothing, called on one of them."""
        with self._lock:
            self._waiting.append(function)
            if self._count >= self._most:
                return
            self._count += 1
        threading.Thread(target=self._run, name=f"flamenco: {name}", daemon=True).start()

    def forget(self) -> None:
        """What still waits is never called."""
        with self._lock:
            self._waiting.clear()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._count -= 1
                    return
                function = self._waiting.popleft()
            function()
