"""The RNA overrides of jobs; most jobs have none."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from flamenco_core.store.database import Statement

_OF_JOB = Statement(
    "The overrides of a job.", "SELECT lines FROM job_rna_overrides WHERE job_id = :job_id"
)
_PUT = Statement(
    "Gives a job overrides in place of those it has.",
    """INSERT INTO job_rna_overrides (job_id, lines) VALUES (:job_id, :lines)
       ON CONFLICT (job_id) DO UPDATE SET lines = excluded.lines""",
)
_REMOVE = Statement(
    "Takes a job's overrides away.", "DELETE FROM job_rna_overrides WHERE job_id = :job_id"
)


def of_job(db: sqlite3.Connection, job_id: int) -> list[str]:
    """The lines of Python, one text each."""
    stored = _OF_JOB.value(db, job_id=job_id)
    lines: list[str] = json.loads(stored) if stored is not None else []
    return lines


def put(db: sqlite3.Connection, job_id: int, lines: Sequence[str]) -> None:
    """Replaces the lines of a job."""
    if lines:
        _PUT.run(db, job_id=job_id, lines=json.dumps(list(lines)))
    else:
        _REMOVE.run(db, job_id=job_id)
