"""What events tell of jobs, tasks and workers: what rows of lists show, as it is now."""

from __future__ import annotations

import sqlite3
from typing import Any

from flamenco_core.store import stranding
from flamenco_core.store.database import Statement
from flamenco_core.store.tasks import COUNT_COLUMNS
from flamenco_core.store.wire_rows import tag, time, worker_reference, worker_summary

_COUNTS = ", ".join(f"j.{column}" for column in COUNT_COLUMNS.values())

_JOB = Statement(
    "What an event tells of a job.",
    f"""SELECT j.id, j.uuid, j.name, j.type, j.priority, j.status, j.activity, j.updated_at,
           j.delete_requested_at, j.archived_at, j.steps_completed, j.steps_total, {_COUNTS},
           g.uuid AS tag_uuid
       FROM jobs j LEFT JOIN tags g ON g.id = j.tag_id WHERE j.uuid = :uuid""",
)
_TASK = Statement(
    "What an event tells of a task.",
    """SELECT t.uuid, t.name, t.status, t.index_in_job, t.priority, c.task_type, t.updated_at,
           t.steps_completed, t.steps_total, t.activity, t.attempt, j.uuid AS job_uuid,
           w.uuid AS worker_uuid, w.name AS worker_name, w.address AS worker_address
       FROM tasks t JOIN jobs j ON j.id = t.job_id JOIN task_classes c ON c.id = t.task_class_id
       LEFT JOIN workers w ON w.id = t.worker_id WHERE t.uuid = :uuid""",
)
_WORKER = Statement(
    "What an event tells of a worker, also of a deleted one.",
    """SELECT w.id, w.uuid, w.name, w.status, w.status_requested, w.lazy_request, w.last_seen_at,
           w.software, w.can_restart, w.updated_at, w.deleted_at, w.status_reason
       FROM workers w WHERE w.uuid = :uuid""",
)
_WORKER_TAGS = Statement(
    "The tags that an event names of a worker.",
    """SELECT g.uuid, g.name, g.description FROM worker_tags t JOIN tags g ON g.id = t.tag_id
       WHERE t.worker_id = :id""",
)
_WORKER_TASK = Statement(
    "The task that an event names of a worker.",
    """SELECT t.uuid, t.name, t.status, j.uuid AS job_uuid, j.name AS job_name
       FROM tasks t INDEXED BY last_tasks_of_worker JOIN jobs j ON j.id = t.job_id
       WHERE t.worker_id = :id ORDER BY t.last_touched_at DESC LIMIT 1""",
)


def job(db: sqlite3.Connection, uuid: str) -> dict[str, Any] | None:
    """An `EventJobUpdate` without what only its cause can tell; None if the job is gone."""
    row = _JOB.row(db, uuid=uuid)
    if row is None:
        return None
    content = {
        "id": row["uuid"],
        "name": row["name"],
        "updated": time(row["updated_at"]),
        "status": row["status"],
        "type": row["type"],
        "priority": row["priority"],
        "steps_completed": row["steps_completed"],
        "steps_total": row["steps_total"],
        "activity": row["activity"],
        "task_counts": {
            status.value: row[column] for status, column in COUNT_COLUMNS.items() if row[column]
        },
    }
    if row["tag_uuid"]:
        content["worker_tag"] = row["tag_uuid"]
    for name in ("delete_requested_at", "archived_at"):
        if row[name] is not None:
            content[name] = time(row[name])
    return content | stranding.told(db, row["id"])


def task(db: sqlite3.Connection, uuid: str) -> dict[str, Any] | None:
    """An `EventTaskUpdate` without what only its cause can tell; None if the task is gone."""
    row = _TASK.row(db, uuid=uuid)
    if row is None:
        return None
    return {
        "id": row["uuid"],
        "job_id": row["job_uuid"],
        "worker": worker_reference(row),
        "name": row["name"],
        "updated": time(row["updated_at"]),
        "status": row["status"],
        "activity": row["activity"],
        "steps_completed": row["steps_completed"],
        "steps_total": row["steps_total"],
        "index_in_job": row["index_in_job"],
        "priority": row["priority"],
        "task_type": row["task_type"],
        "attempt": row["attempt"],
    }


def worker(db: sqlite3.Connection, uuid: str) -> dict[str, Any] | None:
    """An `EventWorkerUpdate` without what only its cause can tell."""
    row = _WORKER.row(db, uuid=uuid)
    if row is None:
        return None
    content = {**worker_summary(row), "updated": time(row["updated_at"])}
    tags = [tag(each) for each in _WORKER_TAGS.run(db, id=row["id"])]
    if tags:
        content["tags"] = tags
    task = _WORKER_TASK.row(db, id=row["id"])
    if task is not None:
        content["task"] = {
            "id": task["uuid"],
            "name": task["name"],
            "status": task["status"],
            "job_id": task["job_uuid"],
            "job_name": task["job_name"],
        }
    if row["deleted_at"] is not None:
        content["deleted_at"] = time(row["deleted_at"])
    return content
