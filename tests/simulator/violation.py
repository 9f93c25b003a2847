"""What a simulation ends with when a promise of the farm is broken."""

from __future__ import annotations


class Violation(BaseException):
    """A broken promise. Not an `Exception`: nothing that is simulated may handle it."""
