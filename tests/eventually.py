"""Waiting for what happens by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds; only a test that fails waits so long."""


def eventually(look: Callable[[], T | None], what: str = "", seconds: float = PATIENCE) -> T:
    """Looks again and again until something true comes back."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain {what}".rstrip()
        time.sleep(0.02)
    return seen
