"""Looks whether a farm adds up, and mends what does not. Reads all of it; not for a request."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from flamenco_core.errors import StorageError
from flamenco_core.manager import transitions
from flamenco_core.manager.unit import Unit
from flamenco_core.store import consistency, farm
from flamenco_core.store.database import snapshot

OpenUnit = Callable[[], AbstractContextManager[Unit]]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was wrong with a farm."""

    what: str
    """A sentence that names the job, task, worker or place in the file."""
    is_mended: bool = False


def check(db: sqlite3.Connection, *, whole_file: bool) -> list[Finding]:
    """What is wrong with a farm at this moment, whoever writes to it meanwhile.

    If the file is damaged, that is all that is said: what else was found could be wrong.

    Raises:
        StorageError: if the file is too damaged to be read.
    """
    try:
        with snapshot(db):
            found = consistency.damage(db) if whole_file else []
            if not found:
                dangling = consistency.dangling_references(db) if whole_file else []
                found = [*dangling, *consistency.differences(db)]
            return [Finding(what) for what in found]
    except sqlite3.DatabaseError as error:
        raise _too_damaged(error) from error


def repair(db: sqlite3.Connection, open_unit: OpenUnit, *, whole_file: bool) -> list[Finding]:
    """Mends what `check` finds, each kind of thing in a transaction of its own.

    Rows that belong to nothing are left to a person. Nothing is computed from a damaged file,
    unless making its indexes anew has mended the damage.

    Raises:
        StorageError: if the file is too damaged to be read.
    """
    try:
        findings = _mend_file(db, open_unit) if whole_file else []
        if not all(finding.is_mended for finding in findings):
            return findings
        findings += _mend_counts(open_unit)
        _follow_tasks(open_unit)
        return findings + (_dangling_references(open_unit) if whole_file else [])
    except sqlite3.DatabaseError as error:
        raise _too_damaged(error) from error


def _mend_file(db: sqlite3.Connection, open_unit: OpenUnit) -> list[Finding]:
    with snapshot(db):
        found = consistency.damage(db)
    if not found:
        return []
    is_mended = False
    # Indexes of a table that is damaged itself fail, or would hold only what can still be read.
    with contextlib.suppress(sqlite3.DatabaseError), open_unit() as unit:
        consistency.rebuild_indexes(unit.db)
        if left := consistency.damage(unit.db):
            raise sqlite3.DatabaseError(left[0])
        _audit(unit, found)
        is_mended = True
    return [Finding(what, is_mended=is_mended) for what in found]


def _mend_counts(open_unit: OpenUnit) -> list[Finding]:
    found: list[str] = []
    for check in consistency.CHECKS:
        # What hangs on rows that do not exist cannot be mended, and is found again below.
        with contextlib.suppress(sqlite3.IntegrityError), open_unit() as unit:
            wrong = check.find(unit.db)
            found += wrong
            if wrong:
                check.mend(unit.db)
                _audit(unit, wrong)
    with open_unit() as unit:
        left = consistency.differences(unit.db)
    return [Finding(what, is_mended=what not in left) for what in (*found, *_new(left, found))]


def _follow_tasks(open_unit: OpenUnit) -> None:
    """Wrong counts may have kept jobs from becoming what their tasks say."""
    with open_unit() as unit:
        job_ids = consistency.jobs_to_follow(unit.db)
    for job_id in job_ids:
        with open_unit() as unit:
            transitions.follow_job(unit, job_id)


def _dangling_references(open_unit: OpenUnit) -> list[Finding]:
    with open_unit() as unit:
        return [Finding(what) for what in consistency.dangling_references(unit.db)]


def _new(left: list[str], found: list[str]) -> list[str]:
    return [what for what in left if what not in found]


def _audit(unit: Unit, mended: list[str]) -> None:
    if mended:
        unit.audit("farm.repair", farm.identity(unit.db), mended=mended[:100], count=len(mended))


def _too_damaged(error: sqlite3.DatabaseError) -> StorageError:
    return StorageError(f"The farm file is too damaged to be read ({error}); restore a backup")
