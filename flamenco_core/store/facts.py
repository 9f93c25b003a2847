"""What is known of a worker and a job, for explaining what the scheduler does."""

from __future__ import annotations

import json
import sqlite3

from flamenco_core.rules.eligibility import JobFacts, SlotFacts, TaskClassFacts, WorkerFacts
from flamenco_core.statuses import JobStatus, WorkerStatus
from flamenco_core.store import worker_slots
from flamenco_core.store.database import Statement, found
from flamenco_core.store.queues import READY

_WORKER = Statement(
    "A worker's state.",
    """SELECT id, name, status, status_requested FROM workers
       WHERE uuid = :uuid AND deleted_at IS NULL""",
)
_TYPES = Statement(
    "A worker's task types.",
    "SELECT task_type FROM worker_task_types WHERE worker_id = :worker_id",
)
_CAPABILITIES = Statement(
    "What a worker said it has.",
    "SELECT key, value FROM worker_capabilities WHERE worker_id = :worker_id",
)
_TAGS = Statement(
    "The names of a worker's tags.",
    """SELECT g.name FROM worker_tags t JOIN tags g ON g.id = t.tag_id
       WHERE t.worker_id = :worker_id""",
)
_JOB = Statement(
    "A job's state.",
    """SELECT j.id, j.name, j.status, g.name AS tag FROM jobs j
       LEFT JOIN tags g ON g.id = j.tag_id WHERE j.uuid = :uuid""",
)
_CLASSES = Statement(
    "The task classes of a job, with what is ready of each and whether a worker is blocked.",
    """SELECT c.id, c.task_type, c.requirements, q.ready_count, EXISTS (
           SELECT 1 FROM job_blocks b WHERE b.job_id = q.job_id
           AND b.worker_id = :worker_id AND b.task_type = c.task_type) AS is_blocked
       FROM job_queues q JOIN task_classes c ON c.id = q.task_class_id
       WHERE q.job_id = :job_id""",
)
_WAITING = Statement(
    "Whether a job has a task of a class and status.",
    """SELECT 1 FROM tasks INDEXED BY tasks_by_status WHERE job_id = :job_id
       AND status = :status AND task_class_id = :task_class_id LIMIT 1""",
)
_UNTRIED = Statement(
    "Whether a ready task is left at which a worker has not failed.",
    f"""SELECT 1 FROM tasks INDEXED BY ready_tasks
       WHERE job_id = :job_id AND task_class_id = :task_class_id AND {READY}
       AND NOT EXISTS (SELECT 1 FROM task_failures f
                       WHERE f.task_id = tasks.id AND f.worker_id = :worker_id) LIMIT 1""",
)
_WAITING_STATUSES = ("queued", "soft-failed", "paused")


def worker(db: sqlite3.Connection, uuid: str) -> tuple[int, WorkerFacts]:
    """A worker's key, and the facts; raises `NotFound`."""
    row = found(_WORKER.row(db, uuid=uuid), "worker", uuid)
    key, requested = row["id"], row["status_requested"]
    has = {item["key"]: item["value"] for item in _CAPABILITIES.run(db, worker_id=key)}
    return key, WorkerFacts(
        name=row["name"],
        status=WorkerStatus(row["status"]),
        status_requested=WorkerStatus(requested) if requested else None,
        task_types=frozenset(kind[0] for kind in _TYPES.run(db, worker_id=key)),
        capabilities=has,
        tags=frozenset(tag[0] for tag in _TAGS.run(db, worker_id=key)),
        slots=tuple(
            SlotFacts(task_types=slot.task_types, capabilities={**has, **slot.capabilities})
            for slot in worker_slots.of_worker(db, key)
        ),
    )


def job(db: sqlite3.Connection, uuid: str) -> tuple[int, JobFacts]:
    """A job's key, and the facts; raises `NotFound`."""
    row = found(_JOB.row(db, uuid=uuid), "job", uuid)
    return row["id"], JobFacts(name=row["name"], status=JobStatus(row["status"]), tag=row["tag"])


def task_classes(db: sqlite3.Connection, job_id: int, worker_id: int) -> list[TaskClassFacts]:
    """What each class of a job's tasks looks like to a worker."""
    return [
        TaskClassFacts(
            task_type=row["task_type"],
            requirements=json.loads(row["requirements"]),
            unfinished=int(_any_waiting(db, job_id, row["id"])),
            ready=row["ready_count"],
            ready_and_untried=int(
                _UNTRIED.value(db, job_id=job_id, task_class_id=row["id"], worker_id=worker_id)
                is not None
            ),
            is_blocked=bool(row["is_blocked"]),
        )
        for row in _CLASSES.run(db, job_id=job_id, worker_id=worker_id).fetchall()
    ]


def _any_waiting(db: sqlite3.Connection, job_id: int, task_class_id: int) -> bool:
    return any(
        _WAITING.value(db, job_id=job_id, task_class_id=task_class_id, status=status)
        for status in _WAITING_STATUSES
    )
