"""Recomputes what the farm keeps beside the facts (counts, flags, matches), compares, and mends.

Reads every job and task; not for a request. The order of `CHECKS` matters to mending: what others
are computed from comes first.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from flamenco_core.rules.lifecycle import SWEEPS, held_back
from flamenco_core.rules.scheduling import NO_TAG
from flamenco_core.statuses import (
    FINAL_JOB_STATUSES,
    SCHEDULABLE_JOB_STATUSES,
    JobStatus,
    TaskStatus,
)
from flamenco_core.store import queues, statistics
from flamenco_core.store.queues import READY
from flamenco_core.store.tasks import COUNT_COLUMNS


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    find: Callable[[sqlite3.Connection], list[str]]
    """A sentence for each place where it does not."""
    mend: Callable[[sqlite3.Connection], None]
    """Makes it hold everywhere; inside a transaction of the caller's."""


def differences(db: sqlite3.Connection) -> list[str]:
    """A sentence for each thing that does not add up; empty for a sound farm."""
    return [sentence for check in CHECKS for sentence in check.find(db)]


def damage(db: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with the file itself. Reads all of it."""
    found: list[str] = []
    try:
        found += (row[0] for row in db.execute("PRAGMA integrity_check"))
    except sqlite3.DatabaseError as error:
        # SQLite can come upon a place at which it cannot go on looking.
        found.append(str(error))
    return [] if found == ["ok"] else [f"the file is damaged: {what}" for what in found]


def dangling_references(db: sqlite3.Connection) -> list[str]:
    """Rows that belong to rows which do not exist. Reads all of the file."""
    return [
        f"a row of {row[0]} refers to a row of {row[2]} that does not exist"
        for row in db.execute("PRAGMA foreign_key_check")
    ]


def jobs_to_follow(db: sqlite3.Connection) -> list[int]:
    """Keys of the jobs whose status follows from their tasks."""
    rows = db.execute(
        f"""SELECT id FROM jobs WHERE status IN ({_listed(_FOLLOWING)})
            AND delete_requested_at IS NULL AND archived_at IS NULL"""
    )
    return [row[0] for row in rows]


def rebuild_indexes(db: sqlite3.Connection) -> None:
    """Makes all indexes anew from the tables, which mends damage that is in indexes alone."""
    db.execute("REINDEX")


def _check(sentence: str, find: str, mend: str) -> Check:
    """A check by SQL: `find` yields what stands in the sentence, for each row that is wrong."""

    def found(db: sqlite3.Connection) -> list[str]:
        with closing(db.execute(find)) as rows:
            return [sentence.format(*row) for row in rows]

    def mended(db: sqlite3.Connection) -> None:
        db.execute(mend)

    return Check(found, mended)


def _derived(
    sentence: str, table: str, column: str, real: str, *, name: str = "uuid", where: str = "TRUE"
) -> Check:
    """A column that must be what `real` says; the sentence gets `name`, what is, what should be."""
    wrong = f"{where} AND {column} <> ({real})"
    return _check(
        sentence,
        f"SELECT {name}, {column}, ({real}) FROM {table} WHERE {wrong}",
        f"UPDATE {table} SET {column} = ({real}) WHERE {wrong}",
    )


def _listed(statuses: frozenset[JobStatus]) -> str:
    return ", ".join(f"'{status}'" for status in sorted(statuses))


_UNFINISHED_PARENT = """FROM dependency_group_parents p JOIN tasks parent ON parent.id = p.parent_id
    WHERE p.group_id = {group} AND parent.status <> 'completed'"""
_RUNNABLE = """job_id NOT IN (SELECT j.id FROM jobs j
    WHERE j.delete_requested_at > 0 OR j.archived_at > 0 OR j.status = 'under-construction')"""
"""Of the others, what depends on what is not stored yet, or not any more."""
_KNOWS = """NOT EXISTS (SELECT 1 FROM dependency_groups g
    WHERE g.id = tasks.dependency_group_id AND g.told_up_to < tasks.id)"""
"""The others are told of what they wait for in a later transaction."""
_HAS_TO_TELL = """EXISTS (SELECT 1 FROM dependency_groups g
    WHERE g.job_id = j.id AND g.told_up_to IS NOT NULL AND g.unmet > 0)"""
_JOB_OF_QUEUE = "SELECT {value} FROM jobs j WHERE j.id = job_queues.job_id"
_NAME_OF_QUEUE = f"({_JOB_OF_QUEUE.format(value='j.uuid')}) || ', class ' || task_class_id"
_WRONG_END = f"(finished_at IS NULL) = (status IN ({_listed(FINAL_JOB_STATUSES)}))"
_WITHOUT_QUEUE = """FROM tasks t JOIN jobs j ON j.id = t.job_id WHERE NOT EXISTS (
    SELECT 1 FROM job_queues q WHERE q.job_id = t.job_id AND q.task_class_id = t.task_class_id)
    AND j.delete_requested_at IS NULL AND j.archived_at IS NULL
    GROUP BY j.id, t.task_class_id"""
_NOT_TO_RESERVE = """reserved_until IS NOT NULL
    AND (status NOT IN ('queued', 'soft-failed') OR worker_id IS NULL)"""
_WITHOUT_WORKER = "status = 'active' AND worker_id IS NULL"
_INSTEAD_OF_ACTIVE = " ".join(
    f"WHEN '{status}' THEN '{held_back(TaskStatus.QUEUED, status)}'" for status in JobStatus
)
_OPEN_BUT_OVER = """FROM task_attempts JOIN tasks t ON t.id = task_attempts.task_id
    WHERE task_attempts.ended_at IS NULL
    AND (t.status <> 'active' OR t.attempt <> task_attempts.attempt)"""
_WITHOUT_ATTEMPT = """FROM tasks t WHERE t.status = 'active' AND t.worker_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM task_attempts a WHERE a.task_id = t.id
        AND a.attempt = t.attempt AND a.worker_id = t.worker_id AND a.ended_at IS NULL)"""
_TRANSITIONAL = frozenset(
    {JobStatus.UNDER_CONSTRUCTION, JobStatus.CANCEL_REQUESTED, JobStatus.REQUEUEING}
)
"""A job stays in these only while its tasks are being changed."""
_FOLLOWING = SCHEDULABLE_JOB_STATUSES | {JobStatus.PAUSE_REQUESTED, JobStatus.COMPLETED}
_MAY_BE_UNSETTLED = _TRANSITIONAL | frozenset(SWEEPS)

_TASK_CHECKS = (
    _check(
        "task {0} is {1} and reserved for a slot",
        f"SELECT uuid, status FROM tasks WHERE {_NOT_TO_RESERVE}",
        f"UPDATE tasks SET reserved_until = NULL WHERE {_NOT_TO_RESERVE}",
    ),
    _check(
        "task {0} is active without a worker",
        f"SELECT uuid FROM tasks WHERE {_WITHOUT_WORKER}",
        f"""UPDATE tasks SET status = (SELECT CASE j.status {_INSTEAD_OF_ACTIVE} END
                FROM jobs j WHERE j.id = tasks.job_id) WHERE {_WITHOUT_WORKER}""",
    ),
    _check(
        "attempt {1} of task {0} was never ended, and is over",
        f"SELECT t.uuid, task_attempts.attempt {_OPEN_BUT_OVER}",
        f"""UPDATE task_attempts SET (ended_at, outcome) = (
                SELECT t.updated_at, t.status FROM tasks t WHERE t.id = task_attempts.task_id)
            WHERE (task_id, attempt) IN (
                SELECT task_attempts.task_id, task_attempts.attempt {_OPEN_BUT_OVER})""",
    ),
    _check(
        "task {0} is active, and attempt {1} at it is not recorded as going on",
        f"SELECT t.uuid, t.attempt {_WITHOUT_ATTEMPT}",
        f"""INSERT INTO task_attempts (task_id, attempt, worker_id, slot, started_at)
            SELECT t.id, t.attempt, t.worker_id, coalesce(t.slot, 0), t.updated_at
            {_WITHOUT_ATTEMPT}
            ON CONFLICT (task_id, attempt) DO UPDATE
            SET worker_id = excluded.worker_id, ended_at = NULL, outcome = NULL""",
    ),
    # A job that is put away loses its dependencies piece by piece.
    _derived(
        "group {0} counts {1} unfinished tasks, but has {2}",
        *("dependency_groups", "unmet"),
        f"SELECT count(*) {_UNFINISHED_PARENT.format(group='dependency_groups.id')}",
        name="id",
        where=_RUNNABLE,
    ),
    _derived(
        "task {0} waits for {1} sets of tasks, which should be {2}",
        *("tasks", "unmet_dependencies"),
        f"SELECT EXISTS (SELECT 1 {_UNFINISHED_PARENT.format(group='tasks.dependency_group_id')})",
        where=f"{_RUNNABLE} AND {_KNOWS}",
    ),
)
_JOB_CHECKS = (
    *(
        _derived(
            f"job {{0}} counts {{1}} tasks as {status}, but has {{2}}",
            *("jobs", column),
            f"""SELECT count(*) FROM tasks t WHERE t.job_id = jobs.id AND t.status = '{status}'""",
            where="delete_requested_at IS NULL",
        )
        for status, column in COUNT_COLUMNS.items()
    ),
    _derived(
        "job {0} counts {1} completed steps, but has {2}",
        *("jobs", "steps_completed"),
        "SELECT coalesce(sum(t.steps_completed), 0) FROM tasks t WHERE t.job_id = jobs.id",
        where="delete_requested_at IS NULL",
    ),
    _derived(
        "job {0} counts {1} steps, but has {2}",
        *("jobs", "steps_total"),
        "SELECT coalesce(sum(t.steps_total), 0) FROM tasks t WHERE t.job_id = jobs.id",
        where="status <> 'under-construction' AND delete_requested_at IS NULL",
    ),
    _check(
        "job {0} is {1}, and nothing says that its tasks are still being changed",
        f"""SELECT uuid, status FROM jobs
            WHERE unsettled = 0 AND status IN ({_listed(_TRANSITIONAL)})""",
        f"""UPDATE jobs SET unsettled = 1
            WHERE unsettled = 0 AND status IN ({_listed(_TRANSITIONAL)})""",
    ),
    _check(
        "job {0} is {1}, and yet its tasks are said to be changed to fit that",
        f"""SELECT uuid, status FROM jobs
            WHERE unsettled = 1 AND status NOT IN ({_listed(_MAY_BE_UNSETTLED)})""",
        f"""UPDATE jobs SET unsettled = 0
            WHERE unsettled = 1 AND status NOT IN ({_listed(_MAY_BE_UNSETTLED)})""",
    ),
    _check(
        "job {0} is {1}, which does not go with what is said of when it ended",
        f"SELECT uuid, status FROM jobs WHERE {_WRONG_END}",
        f"""UPDATE jobs SET finished_at = CASE WHEN finished_at IS NULL THEN updated_at END
            WHERE {_WRONG_END}""",
    ),
)
_SAID = "FROM jobs j, json_each(j.metadata) said WHERE {condition}"
_NOT_FINDABLE = _SAID.format(
    condition="""NOT EXISTS (SELECT 1 FROM job_metadata m
        WHERE m.job_id = j.id AND m.key = said.key AND m.value = said.value)"""
)
_NEVER_SAID = f"""NOT EXISTS (SELECT 1
    {_SAID.format(condition="j.id = job_metadata.job_id")}
    AND said.key = job_metadata.key AND said.value = job_metadata.value)"""
_METADATA_CHECKS = (
    _check(
        "a job is found by {0} = {1}, which is not said of it",
        f"SELECT key, value FROM job_metadata WHERE {_NEVER_SAID}",
        f"DELETE FROM job_metadata WHERE {_NEVER_SAID}",
    ),
    _check(
        "job {0} cannot be found by its metadata {1}",
        f"SELECT j.uuid, said.key {_NOT_FINDABLE}",
        f"""INSERT INTO job_metadata (job_id, key, value)
            SELECT j.id, said.key, said.value {_NOT_FINDABLE}""",
    ),
)
_QUEUE_CHECKS = (
    _check(
        "job {0} has tasks of class {1} and no queue for them",
        f"SELECT j.uuid, t.task_class_id {_WITHOUT_QUEUE}",
        f"""INSERT INTO job_queues (job_id, task_class_id, tag_id, job_priority, is_open)
            SELECT j.id, t.task_class_id, coalesce(j.tag_id, {NO_TAG}), j.priority, 0
            {_WITHOUT_QUEUE}""",
    ),
    _derived(
        "the queue of job {0} has priority {1}, but the job has {2}",
        *("job_queues", "job_priority"),
        _JOB_OF_QUEUE.format(value="j.priority"),
        name=_NAME_OF_QUEUE,
    ),
    _derived(
        "the queue of job {0} is for tag {1}, but the job is for {2}",
        *("job_queues", "tag_id"),
        _JOB_OF_QUEUE.format(value=f"coalesce(j.tag_id, {NO_TAG})"),
        name=_NAME_OF_QUEUE,
    ),
    _derived(
        "the queue of job {0} has its open flag at {1}, which should be {2}",
        *("job_queues", "is_open"),
        _JOB_OF_QUEUE.format(
            value=f"j.status IN ({_listed(SCHEDULABLE_JOB_STATUSES)}) AND NOT {_HAS_TO_TELL}"
        ),
        name=_NAME_OF_QUEUE,
    ),
    _derived(
        "the queue of job {0} counts {1} ready tasks, but has {2}",
        *("job_queues", "ready_count"),
        f"""SELECT count(*) FROM tasks t WHERE t.job_id = job_queues.job_id
            AND t.task_class_id = job_queues.task_class_id AND {READY}""",
        name=_NAME_OF_QUEUE,
    ),
)


def _wrong_matches(db: sqlite3.Connection) -> dict[str, tuple[int, list[str]]]:
    """The workers whose fitting task classes are not what is stored: UUID → key, task types."""
    classes: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for row in db.execute("SELECT id, task_type, requirements FROM task_classes"):
        classes.setdefault(row["task_type"], []).append(
            (row["id"], json.loads(row["requirements"]))
        )
    wrong = {}
    for worker in db.execute("SELECT id, uuid FROM workers").fetchall():
        types = _column(db, "task_type", "worker_task_types", worker["id"])
        stored = set(_column(db, "task_class_id", "worker_task_classes", worker["id"]))
        fitting = {
            class_id
            for kind in types
            for class_id, requirements in classes.get(kind, ())
            if queues.takes(db, worker["id"], kind, requirements)
        }
        if fitting != stored:
            wrong[worker["uuid"]] = (worker["id"], types)
    return wrong


def _column(db: sqlite3.Connection, column: str, table: str, worker_id: int) -> list[Any]:
    rows = db.execute(f"SELECT {column} FROM {table} WHERE worker_id = ?", [worker_id])
    return [row[0] for row in rows]


def _not_counted(db: sqlite3.Connection) -> list[sqlite3.Row]:
    """Attempts that ended, and whose statistics do not say so."""
    return db.execute(
        """SELECT t.uuid, a.task_id, a.attempt
           FROM task_attempts a JOIN tasks t ON t.id = a.task_id
           WHERE a.ended_at IS NOT NULL AND NOT EXISTS (
               SELECT 1 FROM attempt_statistics s
               WHERE s.task_uuid = t.uuid AND s.attempt = a.attempt AND s.outcome IS NOT NULL)"""
    ).fetchall()


def _find_not_counted(db: sqlite3.Connection) -> list[str]:
    return [
        f"attempt {row['attempt']} of task {row['uuid']} ended, and is in no statistics"
        for row in _not_counted(db)
    ]


def _count_attempts(db: sqlite3.Connection) -> None:
    for row in _not_counted(db):
        statistics.end(db, row["task_id"], row["attempt"])


def _find_wrong_matches(db: sqlite3.Connection) -> list[str]:
    return [
        f"worker {uuid} is not matched with exactly the tasks it can take"
        for uuid in _wrong_matches(db)
    ]


def _match_again(db: sqlite3.Connection) -> None:
    for worker_id, types in _wrong_matches(db).values():
        queues.match_worker(db, worker_id, types)


CHECKS = (
    *_TASK_CHECKS,
    *_JOB_CHECKS,
    *_METADATA_CHECKS,
    *_QUEUE_CHECKS,
    Check(_find_wrong_matches, _match_again),
    Check(_find_not_counted, _count_attempts),
    Check(statistics.wrong_sums, statistics.add_up_again),
)
"""In the order in which mending has to go."""
