"""Which job was made for which idempotency key, so that a submission that is sent again is known.

Keys are forgotten after `KEPT`: whoever repeats a request does so much sooner.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from flamenco_core.store.database import Statement, to_microseconds

KEPT = timedelta(days=7)
FORGOTTEN_AT_ONCE = 20
"""Old keys that are dropped with each new one; more than one, so that they cannot pile up."""

_FIND = Statement(
    "The submission that was made with a key.",
    """SELECT fingerprint, job_uuid FROM submission_keys
       WHERE key = :key AND created_at > :oldest""",
)
_DROP = Statement(
    "Forgets a key that is too old to count.", "DELETE FROM submission_keys WHERE key = :key"
)
_ADD = Statement(
    "Notes which job was made for a key.",
    """INSERT INTO submission_keys (key, fingerprint, job_uuid, created_at)
       VALUES (:key, :fingerprint, :job_uuid, :now)""",
)
_FORGET_OLD = Statement(
    "Forgets some of the oldest keys.",
    """DELETE FROM submission_keys WHERE key IN (
           SELECT key FROM submission_keys INDEXED BY submission_keys_by_age
           WHERE created_at <= :oldest ORDER BY created_at LIMIT :limit)""",
)


@dataclass(frozen=True, slots=True)
class SubmissionKey:
    """What tells a submission from all others."""

    key: str
    """What the submitter made up for it."""
    fingerprint: str
    """A digest of what was submitted, since a key is for one submission only."""


@dataclass(frozen=True, slots=True)
class KnownSubmission:
    fingerprint: str
    job_uuid: str
    """The job that was made of it, which may be deleted by now."""


def find(db: sqlite3.Connection, key: str, *, now: datetime) -> KnownSubmission | None:
    row = _FIND.row(db, key=key, oldest=to_microseconds(now - KEPT))
    return KnownSubmission(row["fingerprint"], row["job_uuid"]) if row else None


def add(db: sqlite3.Connection, key: SubmissionKey, job_uuid: str, *, now: datetime) -> None:
    """Notes a key that `find` does not know, and forgets some that are too old."""
    _FORGET_OLD.run(db, oldest=to_microseconds(now - KEPT), limit=FORGOTTEN_AT_ONCE)
    _DROP.run(db, key=key.key)
    _ADD.run(
        db,
        key=key.key,
        fingerprint=key.fingerprint,
        job_uuid=job_uuid,
        now=to_microseconds(now),
    )
