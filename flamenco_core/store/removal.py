"""Jobs that were archived or deleted: what is left to do for them, and doing it piece by piece.

A row of `intents` says what is to be done. It is written in the transaction that decides it, and
dropped when it is done, so that whoever crashes in between finds it again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flamenco_core.store.database import Statement, to_microseconds
from flamenco_core.store.jobs import StoredJob

MOST_ATTEMPTS = 5
"""How often work on files is tried before it is left to a person."""


class IntentKind(StrEnum):
    ARCHIVE_JOB = "archive-job"
    """Drop what an archived job does not need any more. In the database."""
    DELETE_JOB = "delete-job"
    """Drop all that belongs to a job. In the database."""
    ERASE_LOGS = "erase-logs"
    """Erase the folder with a job's logs."""
    ERASE_CHECKOUT = "erase-checkout"
    """Erase a job's checkout."""


FILE_WORK = frozenset({IntentKind.ERASE_LOGS, IntentKind.ERASE_CHECKOUT})

_ARCHIVE = Statement(
    "Marks a job as archived.",
    "UPDATE jobs SET archived_at = :now, updated_at = :now WHERE id = :id",
)
_MARK_FOR_DELETION = Statement(
    "Marks a job as one that is being deleted.",
    """UPDATE jobs SET delete_requested_at = coalesce(delete_requested_at, :now),
           leave_files = :leave_files, updated_at = :now WHERE id = :id""",
)
_FINISHED_BEFORE = Statement(
    "Jobs that are done and have not changed since a time, those longest unchanged first.",
    """SELECT uuid FROM jobs INDEXED BY finished_jobs
       WHERE finished_at IS NOT NULL AND delete_requested_at IS NULL
       AND updated_at <= :time ORDER BY updated_at LIMIT :limit""",
)
_CHECKOUT = Statement(
    "The checkout of a job.", "SELECT shaman_checkout_id FROM jobs WHERE id = :id"
)
_OTHER_WITH_CHECKOUT = Statement(
    "Whether another job has a checkout.",
    """SELECT 1 FROM jobs INDEXED BY jobs_by_checkout
       WHERE shaman_checkout_id = :checkout AND id <> :id LIMIT 1""",
)
_USES_OF_CHECKOUT = Statement(
    "Whether any job has a checkout.",
    """SELECT 1 FROM jobs INDEXED BY jobs_by_checkout
       WHERE shaman_checkout_id = :checkout LIMIT 1""",
)
_SETTINGS = Statement(
    "The settings of all jobs, some at a time.",
    "SELECT id, settings FROM jobs WHERE id > :after ORDER BY id LIMIT :limit",
)
_ADD = Statement(
    "Notes something that is to be done for a job.",
    """INSERT INTO intents (kind, subject, job_id, is_on_files, created_at)
       VALUES (:kind, :subject, :job_id, :is_on_files, :now)""",
)
_OPEN = Statement(
    "What is to be done, and has not failed too often, oldest first.",
    f"""SELECT i.id, i.kind, i.subject, i.attempts, i.position, i.job_id, j.uuid AS job_uuid
       FROM intents i INDEXED BY open_intents JOIN jobs j ON j.id = i.job_id
       WHERE i.is_on_files = :is_on_files AND i.attempts < {MOST_ATTEMPTS} AND i.id > :after
       ORDER BY i.id LIMIT :limit""",
)
_OF_JOB = Statement(
    "What is to be done for a job.",
    """SELECT i.id, i.kind, i.subject, i.attempts, i.position, i.job_id, j.uuid AS job_uuid
       FROM intents i INDEXED BY intents_of_job JOIN jobs j ON j.id = i.job_id
       WHERE i.job_id = :job_id""",
)
_BY_ID = Statement(
    "One thing that is to be done.",
    """SELECT i.id, i.kind, i.subject, i.attempts, i.position, i.job_id, j.uuid AS job_uuid
       FROM intents i JOIN jobs j ON j.id = i.job_id WHERE i.id = :id""",
)
_DROP = Statement("Forgets what has been done.", "DELETE FROM intents WHERE id = :id")
_SET_POSITION = Statement(
    "Notes how far something has been done.",
    "UPDATE intents SET position = :position WHERE id = :id",
)
_SET_ATTEMPTS = Statement(
    "Notes how often something was tried in vain.",
    "UPDATE intents SET attempts = :attempts WHERE id = :id",
)
_DROP_TASKS = Statement(
    "Drops the next tasks of a job, with all that belongs to them.",
    """DELETE FROM tasks WHERE id IN (
           SELECT id FROM tasks WHERE job_id = :job_id ORDER BY index_in_job LIMIT :limit)""",
)
_DROP_GROUPS = Statement(
    "Drops some of the sets of tasks that others of a job waited for.",
    """DELETE FROM dependency_groups WHERE id IN (
           SELECT id FROM dependency_groups INDEXED BY dependency_groups_of_job
           WHERE job_id = :job_id LIMIT :limit)""",
)
_TASKS_BETWEEN = """SELECT id FROM tasks
    WHERE job_id = :job_id AND index_in_job > :after AND index_in_job <= :last"""
