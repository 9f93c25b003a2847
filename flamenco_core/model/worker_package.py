"""What a Manager hands out for render machines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPackage:
    """The wheel with the Worker, in the Manager's own version."""

    name: str
    """As pip wants the file to be called."""
    requirement: str
    """What to install of it, as pip takes it in front of ` @ ` and the address."""
    size: int
    """Bytes."""
    sha256: str
