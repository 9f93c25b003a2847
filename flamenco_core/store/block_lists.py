"""The workers that a job is closed to, looked at and changed by people."""

from __future__ import annotations

import sqlite3

from flamenco_core.model.block_lists import JobBlocklistEntry, WorkerBlock
from flamenco_core.store import queues
from flamenco_core.store.database import Statement, from_microseconds
from flamenco_core.store.queues import ReadyChange

_OF_JOB = Statement(
    "The block list of a job.",
    """SELECT w.uuid, w.name, b.task_type FROM job_blocks b JOIN workers w ON w.id = b.worker_id
       WHERE b.job_id = :job_id""",
)
_OF_WORKER = Statement(
    "The jobs whose block lists a worker is on, the newest first.",
    """SELECT j.uuid, j.name, b.task_type, b.blocked_at
       FROM job_blocks b JOIN jobs j ON j.id = b.job_id
       WHERE b.worker_id = :worker_id ORDER BY b.job_id DESC, b.task_type DESC LIMIT :limit""",
)
_REMOVE = Statement(
    "Opens a job's tasks of one type to a worker again.",
    """DELETE FROM job_blocks WHERE job_id = :job_id AND task_type = :task_type
       AND worker_id = (SELECT id FROM workers WHERE uuid = :worker_uuid)""",
)
_CLASSES = Statement(
    "The task classes of one type that a job has.",
    """SELECT q.task_class_id FROM job_queues q JOIN task_classes c ON c.id = q.task_class_id
       WHERE q.job_id = :job_id AND c.task_type = :task_type""",
)


def of_job(db: sqlite3.Connection, job_id: int) -> list[JobBlocklistEntry]:
    """By the workers' names."""
    found = [
        JobBlocklistEntry(worker_id=row[0], worker_name=row[1], task_type=row[2])
        for row in _OF_JOB.run(db, job_id=job_id).fetchall()
    ]
    return sorted(found, key=lambda entry: (entry.worker_name or "", entry.task_type))


def of_worker(db: sqlite3.Connection, worker_id: int, *, limit: int) -> list[WorkerBlock]:
    """Those of the newest jobs first."""
    return [
        WorkerBlock(
            job_id=row[0], job_name=row[1], task_type=row[2], blocked=from_microseconds(row[3])
        )
        for row in _OF_WORKER.run(db, worker_id=worker_id, limit=limit).fetchall()
    ]


def remove(
    db: sqlite3.Connection, job_id: int, entry: JobBlocklistEntry
) -> list[ReadyChange] | None:
    """Says what the worker may take again; None if the entry is not there."""
    removed = _REMOVE.run(db, job_id=job_id, task_type=entry.task_type, worker_uuid=entry.worker_id)
    if not removed.rowcount:
        return None
    rows = _CLASSES.run(db, job_id=job_id, task_type=entry.task_type).fetchall()
    return [change for row in rows for change in queues.ready_anew(db, job_id, row[0])]
