"""What people look for in lists again and again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class QueriedList(StrEnum):
    """The lists that queries can be saved for."""

    JOBS = "jobs"
    TASKS = "tasks"
    WORKERS = "workers"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedQueryChange:
    """A query to be saved."""

    name: str = field(metadata={"minLength": 1, "maxLength": 200})
    """No two of one owner, for one list, have the same."""
    list: QueriedList
    query: dict[str, str]
    """Parameters of the list's operation, such as `status`, `sort` and `fields`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedQuery:
    id: str
    name: str
    list: QueriedList
    query: dict[str, str]
    is_shared: bool
    """Whether it is there for everybody, or for whoever saved it only."""
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedQueryList:
    queries: list[SavedQuery]
