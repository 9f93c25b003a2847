"""Keeps a checkout from being erased while a job is submitted with it, and the other way round.

Whoever erases a checkout asks the database first whether a job uses it. A job that is stored
between that question and the erasing would have been acknowledged, and found no files.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from flamenco_core.errors import Conflict


class CheckoutsInHand:
    """What happens with checkouts at this moment; to be told by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._submitted: Counter[str] = Counter()
        self._erased: set[str] = set()

    @contextmanager
    def submitting(self, path: str | None) -> Iterator[None]:
        """Until the end of this, a job is on its way whose files lie in this checkout, if any.

        Raises `Conflict` if it is being erased.
        """
        if not path:
            yield
            return
        with self._lock:
            if path in self._erased:
                raise Conflict(f"The checkout {path!r} is being removed; ask for a new one")
            self._submitted[path] += 1
        try:
            yield
        finally:
            with self._lock:
                self._submitted[path] -= 1
                if not self._submitted[path]:
                    del self._submitted[path]

    @contextmanager
    def erasing(self, path: str) -> Iterator[None]:
        """Within this, ask whether a job uses the checkout, and erase it if none does.

        Raises `Conflict` if a job is being submitted with it, or somebody else erases it.
        """
        with self._lock:
            if path in self._submitted:
                raise Conflict(
                    f"A job is being submitted with the checkout {path!r}; "
                    "it goes when the job is deleted"
                )
            if path in self._erased:
                raise Conflict(f"The checkout {path!r} is being removed already")
            self._erased.add(path)
        try:
            yield
        finally:
            with self._lock:
                self._erased.discard(path)
