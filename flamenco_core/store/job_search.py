"""Finds jobs by status, type and metadata, newest first, however many jobs there are.

For each criterion an index says which job, at or before a given one, is the next that meets it.
The criteria take turns with that until they agree on a job, so that a search costs about as much
as the rarest of them has jobs, and nothing is ever sorted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from flamenco_core.statuses import JobStatus
from flamenco_core.store.database import Statement

_ADD = Statement(
    "Stores one thing that is said of a job.",
    "INSERT INTO job_metadata (job_id, key, value) VALUES (:job_id, :key, :value)",
)
_WITH_STATUS = Statement(
    "The newest job with a status, not newer than a given one.",
    """SELECT id FROM jobs INDEXED BY jobs_by_status
       WHERE status = :status AND id <= :at ORDER BY id DESC LIMIT 1""",
)
_OF_TYPE = Statement(
    "The newest job of a type, not newer than a given one.",
    """SELECT id FROM jobs INDEXED BY jobs_by_type
       WHERE type = :type AND id <= :at ORDER BY id DESC LIMIT 1""",
)
_WITH_METADATA = Statement(
    "The newest job with a value for a key, not newer than a given one.",
    """SELECT job_id FROM job_metadata INDEXED BY jobs_by_metadata
       WHERE key = :key AND value = :value AND job_id <= :at ORDER BY job_id DESC LIMIT 1""",
)
_SUBMITTED_BY = Statement(
    "The newest job of a submitter, not newer than a given one.",
    """SELECT id FROM jobs INDEXED BY jobs_by_submitter
       WHERE submitted_by = :name AND id <= :at ORDER BY id DESC LIMIT 1""",
)
_WITH_TAG = Statement(
    "The newest job with a worker tag, not newer than a given one.",
    """SELECT id FROM jobs INDEXED BY jobs_by_tag
       WHERE tag_id = (SELECT id FROM tags WHERE uuid = :uuid) AND id <= :at
       ORDER BY id DESC LIMIT 1""",
)
_NEXT_KEY = Statement(
    "The next key after one.",
    """SELECT key FROM job_metadata INDEXED BY jobs_by_metadata
       WHERE key > :after ORDER BY key LIMIT 1""",
)
_NEXT_VALUE = Statement(
    "The next value of a key after one.",
    """SELECT value FROM job_metadata INDEXED BY jobs_by_metadata
       WHERE key = :key AND value > :after ORDER BY value LIMIT 1""",
)
_FIRST_VALUE = Statement(
    "The first value of a key, which may be empty.",
    """SELECT value FROM job_metadata INDEXED BY jobs_by_metadata
       WHERE key = :key ORDER BY value LIMIT 1""",
)

_Seek = Callable[[int], int | None]
"""From a job's key to the greatest one, not above it, that meets a criterion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCriteria:
    """Which jobs are looked for: those that meet all that is given."""

    statuses: frozenset[JobStatus] = frozenset()
    """Any of them; empty for every status."""
    type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    """All of these keys with exactly these values."""
    submitted_by: str | None = None
    """The name of the actor."""
    worker_tag: str | None = None
    """The tag's UUID."""

    @property
    def is_any(self) -> bool:
        """Whether every job meets them."""
        return self == JobCriteria()


def add_metadata(db: sqlite3.Connection, job_id: int, metadata: Mapping[str, str]) -> None:
    """Makes a new job findable by its metadata."""
    for key, value in metadata.items():
        _ADD.run(db, job_id=job_id, key=key, value=value)


def matching(db: sqlite3.Connection, criteria: JobCriteria, *, before: int) -> Iterator[int]:
    """Keys of the jobs that meet the criteria, newest first, from the one before `before` on."""
    seeks = _seeks(db, criteria)
    at: int | None = before - 1
    while at is not None:
        at = _agreed(seeks, at)
        if at is not None:
            yield at
            at -= 1


def metadata_keys(db: sqlite3.Connection, *, after: str = "") -> Iterator[str]:
    """The keys that the metadata of any job has, in order, those after `after`."""
    key = _NEXT_KEY.value(db, after=after)
    while key is not None:
        yield key
        key = _NEXT_KEY.value(db, after=key)


def metadata_values(db: sqlite3.Connection, key: str, *, after: str | None = None) -> Iterator[str]:
    """The different values that jobs have for a key, in order, those after `after`."""
    value = (
        _FIRST_VALUE.value(db, key=key)
        if after is None
        else _NEXT_VALUE.value(db, key=key, after=after)
    )
    while value is not None:
        yield value
        value = _NEXT_VALUE.value(db, key=key, after=value)


def _seeks(db: sqlite3.Connection, criteria: JobCriteria) -> list[_Seek]:
    seeks: list[_Seek] = [
        partial(_with_metadata, db, key, value) for key, value in criteria.metadata.items()
    ]
    if criteria.type:
        seeks.append(partial(_of_type, db, criteria.type))
    if criteria.submitted_by:
        seeks.append(partial(_submitted_by, db, criteria.submitted_by))
    if criteria.worker_tag:
        seeks.append(partial(_with_tag, db, criteria.worker_tag))
    if criteria.statuses:
        seeks.append(partial(_with_any_status, db, criteria.statuses))
    return seeks


def _agreed(seeks: Sequence[_Seek], at: int) -> int | None:
    """The greatest key, not above `at`, that all criteria have."""
    agreeing = 0
    while agreeing < len(seeks):
        for seek in seeks:
            found = seek(at)
            if found is None:
                return None
            agreeing = agreeing + 1 if found == at else 1
            at = found
            if agreeing >= len(seeks):
                break
    return at


def _with_metadata(db: sqlite3.Connection, key: str, value: str, at: int) -> int | None:
    found: int | None = _WITH_METADATA.value(db, key=key, value=value, at=at)
    return found


def _of_type(db: sqlite3.Connection, job_type: str, at: int) -> int | None:
    found: int | None = _OF_TYPE.value(db, type=job_type, at=at)
    return found


def _submitted_by(db: sqlite3.Connection, name: str, at: int) -> int | None:
    found: int | None = _SUBMITTED_BY.value(db, name=name, at=at)
    return found


def _with_tag(db: sqlite3.Connection, uuid: str, at: int) -> int | None:
    found: int | None = _WITH_TAG.value(db, uuid=uuid, at=at)
    return found


def _with_any_status(db: sqlite3.Connection, statuses: frozenset[JobStatus], at: int) -> int | None:
    found = [_WITH_STATUS.value(db, status=status, at=at) for status in statuses]
    return max((key for key in found if key is not None), default=None)