_DROP_COMMANDS = Statement(
    "Drops the commands of some tasks of a job.",
    f"DELETE FROM task_commands WHERE task_id IN ({_TASKS_BETWEEN})",
)
_DROP_FAILURES = Statement(
    "Forgets who failed at some tasks of a job.",
    f"DELETE FROM task_failures WHERE task_id IN ({_TASKS_BETWEEN})",
)
_DROP_PARENTS = Statement(
    "Forgets which tasks were waited for, of some tasks of a job.",
    f"DELETE FROM dependency_group_parents WHERE parent_id IN ({_TASKS_BETWEEN})",
)
_DETACH = Statement(
    "Lets some tasks of a job wait for nothing any more.",
    """UPDATE tasks SET dependency_group_id = NULL, unmet_dependencies = 0
       WHERE job_id = :job_id AND index_in_job > :after AND index_in_job <= :last
       AND dependency_group_id IS NOT NULL""",
)
_DROP_QUEUES = Statement(
    "Drops the queues of a job.", "DELETE FROM job_queues WHERE job_id = :job_id"
)
_DROP_BLOCKS = Statement(
    "Empties the block list of a job that is archived.",
    "DELETE FROM job_blocks WHERE job_id = :job_id",
)
_DONE_BEFORE = Statement(
    "Jobs that are done, not put away, and have not changed since a time, oldest first.",
    """SELECT uuid FROM jobs INDEXED BY jobs_to_retire
       WHERE finished_at IS NOT NULL AND delete_requested_at IS NULL
       AND archived_at IS NULL AND updated_at <= :time ORDER BY updated_at LIMIT :limit""",
)
_LAST_TASK = Statement(
    "The index of a job's last task.",
    "SELECT max(index_in_job) FROM tasks WHERE job_id = :job_id",
)

_SETTINGS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Intent:
    """Something that is to be done for a job."""

    id: int
    kind: IntentKind
    subject: str
    """The job's UUID, or the checkout that is to be erased."""
    attempts: int
    """How often it was tried in vain."""
    position: int
    """How far it has been done."""
    job_id: int
    job_uuid: str


def mark_as_archived(db: sqlite3.Connection, job: StoredJob, *, now: datetime) -> None:
    _ARCHIVE.run(db, id=job.id, now=to_microseconds(now))


def mark_for_deletion(
    db: sqlite3.Connection, job: StoredJob, *, leave_files: bool, now: datetime
) -> None:
    _MARK_FOR_DELETION.run(db, id=job.id, leave_files=int(leave_files), now=to_microseconds(now))


def finished_before(db: sqlite3.Connection, time: datetime, *, limit: int) -> list[str]:
    """UUIDs of jobs that are done, are not being deleted, and have not changed since."""
    rows = _FINISHED_BEFORE.run(db, time=to_microseconds(time), limit=limit).fetchall()
    return [row["uuid"] for row in rows]


def checkout_of(db: sqlite3.Connection, job: StoredJob) -> str:
    """The checkout that a job was submitted with; empty if there is none."""
    return _CHECKOUT.value(db, id=job.id) or ""


