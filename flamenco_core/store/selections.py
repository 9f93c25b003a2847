"""Finding jobs, tasks and workers by what people know of them: a status, or how an id begins."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from flamenco_core.model.finding import IdKind
from flamenco_core.statuses import TaskStatus
from flamenco_core.store.database import Statement, found

_JOB_KEY = Statement("The key of a job.", "SELECT id FROM jobs WHERE uuid = :uuid")
_TASKS_WITH_STATUS = Statement(
    "The next tasks of a job with a status, from an index in the job on.",
    """SELECT uuid, index_in_job FROM tasks INDEXED BY tasks_by_status
       WHERE job_id = :job_id AND status = :status AND index_in_job > :after
       ORDER BY index_in_job LIMIT :limit""",
)
_BEGINNING = "uuid >= :beginning AND uuid < :beyond ORDER BY uuid LIMIT :limit"
_JOBS = Statement("Jobs by how their id begins.", f"SELECT uuid, name FROM jobs WHERE {_BEGINNING}")
_TASKS = Statement(
    "Tasks by how their id begins.", f"SELECT uuid, name FROM tasks WHERE {_BEGINNING}"
)
_WORKERS = Statement(
    "Workers by how their id begins.",
    f"SELECT uuid, name FROM workers WHERE deleted_at IS NULL AND {_BEGINNING}",
)

_WORKER_KEY = Statement("The key of a worker.", "SELECT id FROM workers WHERE uuid = :uuid")
_WORKERS_AFTER = Statement(
    "The next workers, in the order of their registration.",
    "SELECT uuid FROM workers WHERE id > :after AND deleted_at IS NULL ORDER BY id LIMIT :limit",
)

_BY_BEGINNING: Mapping[IdKind, Statement] = {
    IdKind.JOB: _JOBS,
    IdKind.TASK: _TASKS,
    IdKind.WORKER: _WORKERS,
}


@dataclass(frozen=True, slots=True)
class FoundTask:
    uuid: str
    index_in_job: int


def tasks_with_status(
    db: sqlite3.Connection, job_uuid: str, status: TaskStatus, *, after: int, limit: int
) -> list[FoundTask]:
    """Tasks of a job in their order, those after an index in it; raises `NotFound`."""
    job_id = found(_JOB_KEY.row(db, uuid=job_uuid), "job", job_uuid)["id"]
    rows = _TASKS_WITH_STATUS.run(db, job_id=job_id, status=status, after=after, limit=limit)
    return [FoundTask(row["uuid"], row["index_in_job"]) for row in rows.fetchall()]


def by_beginning(
    db: sqlite3.Connection, kind: IdKind, beginning: str, *, limit: int
) -> list[dict[str, str]]:
    """Id and name of the things of a kind whose id begins so, in the order of their ids."""
    rows = _BY_BEGINNING[kind].run(
        # Ids have no character beyond letters, so that all of them are before this.
        db,
        beginning=beginning.lower(),
        beyond=f"{beginning.lower()}~",
        limit=limit,
    )
    return [{"id": row["uuid"], "name": row["name"]} for row in rows.fetchall()]


def workers_after(db: sqlite3.Connection, uuid: str | None, *, limit: int) -> list[str]:
    """The UUIDs of the next workers; raises `NotFound` if there is none to go on after."""
    key = 0 if uuid is None else found(_WORKER_KEY.row(db, uuid=uuid), "worker", uuid)["id"]
    return [row["uuid"] for row in _WORKERS_AFTER.run(db, after=key, limit=limit).fetchall()]
