"""Which worker failed at which task, and which workers a job is closed to."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from flamenco_core.rules.failures import FailureFacts
from flamenco_core.rules.scheduling import NO_TAG
from flamenco_core.store import queues
from flamenco_core.store.database import Statement, to_microseconds
from flamenco_core.store.tasks import StoredTask

_ADD = Statement(
    "Notes that a worker failed at a task.",
    """INSERT INTO task_failures (task_id, worker_id, job_id, task_class_id, failed_at)
       VALUES (:task_id, :worker_id, :job_id, :task_class_id, :now) ON CONFLICT DO NOTHING""",
)
_COUNT_OF_TASK = Statement(
    "How many workers failed at a task.",
    "SELECT count(*) FROM task_failures WHERE task_id = :task_id",
)
_COUNT_OF_WORKER = Statement(
    "At how many tasks of one class of a job a worker failed.",
    """SELECT count(*) FROM task_failures INDEXED BY failures_of_worker_in_job
       WHERE job_id = :job_id AND worker_id = :worker_id AND task_class_id = :task_class_id""",
)
_TAG_OF_JOB = Statement("The tag of a job.", "SELECT tag_id FROM jobs WHERE id = :job_id")
_CLASSIFY = Statement(
    "Notes why an attempt failed.",
    """UPDATE task_attempts SET failure_class = :failure_class, failure_sentence = :sentence
       WHERE task_id = :task_id AND attempt = :attempt""",
)
_TIMES_WAITED = Statement(
    "How often a task was queued again to wait because of a failure class.",
    """SELECT count(*) FROM task_attempts WHERE task_id = :task_id
       AND failure_class = :failure_class AND outcome = 'queued'""",
)
_CLEAR_TASK = Statement(
    "Forgets who failed at a task.", "DELETE FROM task_failures WHERE task_id = :task_id"
)
_CLEAR_JOB = Statement(
    "Forgets who failed at the tasks of a job.",
    "DELETE FROM task_failures WHERE job_id = :job_id",
)
_UNBLOCK_JOB = Statement(
    "Empties the block list of a job.", "DELETE FROM job_blocks WHERE job_id = :job_id"
)
_BLOCK = Statement(
    "Closes a job's tasks of one type to a worker.",
    """INSERT INTO job_blocks (job_id, worker_id, task_type, blocked_at)
       VALUES (:job_id, :worker_id, :task_type, :now) ON CONFLICT DO NOTHING""",
)
_IS_BLOCKED = Statement(
    "Whether a worker is on the block list.",
    """SELECT 1 FROM job_blocks WHERE job_id = :job_id AND worker_id = :worker_id
       AND task_type = :task_type""",
)
_COULD_TRY = Statement(
    "How many workers could still try a task: fit for it, not blocked, not failed at it.",
    """SELECT count(*) FROM worker_task_classes c INDEXED BY workers_of_class
       JOIN workers w ON w.id = c.worker_id
       WHERE c.task_class_id = :task_class_id AND w.deleted_at IS NULL
       AND (:tag_id = 0 OR EXISTS (SELECT 1 FROM worker_tags t
            WHERE t.worker_id = w.id AND t.tag_id = :tag_id))
       AND NOT EXISTS (SELECT 1 FROM job_blocks b WHERE b.job_id = :job_id
            AND b.worker_id = w.id AND b.task_type = :task_type)
       AND NOT EXISTS (SELECT 1 FROM task_failures f WHERE f.task_id = :task_id
            AND f.worker_id = w.id)""",
)

_NO_TASK = 0
"""A key that no task has."""


def record(db: sqlite3.Connection, task: StoredTask, worker_id: int, *, now: datetime) -> None:
    _ADD.run(
        db,
        task_id=task.id,
        worker_id=worker_id,
        job_id=task.job_id,
        task_class_id=task.task_class_id,
        now=to_microseconds(now),
    )


def facts(db: sqlite3.Connection, task: StoredTask, worker_id: int) -> FailureFacts:
    """What the decision after a recorded failure is made from."""
    task_type = queues.type_of(db, task.task_class_id)
    return FailureFacts(
        workers_that_failed_task=_COUNT_OF_TASK.value(db, task_id=task.id),
        failures_of_worker=_COUNT_OF_WORKER.value(
            db, job_id=task.job_id, worker_id=worker_id, task_class_id=task.task_class_id
        ),
        workers_that_could_try=workers_that_could_try(db, task),
        is_blocked_already=_IS_BLOCKED.value(
            db, job_id=task.job_id, worker_id=worker_id, task_type=task_type
        )
        is not None,
    )


def workers_that_could_try(db: sqlite3.Connection, task: StoredTask) -> int:
    """How many workers are fit for a task, not blocked, and have not failed at it."""
    return _could_try(db, task, failed_at=task.id)


def workers_left(db: sqlite3.Connection, task: StoredTask) -> int:
    """How many workers may still take tasks like this one of its job."""
    return _could_try(db, task, failed_at=_NO_TASK)


def _could_try(db: sqlite3.Connection, task: StoredTask, *, failed_at: int) -> int:
    count = _COULD_TRY.value(
        db,
        task_id=failed_at,
        job_id=task.job_id,
        task_class_id=task.task_class_id,
        task_type=queues.type_of(db, task.task_class_id),
        tag_id=_TAG_OF_JOB.value(db, job_id=task.job_id) or NO_TAG,
    )
    return int(count)


def classify_attempt(
    db: sqlite3.Connection, task: StoredTask, failure_class: str, *, sentence: str
) -> None:
    """Stores the class with the task's present attempt, and what it means for the artist."""
    _CLASSIFY.run(
        db,
        task_id=task.id,
        attempt=task.attempt,
        failure_class=failure_class,
        sentence=sentence,
    )


def times_waited(db: sqlite3.Connection, task: StoredTask, failure_class: str) -> int:
    """How many attempts at a task ended with waiting because of this class."""
    return int(_TIMES_WAITED.value(db, task_id=task.id, failure_class=failure_class))


def block(db: sqlite3.Connection, task: StoredTask, worker_id: int, *, now: datetime) -> None:
    """Closes the task's job to a worker, for tasks of this one's type."""
    task_type = queues.type_of(db, task.task_class_id)
    _BLOCK.run(
        db,
        job_id=task.job_id,
        worker_id=worker_id,
        task_type=task_type,
        now=to_microseconds(now),
    )


def forget_task(db: sqlite3.Connection, task_id: int) -> None:
    _CLEAR_TASK.run(db, task_id=task_id)


def forget_job(db: sqlite3.Connection, job_id: int) -> None:
    """A job that is queued again starts with a clean slate, its block list included."""
    _CLEAR_JOB.run(db, job_id=job_id)
    _UNBLOCK_JOB.run(db, job_id=job_id)