def is_checkout_used(db: sqlite3.Connection, checkout: str) -> bool:
    """Whether any job was submitted with this checkout."""
    return _USES_OF_CHECKOUT.value(db, checkout=checkout) is not None


def checkouts_in_settings(db: sqlite3.Connection, checkouts: Collection[str]) -> set[str]:
    """Those of the checkouts that settings of any job name: scripts may submit jobs that do not
    say in which checkout their files lie. Looks at all jobs, so it takes long on a large farm.
    """
    written = {name: json.dumps(name)[1:-1] for name in checkouts}
    found: set[str] = set()
    after = 0
    while rows := _SETTINGS.run(db, after=after, limit=_SETTINGS_AT_ONCE).fetchall():
        for row in rows:
            found.update(name for name, text in written.items() if text in row["settings"])
        after = rows[-1]["id"]
    return found


def others_use_checkout(db: sqlite3.Connection, job: StoredJob, checkout: str) -> bool:
    """Whether another job was submitted with the same checkout."""
    return _OTHER_WITH_CHECKOUT.value(db, id=job.id, checkout=checkout) is not None


def add(
    db: sqlite3.Connection, kind: IntentKind, subject: str, job_id: int, *, now: datetime
) -> None:
    _ADD.run(
        db,
        kind=kind,
        subject=subject,
        job_id=job_id,
        is_on_files=int(kind in FILE_WORK),
        now=to_microseconds(now),
    )


def open_intents(
    db: sqlite3.Connection, *, on_files: bool, limit: int, after: int = 0
) -> list[Intent]:
    """What is to be done, in the database or on files, apart from what failed too often."""
    rows = _OPEN.run(db, is_on_files=int(on_files), limit=limit, after=after).fetchall()
    return [_intent(row) for row in rows]


def of_job(db: sqlite3.Connection, job_id: int) -> list[Intent]:
    return [_intent(row) for row in _OF_JOB.run(db, job_id=job_id).fetchall()]


def by_id(db: sqlite3.Connection, intent_id: int) -> Intent | None:
    row = _BY_ID.row(db, id=intent_id)
    return _intent(row) if row else None


def drop(db: sqlite3.Connection, intents: Iterable[Intent]) -> None:
    for intent in intents:
        _DROP.run(db, id=intent.id)


def set_attempts(db: sqlite3.Connection, intent: Intent, attempts: int) -> None:
    _SET_ATTEMPTS.run(db, id=intent.id, attempts=attempts)


def done_before(db: sqlite3.Connection, time: datetime, *, limit: int) -> list[str]:
    """UUIDs of jobs that are done, neither archived nor being deleted, and unchanged since."""
    rows = _DONE_BEFORE.run(db, time=to_microseconds(time), limit=limit).fetchall()
    return [row["uuid"] for row in rows]


def drop_some(db: sqlite3.Connection, job_id: int, *, limit: int) -> bool:
    """Drops some of what belongs to a job; returns whether there may be more."""
    if _DROP_TASKS.run(db, job_id=job_id, limit=limit).rowcount == limit:
        return True
    return _DROP_GROUPS.run(db, job_id=job_id, limit=limit).rowcount == limit


def trim_some(db: sqlite3.Connection, intent: Intent, *, limit: int) -> bool:
    """Drops some of what an archived job does not need; returns whether there may be more."""
    job_id, after = intent.job_id, intent.position
    if after < (_LAST_TASK.value(db, job_id=job_id) or 0):
        for statement in (_DROP_COMMANDS, _DROP_FAILURES, _DROP_PARENTS, _DETACH):
            statement.run(db, job_id=job_id, after=after, last=after + limit)
        _SET_POSITION.run(db, id=intent.id, position=after + limit)
        return True
    if _DROP_GROUPS.run(db, job_id=job_id, limit=limit).rowcount == limit:
        return True
    _DROP_QUEUES.run(db, job_id=job_id)
    _DROP_BLOCKS.run(db, job_id=job_id)
    return False


def _intent(row: sqlite3.Row) -> Intent:
    values = dict(row)
    return Intent(**{**values, "kind": IntentKind(values["kind"])})
