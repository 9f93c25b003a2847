"""Which job of the whole farm showed an image last."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from flamenco_core.store.database import Statement, to_microseconds

_JOB = Statement(
    "The job that showed an image last, unless it is gone.",
    """SELECT j.uuid FROM last_rendered l JOIN jobs j ON j.uuid = l.job_uuid
       WHERE l.id = 1 AND j.delete_requested_at IS NULL""",
)
_REMEMBER = Statement(
    "Remembers which job showed an image last.",
    """INSERT INTO last_rendered (id, job_uuid) VALUES (1, :job_uuid)
       ON CONFLICT (id) DO UPDATE SET job_uuid = excluded.job_uuid""",
)
_SET_TIME = Statement(
    "Remembers when a job showed an image last.",
    "UPDATE jobs SET rendered_at = :now WHERE uuid = :job_uuid",
)


def job(db: sqlite3.Connection) -> str | None:
    """The job's UUID; None if there is none, or if that job is gone or on its way out."""
    uuid: str | None = _JOB.value(db)
    return uuid


def remember(db: sqlite3.Connection, job_uuid: str, *, now: datetime) -> None:
    _REMEMBER.run(db, job_uuid=job_uuid)
    _SET_TIME.run(db, job_uuid=job_uuid, now=to_microseconds(now))
