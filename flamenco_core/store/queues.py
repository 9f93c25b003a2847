"""The queue as the scheduler sees it: task classes, which worker takes which, and ready counts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from flamenco_core.requirements import meets
from flamenco_core.rules.scheduling import NO_TAG, QueuedJob, jobs_in_order
from flamenco_core.store import worker_slots
from flamenco_core.store.database import Statement

READY = "status IN ('queued', 'soft-failed') AND unmet_dependencies = 0 AND reserved_until IS NULL"
"""Word for word the condition of the index `ready_tasks`, so that SQLite can use it."""

_FIND_CLASS = Statement(
    "The task class of a task type and a set of requirements.",
    "SELECT id FROM task_classes WHERE task_type = :task_type AND requirements = :requirements",
)
_ADD_CLASS = Statement(
    "Makes a task class that is not there yet.",
    """INSERT INTO task_classes (task_type, requirements) VALUES (:task_type, :requirements)
       RETURNING id""",
)
_ADD_REQUIREMENT = Statement(
    "Adds a requirement to a new task class.",
    """INSERT INTO task_class_requirements (task_class_id, key, value)
       VALUES (:task_class_id, :key, :value)""",
)
_WORKERS_OF_TYPE = Statement(
    "Workers that may match a new task class.",
    """SELECT worker_id FROM worker_task_types INDEXED BY worker_types_by_type
       WHERE task_type = :task_type""",
)
_CLASSES_OF_TYPE = Statement(
    "Task classes that a worker may match by its task type.",
    "SELECT id, requirements FROM task_classes WHERE task_type = :task_type",
)
_MATCH = Statement(
    "Notes that a worker can take tasks of a class.",
    """INSERT INTO worker_task_classes (worker_id, task_class_id)
       VALUES (:worker_id, :task_class_id) ON CONFLICT DO NOTHING""",
)
_UNMATCH_ALL = Statement(
    "Forgets which classes a worker can take, before they are found anew.",
    "DELETE FROM worker_task_classes WHERE worker_id = :worker_id",
)
_CAPABILITIES = Statement(
    "What a worker said it has.",
    "SELECT key, value FROM worker_capabilities WHERE worker_id = :worker_id",
)
_MATCHED_CLASSES = Statement(
    "The classes a worker can take.",
    """SELECT c.id, c.task_type, c.requirements FROM worker_task_classes w JOIN task_classes c
       ON c.id = w.task_class_id WHERE w.worker_id = :worker_id""",
)
_TAGS_OF_WORKER = Statement(
    "The tags of a worker.", "SELECT tag_id FROM worker_tags WHERE worker_id = :worker_id"
)
_CANDIDATES = Statement(
    "Jobs with a ready task of one class and tag, in scheduling order, less blocked ones.",
    """SELECT q.job_priority, q.job_id FROM job_queues q INDEXED BY job_queue_candidates
       WHERE q.task_class_id = :task_class_id AND q.tag_id = :tag_id
       AND q.is_open = 1 AND q.ready_count > 0
       AND NOT EXISTS (SELECT 1 FROM job_blocks b WHERE b.job_id = q.job_id
                       AND b.worker_id = :worker_id AND b.task_type = :task_type)
       ORDER BY q.job_priority DESC, q.job_id""",
)
_ADD_QUEUE = Statement(
    "Opens the queue of a job for one task class.",
    """INSERT INTO job_queues (job_id, task_class_id, tag_id, job_priority, is_open, ready_count)
       VALUES (:job_id, :task_class_id, :tag_id, :job_priority, 0, :ready_count)
       ON CONFLICT (job_id, task_class_id)
       DO UPDATE SET ready_count = ready_count + excluded.ready_count""",
)
_ADD_READY = Statement(
    "Changes how many ready tasks of a class a job has.",
    """UPDATE job_queues SET ready_count = ready_count + :change
       WHERE job_id = :job_id AND task_class_id = :task_class_id
       RETURNING tag_id, is_open""",
)
_SET_OPEN = Statement(
    "Opens or closes all queues of a job.",
    """UPDATE job_queues SET is_open = :is_open WHERE job_id = :job_id
       RETURNING task_class_id, tag_id, ready_count""",
)
_IS_OPEN = Statement(
    "Whether the queues of a job are open; they all are or none is.",
    "SELECT is_open FROM job_queues WHERE job_id = :job_id LIMIT 1",
)
_OPEN_QUEUE = Statement(
    "Whom a queue of an open job is for.",
    """SELECT tag_id FROM job_queues
       WHERE job_id = :job_id AND task_class_id = :task_class_id AND is_open = 1""",
)
_SET_PRIORITY = Statement(
    "Moves the queues of a job to another priority.",
    "UPDATE job_queues SET job_priority = :priority WHERE job_id = :job_id",
)
_SET_TAG = Statement(
    "Moves the queues of a job to another tag.",
    """UPDATE job_queues SET tag_id = :tag_id WHERE job_id = :job_id
       RETURNING task_class_id, tag_id, ready_count, is_open""",
)
_READY_OF_JOB = Statement(
    "How many tasks of a job could be handed out if it is open.",
    "SELECT coalesce(sum(ready_count), 0) FROM job_queues WHERE job_id = :job_id",
)
_TYPE_OF_CLASS = Statement(
    "The task type of a class.", "SELECT task_type FROM task_classes WHERE id = :task_class_id"
)


@dataclass(frozen=True, slots=True)
class WorkerMatch:
    """Which ready tasks concern a worker."""

    task_classes: Mapping[int, str]
    """Id of each class it can take → its task type."""
    tags: frozenset[int]
    """Its tags, and `NO_TAG`."""


@dataclass(frozen=True, slots=True)
class ReadyChange:
    """Tasks of an open queue that became ready."""

    task_class_id: int
    tag_id: int
    count: int


def task_class(
    db: sqlite3.Connection, task_type: str, requirements: Mapping[str, str] | None = None
) -> int:
    """The id of a task class, made if it is new and matched with the workers there are."""
    text = json.dumps(requirements or {}, sort_keys=True)
    found = _FIND_CLASS.value(db, task_type=task_type, requirements=text)
    if found is not None:
        return int(found)
    class_id = int(_ADD_CLASS.value(db, task_type=task_type, requirements=text))
    for key, value in (requirements or {}).items():
        _ADD_REQUIREMENT.run(db, task_class_id=class_id, key=key, value=value)
    for row in _WORKERS_OF_TYPE.run(db, task_type=task_type).fetchall():
        if takes(db, row["worker_id"], task_type, requirements or {}):
            _MATCH.run(db, worker_id=row["worker_id"], task_class_id=class_id)
    return class_id


def takes(
    db: sqlite3.Connection, worker_id: int, task_type: str, requirements: Mapping[str, str]
) -> bool:
    """Whether a worker with this task type has what is asked for, and a slot that runs it."""
    capabilities = _capabilities(db, worker_id)
    slots = worker_slots.of_worker(db, worker_id)
    if slots:
        return worker_slots.any_takes(slots, task_type, requirements, capabilities)
    return meets(requirements, capabilities)


def slot_takes(
    db: sqlite3.Connection,
    worker_id: int,
    slot: int,
    task_type: str,
    requirements: Mapping[str, str],
) -> bool:
    """Whether one slot of a worker can run tasks of a type that ask for this."""
    own = worker_slots.find(db, worker_id, slot)
    return own is not None and own.takes(task_type, requirements, _capabilities(db, worker_id))


def type_of(db: sqlite3.Connection, task_class_id: int) -> str:
    """The task type of a class."""
    return str(_TYPE_OF_CLASS.value(db, task_class_id=task_class_id))


def match_worker(db: sqlite3.Connection, worker_id: int, task_types: Iterable[str]) -> None:
    """Finds the classes a worker can take, from the task types and capabilities it has now."""
    _UNMATCH_ALL.run(db, worker_id=worker_id)
    for task_type in task_types:
        for row in _CLASSES_OF_TYPE.run(db, task_type=task_type).fetchall():
            if takes(db, worker_id, task_type, json.loads(row["requirements"])):
                _MATCH.run(db, worker_id=worker_id, task_class_id=row["id"])


def worker_match(db: sqlite3.Connection, worker_id: int, slot: int | None = None) -> WorkerMatch:
    """Which ready tasks concern a worker, or one of its slots."""
    classes = _MATCHED_CLASSES.run(db, worker_id=worker_id).fetchall()
    own = None if slot is None else worker_slots.find(db, worker_id, slot)
    if own is not None:
        has = _capabilities(db, worker_id)
        classes = [
            row
            for row in classes
            if own.takes(row["task_type"], json.loads(row["requirements"]), has)
        ]
    tags = _TAGS_OF_WORKER.run(db, worker_id=worker_id).fetchall()
    return WorkerMatch(
        {row["id"]: row["task_type"] for row in classes},
        frozenset({NO_TAG, *(row["tag_id"] for row in tags)}),
    )


def walk(db: sqlite3.Connection, worker_id: int, match: WorkerMatch) -> Iterator[QueuedJob]:
    """The jobs that have something for a worker, in scheduling order, as far as it is asked."""
    return jobs_in_order(
        _candidates(db, worker_id, class_id, task_type, tag_id)
        for class_id, task_type in match.task_classes.items()
        for tag_id in match.tags
    )


def add_queue(
    db: sqlite3.Connection,
    *,
    job_id: int,
    task_class_id: int,
    tag_id: int | None,
    job_priority: int,
    ready_count: int,
) -> None:
    """Gives a job under construction a queue, still closed; more tasks add to its count."""
    _ADD_QUEUE.run(
        db,
        job_id=job_id,
        task_class_id=task_class_id,
        tag_id=tag_id or NO_TAG,
        job_priority=job_priority,
        ready_count=ready_count,
    )


def add_ready(
    db: sqlite3.Connection, job_id: int, task_class_id: int, change: int
) -> ReadyChange | None:
    """Counts ready tasks of a job up or down; says what can be handed out that could not."""
    rows = _ADD_READY.run(db, job_id=job_id, task_class_id=task_class_id, change=change).fetchall()
    if change <= 0 or not rows[0]["is_open"]:
        return None
    return ReadyChange(task_class_id, rows[0]["tag_id"], change)


def is_open(db: sqlite3.Connection, job_id: int) -> bool:
    """Whether tasks of a job are handed out."""
    return bool(_IS_OPEN.value(db, job_id=job_id))


def set_open(db: sqlite3.Connection, job_id: int, is_open: bool) -> list[ReadyChange]:
    """Opens or closes a job for hand-outs; says what can be handed out that could not."""
    rows = _SET_OPEN.run(db, job_id=job_id, is_open=int(is_open)).fetchall()
    return [
        ReadyChange(row["task_class_id"], row["tag_id"], row["ready_count"])
        for row in rows
        if is_open and row["ready_count"]
    ]


def ready_anew(db: sqlite3.Connection, job_id: int, task_class_id: int) -> list[ReadyChange]:
    """What to say of a task that was ready before, and now is so for more workers."""
    tag_id = _OPEN_QUEUE.value(db, job_id=job_id, task_class_id=task_class_id)
    return [] if tag_id is None else [ReadyChange(task_class_id, tag_id, 1)]


def ready_count(db: sqlite3.Connection, job_id: int) -> int:
    return int(_READY_OF_JOB.value(db, job_id=job_id))


def set_priority(db: sqlite3.Connection, job_id: int, priority: int) -> None:
    _SET_PRIORITY.run(db, job_id=job_id, priority=priority)


def set_tag(db: sqlite3.Connection, job_id: int, tag_id: int | None) -> list[ReadyChange]:
    """Moves a job's queues to a tag; says what workers with it can get that they could not."""
    rows = _SET_TAG.run(db, job_id=job_id, tag_id=tag_id or NO_TAG).fetchall()
    return [
        ReadyChange(row["task_class_id"], row["tag_id"], row["ready_count"])
        for row in rows
        if row["is_open"] and row["ready_count"]
    ]


def _candidates(
    db: sqlite3.Connection, worker_id: int, class_id: int, task_type: str, tag_id: int
) -> Iterator[QueuedJob]:
    rows = _CANDIDATES.run(
        db, worker_id=worker_id, task_class_id=class_id, task_type=task_type, tag_id=tag_id
    )
    try:
        for row in rows:
            yield QueuedJob(row["job_priority"], row["job_id"], class_id)
    finally:
        # An unfinished SELECT would keep its transaction from ending.
        rows.close()


def _capabilities(db: sqlite3.Connection, worker_id: int) -> dict[str, str]:
    return {row["key"]: row["value"] for row in _CAPABILITIES.run(db, worker_id=worker_id)}
