"""What a bench tells: a measured figure and its limit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A measured ratio, and the most that it may be."""

    name: str
    value: float
    limit: float

    @property
    def is_good(self) -> bool:
        return self.value < self.limit
