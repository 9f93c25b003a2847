"""Finding things by the beginning of their ids, as people type them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class IdKind(StrEnum):
    """What can be found by the beginning of its id."""

    JOB = "job"
    TASK = "task"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundId:
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundIds:
    found: list[FoundId]
    """Those whose id begins so, at most ten: with more than one, more characters are needed."""
