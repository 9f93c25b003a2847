"""Processes that others have started, and that may end while somebody looks at them."""

from __future__ import annotations

import contextlib

import psutil


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; one that has ended and waits for its parent to hear of it does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it has ended between the two questions
        return False


def kill(process: psutil.Process) -> None:
    """Ends it, whether it has ended already or not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
