"""Who would get what: the scheduler's walk, without handing anything out.

Every task is planned for one worker at most; the next one gets what is left.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Mapping
from dataclasses import dataclass

from flamenco_core.rules import scheduling
from flamenco_core.rules.scheduling import QueuedJob, ReadyTask
from flamenco_core.statuses import WorkerStatus
from flamenco_core.store import queues
from flamenco_core.store.database import Statement
from flamenco_core.store.queues import READY

_FREE_SLOTS = Statement(
    "Slots that have nothing, of workers that are awake and are to stay so, the oldest first;"
    " NULL for a worker with one for everything.",
    """SELECT w.id, w.uuid, w.name, s.slot FROM workers w INDEXED BY worker_statuses
       LEFT JOIN worker_slots s ON s.worker_id = w.id
       WHERE w.status = 'awake' AND w.deleted_at IS NULL AND w.status_requested IS NULL
       AND NOT EXISTS (SELECT 1 FROM tasks t INDEXED BY held_tasks
                       WHERE t.worker_id = w.id AND t.slot >= 0
                       AND (s.slot IS NULL OR t.slot = s.slot)
                       AND (t.status = 'active' OR t.reserved_until IS NOT NULL))
       ORDER BY w.id, s.slot LIMIT :limit""",
)
_READY_TASKS = Statement(
    "The ready tasks of a job in one class, in their order, as far as they are asked for.",
    f"""SELECT id, priority, index_in_job FROM tasks INDEXED BY ready_tasks
       WHERE job_id = :job_id AND task_class_id = :task_class_id AND {READY}
       ORDER BY priority DESC, index_in_job""",
)
_HAS_FAILED = Statement(
    "Whether a worker has failed at a task.",
    "SELECT 1 FROM task_failures WHERE task_id = :task_id AND worker_id = :worker_id",
)
_NAMES = Statement(
    "What people call a task and its job.",
    """SELECT t.uuid AS task_uuid, t.name AS task_name, c.task_type, j.uuid AS job_uuid,
           j.name AS job_name
       FROM tasks t JOIN jobs j ON j.id = t.job_id JOIN task_classes c ON c.id = t.task_class_id
       WHERE t.id = :id""",
)
_WORKERS_OF_TYPE = Statement(
    "Workers that take tasks of a type, with what they are doing.",
    """SELECT w.id, w.uuid, w.name, w.status, w.status_requested
       FROM worker_task_types t INDEXED BY worker_types_by_type
       JOIN workers w ON w.id = t.worker_id
       WHERE t.task_type = :task_type AND w.deleted_at IS NULL
       ORDER BY t.worker_id LIMIT :limit""",
)
_HAS_TAG = Statement(
    "Whether a worker has a tag.",
    "SELECT 1 FROM worker_tags WHERE worker_id = :worker_id AND tag_id = :tag_id",
)
_IS_BLOCKED = Statement(
    "Whether a worker is on a job's block list for a task type.",
    """SELECT 1 FROM job_blocks WHERE job_id = :job_id AND worker_id = :worker_id
       AND task_type = :task_type""",
)
_JOB = Statement("What the queue knows of a job.", "SELECT id, tag_id FROM jobs WHERE uuid = :uuid")
_CLASSES = Statement(
    "The task classes of a job.",
    """SELECT c.task_type, c.requirements FROM job_queues q
       JOIN task_classes c ON c.id = q.task_class_id WHERE q.job_id = :job_id""",
)
_TAG = Statement("The key of a tag.", "SELECT id FROM tags WHERE uuid = :uuid")


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """A slot that has nothing to do, of a worker as plans name it."""

    worker_id: int
    worker_uuid: str
    worker_name: str
    slot: int | None
    """None: the worker has one for everything."""

    def takes(self, db: sqlite3.Connection, kind: TaskKind) -> bool:
        """Whether it can run tasks of a kind that its worker can take."""
        return self.slot is None or queues.slot_takes(
            db, self.worker_id, self.slot, kind.task_type, kind.requirements
        )


@dataclass(frozen=True, slots=True)
class AbleWorker:
    """A worker that can take some kind of task."""

    id: int
    is_awake: bool
    """And not asked to become something else."""


@dataclass(frozen=True, slots=True)
class TaskKind:
    """What tasks ask of a worker."""

    task_type: str
    requirements: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class QueuedTask:
    """A ready task and the priority of its job."""

    job_priority: int
    job_id: int
    task_id: int


def free_slots(db: sqlite3.Connection, *, limit: int) -> list[FreeSlot]:
    """Slots of workers that would get a task at once if there is one for them."""
    rows = _FREE_SLOTS.run(db, limit=limit).fetchall()
    return [FreeSlot(row["id"], row["uuid"], row["name"], row["slot"]) for row in rows]


def names_of(db: sqlite3.Connection, task_id: int) -> sqlite3.Row:
    """A row with `task_uuid`, `task_name`, `task_type`, `job_uuid` and `job_name`."""
    row = _NAMES.row(db, id=task_id)
    if row is None:
        raise LookupError(f"task {task_id} is gone in the same snapshot")
    return row


def job_kinds(db: sqlite3.Connection, job_uuid: str) -> tuple[int, int | None, list[TaskKind]]:
    """Key and tag of a job that exists, and the kinds of its tasks."""
    row = _JOB.row(db, uuid=job_uuid)
    if row is None:
        raise LookupError(f"job {job_uuid} is gone in the same snapshot")
    kinds = [
        TaskKind(kind["task_type"], json.loads(kind["requirements"]))
        for kind in _CLASSES.run(db, job_id=row["id"]).fetchall()
    ]
    return row["id"], row["tag_id"], kinds


def tag_key(db: sqlite3.Connection, tag_uuid: str) -> int | None:
    """The key of a tag; None if there is none."""
    key: int | None = _TAG.value(db, uuid=tag_uuid)
    return key


def able_workers(
    db: sqlite3.Connection,
    kind: TaskKind,
    *,
    tag_id: int | None,
    job_id: int | None,
    limit: int,
) -> list[AbleWorker]:
    """Workers that can take tasks of a kind, of a job with this tag; whatever they do now.

    `job_id` is that of a stored job, whose block list counts. At most `limit` are looked at.
    """
    able = []
    for row in _WORKERS_OF_TYPE.run(db, task_type=kind.task_type, limit=limit).fetchall():
        if _can_take(db, row["id"], kind, tag_id=tag_id, job_id=job_id):
            is_awake = row["status"] == WorkerStatus.AWAKE and row["status_requested"] is None
            able.append(AbleWorker(row["id"], is_awake))
    return able


def _can_take(
    db: sqlite3.Connection,
    worker_id: int,
    kind: TaskKind,
    *,
    tag_id: int | None,
    job_id: int | None,
) -> bool:
    if not queues.takes(db, worker_id, kind.task_type, kind.requirements):
        return False
    if tag_id is not None and _HAS_TAG.row(db, worker_id=worker_id, tag_id=tag_id) is None:
        return False
    return job_id is None or (
        _IS_BLOCKED.row(db, job_id=job_id, worker_id=worker_id, task_type=kind.task_type) is None
    )


class QueuePlan:
    """Hands out on paper. Use it inside one `snapshot`, and close it there."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._ready: dict[tuple[int, int], _ReadyTasks] = {}

    def close(self) -> None:
        """Ends the reads that go on."""
        for ready in self._ready.values():
            ready.close()

    def first_for(self, free: FreeSlot) -> QueuedTask | None:
        """What a slot would get now; `take` it before the next one is asked about."""
        worker_id = free.worker_id
        match = queues.worker_match(self._db, worker_id, free.slot)
        best: list[tuple[QueuedJob, ReadyTask]] = []
        for job in queues.walk(self._db, worker_id, match):
            if best and best[0][0].job_id != job.job_id:
                break
            task = self._ready_tasks(job).first_for(worker_id)
            if task is not None:
                best.append((job, task))
        first = scheduling.first_task(task for _, task in best)
        if first is None:
            return None
        return QueuedTask(best[0][0].priority, best[0][0].job_id, first.task_id)

    def take(self, task: QueuedTask) -> None:
        """Lets nobody else have a task."""
        for (job_id, _), ready in self._ready.items():
            if job_id == task.job_id:
                ready.take(task.task_id)

    def _ready_tasks(self, job: QueuedJob) -> _ReadyTasks:
        key = (job.job_id, job.task_class_id)
        if key not in self._ready:
            self._ready[key] = _ReadyTasks(self._db, job)
        return self._ready[key]


