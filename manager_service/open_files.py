"""How many files and connections a Manager may have open at once.

Each worker that waits, each browser and each upload is a connection, and each of these is an open
file to Unix. Most systems grant a process only 1024 (macOS: 256) unless it asks for more, and a
Manager that has none left can answer nobody. Windows has no such bound.
"""

from __future__ import annotations

import contextlib
import sys

WANTED = 65_536
"""Enough for every worker and browser of a large farm."""

_MOST_ON_MACOS = 10_240
"""`OPEN_MAX`: macOS refuses more, even where it says that there is no bound."""


def raise_limit() -> None:
    """Asks for `WANTED`, or the most that the system's administrator lets this process have."""
    if sys.platform != "win32":
        import resource

        present, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if present == resource.RLIM_INFINITY:
            return
        wanted = _MOST_ON_MACOS if sys.platform == "darwin" else WANTED
        if most != resource.RLIM_INFINITY:
            wanted = min(wanted, most)
        if wanted > present:
            # What the system does not grant leaves the Manager with what it has.
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