class _ReadyTasks:
    """Those of a job in one class that nobody has yet, fetched as far as they are needed."""

    def __init__(self, db: sqlite3.Connection, job: QueuedJob) -> None:
        self._db = db
        self._left: list[ReadyTask] = []
        self._more = _in_order(db, job)

    def close(self) -> None:
        self._more.close()

    def first_for(self, worker_id: int) -> ReadyTask | None:
        for task in self._left:
            if not self._has_failed(worker_id, task):
                return task
        for task in self._more:
            self._left.append(task)
            if not self._has_failed(worker_id, task):
                return task
        return None

    def take(self, task_id: int) -> None:
        self._left = [task for task in self._left if task.task_id != task_id]

    def _has_failed(self, worker_id: int, task: ReadyTask) -> bool:
        return _HAS_FAILED.row(self._db, task_id=task.task_id, worker_id=worker_id) is not None


def _in_order(db: sqlite3.Connection, job: QueuedJob) -> Generator[ReadyTask, None, None]:
    rows = _READY_TASKS.run(db, job_id=job.job_id, task_class_id=job.task_class_id)
    try:
        for row in rows:
            yield ReadyTask(row["id"], row["priority"], row["index_in_job"])
    finally:
        # An unfinished SELECT would keep its transaction from ending.
        rows.close()
