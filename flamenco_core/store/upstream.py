"""The link to a Flamenco Server: which of its tasks are which of ours, and what waits to be told.

Ids of the server are text of its own (24 hexadecimal digits); a task of ours has at most one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from flamenco_core.rules.upstream import UpstreamStatus
from flamenco_core.statuses import TaskStatus
from flamenco_core.store.database import Statement, to_microseconds

MOST_COUNTED = 10_000
"""Waiting updates are counted no further, since counting reads them."""

_LINKED_COLUMNS = """u.task_id, u.upstream_id, u.etag, t.job_id, t.status, t.priority,
    t.index_in_job, j.archived_at IS NOT NULL OR j.delete_requested_at IS NOT NULL AS is_put_away"""
_BY_UPSTREAM_ID = Statement(
    "The task of ours that is a certain one of the server.",
    f"""SELECT {_LINKED_COLUMNS} FROM upstream_tasks u JOIN tasks t ON t.id = u.task_id
       JOIN jobs j ON j.id = t.job_id WHERE u.upstream_id = :upstream_id""",
)
_UPSTREAM_ID = Statement(
    "Which task of the server a task is.",
    "SELECT upstream_id FROM upstream_tasks WHERE task_id = :task_id",
)
_LINK_TASK = Statement(
    "Notes which task of the server a stored task is.",
    """INSERT INTO upstream_tasks (task_id, upstream_id, etag)
       SELECT id, :upstream_id, :etag FROM tasks WHERE uuid = :uuid""",
)
_SET_ETAG = Statement(
    "Notes which version of a task was taken in last.",
    "UPDATE upstream_tasks SET etag = :etag WHERE task_id = :task_id",
)
_LINK_JOB = Statement(
    "Notes which job of the server a job is.",
    """INSERT INTO upstream_jobs (upstream_id, job_id)
       SELECT :upstream_id, id FROM jobs WHERE uuid = :uuid""",
)
_NEWEST_JOB = Statement(
    "The newest of our jobs that is a certain one of the server, unless it was put away.",
    """SELECT j.id FROM upstream_jobs u JOIN jobs j ON j.id = u.job_id
       WHERE u.upstream_id = :upstream_id AND j.archived_at IS NULL
       AND j.delete_requested_at IS NULL AND j.status <> 'under-construction'
       ORDER BY u.job_id DESC LIMIT 1""",
)
_TASK_UUID = Statement(
    "The UUID of a task of the server.",
    """SELECT t.uuid FROM upstream_tasks u JOIN tasks t ON t.id = u.task_id
       WHERE u.upstream_id = :upstream_id""",
)
_LAST_INDEX = Statement(
    "How many tasks a job has.",
    "SELECT coalesce(max(index_in_job), 0) FROM tasks WHERE job_id = :job_id",
)
_TAG = Statement("The tag of a job.", "SELECT tag_id FROM jobs WHERE id = :job_id")
_ADD_STEPS = Statement(
    "Counts the steps of tasks that were added to a job.",
    "UPDATE jobs SET steps_total = steps_total + :steps WHERE id = :job_id",
)
_SET_PRIORITY = Statement(
    "Gives a task a priority.",
    "UPDATE tasks SET priority = :priority WHERE id = :task_id",
)
_FAILED_BY = Statement(
    "Who failed at a task, for the server.",
    """SELECT w.uuid, w.name, w.address FROM task_failures f JOIN workers w ON w.id = f.worker_id
       WHERE f.task_id = :task_id""",
)
_WORKER_NAME = Statement("The name of a worker.", "SELECT name FROM workers WHERE id = :worker_id")
_ADD_UPDATE = Statement(
    "Queues something that the server is to be told of a task.",
    """INSERT INTO upstream_updates (update_id, upstream_task_id, status, body, send_after)
       VALUES (:update_id, :upstream_task_id, :status, :body, :now)""",
)
_DROP_PROGRESS = Statement(
    "Forgets older news of a task that change nothing but how far it is.",
    """DELETE FROM upstream_updates
       WHERE upstream_task_id = :upstream_task_id AND status IS NULL""",
)
_DROP_OF_TASK = Statement(
    "Forgets what the server was to be told of a task.",
    "DELETE FROM upstream_updates WHERE upstream_task_id = :upstream_task_id",
)
_HAS_NEWS = Statement(
    "Whether the server is to be told of another status of a task.",
    """SELECT 1 FROM upstream_updates INDEXED BY upstream_updates_of_task
       WHERE upstream_task_id = :upstream_task_id AND status IS NOT NULL LIMIT 1""",
)
_DUE = Statement(
    "What the server is to be told now, oldest first.",
    """SELECT update_id, upstream_task_id, status, body
       FROM upstream_updates INDEXED BY upstream_updates_due
       WHERE send_after <= :now ORDER BY send_after, id LIMIT :limit""",
)
_COUNT = Statement(
    "The updates that wait for the server, up to a limit, for counting them.",
    """SELECT 1 FROM upstream_updates INDEXED BY upstream_updates_due
       WHERE send_after <= :until LIMIT :limit""",
)
_HANDLED = Statement(
    "Forgets an update that the server has.",
    """DELETE FROM upstream_updates WHERE update_id = :update_id
       RETURNING id, upstream_task_id""",
)
_DROP_OLDER = Statement(
    "Forgets what is older than an update of the same task that the server has.",
    """DELETE FROM upstream_updates
       WHERE upstream_task_id = :upstream_task_id AND id < :id""",
)
_REFUSED = Statement(
    "Counts that the server has not taken an update.",
    """UPDATE upstream_updates SET refusals = refusals + 1 WHERE update_id = :update_id
       RETURNING refusals""",
)
_SEND_LATER = Statement(
    "Sends an update again, but not before a time.",
    "UPDATE upstream_updates SET send_after = :time WHERE update_id = :update_id",
)
_DROP_SOME = Statement(
    "Forgets the next of all updates.",
    """DELETE FROM upstream_updates WHERE id IN (
           SELECT id FROM upstream_updates WHERE id > 0 ORDER BY id LIMIT :limit)""",
)
_MARKER = Statement(
    "Up to when tasks were downloaded, in the server's words.",
    "SELECT downloaded_until FROM upstream_link WHERE id = 1",
)
_SET_MARKER = Statement(
    "Notes up to when tasks were downloaded.",
    """INSERT INTO upstream_link (id, downloaded_until) VALUES (1, :marker)
       ON CONFLICT (id) DO UPDATE SET downloaded_until = excluded.downloaded_until""",
)
_IS_ON = Statement(
    "Whether the server is told of everything.", "SELECT is_on FROM upstream_link WHERE id = 1"
)
_SET_ON = Statement(
    "Notes whether the server is told of everything.",
    """INSERT INTO upstream_link (id, is_on) VALUES (1, :is_on)
       ON CONFLICT (id) DO UPDATE SET is_on = excluded.is_on""",
)
_NEXT_LINKED = Statement(
    "The next tasks that are some of the server's.",
    """SELECT task_id, upstream_id FROM upstream_tasks WHERE task_id > :after
       ORDER BY task_id LIMIT :limit""",
)
_NEXT_TASK_TYPE = Statement(
    "The next task type that any worker has.",
    "SELECT min(task_type) FROM worker_task_types WHERE task_type > :after",
)


@dataclass(frozen=True, slots=True)
class LinkedTask:
    """A task of ours that is one of the server's."""

    task_id: int
    upstream_id: str
    etag: str
    job_id: int
    status: TaskStatus
    priority: int
    index_in_job: int
    is_put_away: bool


@dataclass(frozen=True, slots=True)
class WaitingUpdate:
    """Something that the server is to be told."""

    id: str
    upstream_task_id: str
    status: UpstreamStatus | None
    body: str
    """The JSON that is sent."""


def linked(db: sqlite3.Connection, upstream_id: str) -> LinkedTask | None:
    row = _BY_UPSTREAM_ID.row(db, upstream_id=upstream_id)
    if row is None:
        return None
    values = dict(row)
    values["status"] = TaskStatus(values["status"])
    return LinkedTask(**{**values, "is_put_away": bool(values["is_put_away"])})


def upstream_id(db: sqlite3.Connection, task_id: int) -> str | None:
    """Which task of the server a task is; None if it is none."""
    found = _UPSTREAM_ID.value(db, task_id=task_id)
    return None if found is None else str(found)


def task_uuid(db: sqlite3.Connection, upstream_id: str) -> str | None:
    found = _TASK_UUID.value(db, upstream_id=upstream_id)
    return None if found is None else str(found)


def link_tasks(db: sqlite3.Connection, tasks: Iterable[tuple[str, str, str]]) -> None:
    """Notes for tasks that are stored: our UUID, the server's id, and its etag."""
    _LINK_TASK.run_many(
        db,
        ({"uuid": uuid, "upstream_id": theirs, "etag": etag} for uuid, theirs, etag in tasks),
    )


def link_job(db: sqlite3.Connection, job_uuid: str, upstream_id: str) -> None:
    _LINK_JOB.run(db, uuid=job_uuid, upstream_id=upstream_id)


def newest_job(db: sqlite3.Connection, upstream_id: str) -> int | None:
    """The key of the job that tasks of a job of the server are added to, if there is one."""
    found = _NEWEST_JOB.value(db, upstream_id=upstream_id)
    return None if found is None else int(found)


def set_etag(db: sqlite3.Connection, task_id: int, etag: str) -> None:
    _SET_ETAG.run(db, task_id=task_id, etag=etag)


def set_task_priority(db: sqlite3.Connection, task_id: int, priority: int) -> None:
    _SET_PRIORITY.run(db, task_id=task_id, priority=priority)


def last_index(db: sqlite3.Connection, job_id: int) -> int:
    return int(_LAST_INDEX.value(db, job_id=job_id))


def tag_of(db: sqlite3.Connection, job_id: int) -> int | None:
    found = _TAG.value(db, job_id=job_id)
    return None if found is None else int(found)


def add_steps(db: sqlite3.Connection, job_id: int, steps: int) -> None:
    _ADD_STEPS.run(db, job_id=job_id, steps=steps)


def failed_by(db: sqlite3.Connection, task_id: int) -> list[tuple[str, str, str]]:
    """UUID, name and address of the workers that failed at a task."""
    return [(row[0], row[1], row[2]) for row in _FAILED_BY.run(db, task_id=task_id).fetchall()]


def worker_name(db: sqlite3.Connection, worker_id: int) -> str:
    return str(_WORKER_NAME.value(db, worker_id=worker_id))


def add_update(
    db: sqlite3.Connection,
    *,
    update_id: str,
    upstream_task_id: str,
    status: UpstreamStatus | None,
    body: str,
    now: datetime,
) -> None:
    """Queues an update; what only told of progress before says nothing new any more."""
    _DROP_PROGRESS.run(db, upstream_task_id=upstream_task_id)
    _ADD_UPDATE.run(
        db,
        update_id=update_id,
        upstream_task_id=upstream_task_id,
        status=None if status is None else status.value,
        body=body,
        now=to_microseconds(now),
    )


def has_news(db: sqlite3.Connection, upstream_task_id: str) -> bool:
    """Whether the server has not heard yet of a status that a task has got."""
    return _HAS_NEWS.value(db, upstream_task_id=upstream_task_id) is not None


def drop_updates_of(db: sqlite3.Connection, upstream_task_id: str) -> None:
    _DROP_OF_TASK.run(db, upstream_task_id=upstream_task_id)


def due(db: sqlite3.Connection, *, now: datetime, limit: int) -> list[WaitingUpdate]:
    rows = _DUE.run(db, now=to_microseconds(now), limit=limit).fetchall()
    return [
        WaitingUpdate(
            row["update_id"],
            row["upstream_task_id"],
            None if row["status"] is None else UpstreamStatus(row["status"]),
            row["body"],
        )
        for row in rows
    ]


def waiting_count(
    db: sqlite3.Connection, *, due_at: datetime | None = None, limit: int = MOST_COUNTED
) -> int:
    """How many updates wait, or are due at a time; counted up to `limit`."""
    until = 2**62 if due_at is None else to_microseconds(due_at)
    return len(_COUNT.run(db, until=until, limit=limit).fetchall())


def handled(db: sqlite3.Connection, update_id: str) -> str | None:
    """The server has an update, and so nothing older of its task is news; returns which task."""
    row = _HANDLED.row(db, update_id=update_id)
    if row is None:
        return None
    _DROP_OLDER.run(db, upstream_task_id=row["upstream_task_id"], id=row["id"])
    return str(row["upstream_task_id"])


def refused(db: sqlite3.Connection, update_id: str) -> int:
    """How often the server has not taken an update, with this time; 0 if it is gone."""
    return int(_REFUSED.value(db, update_id=update_id) or 0)


def send_later(db: sqlite3.Connection, update_id: str, time: datetime) -> None:
    _SEND_LATER.run(db, update_id=update_id, time=to_microseconds(time))


def drop(db: sqlite3.Connection, update_id: str) -> None:
    _HANDLED.run(db, update_id=update_id).fetchall()


def drop_some(db: sqlite3.Connection, *, limit: int) -> int:
    """Forgets so many updates, whatever they say; returns how many there were."""
    return _DROP_SOME.run(db, limit=limit).rowcount


def marker(db: sqlite3.Connection) -> str:
    """What the server said with the last tasks that were stored; empty if there were none."""
    return str(_MARKER.value(db) or "")


def set_marker(db: sqlite3.Connection, text: str) -> None:
    _SET_MARKER.run(db, marker=text)


def is_on(db: sqlite3.Connection) -> bool:
    """Whether the server has been told of everything since it was told of all tasks."""
    return bool(_IS_ON.value(db))


def set_on(db: sqlite3.Connection, value: bool) -> None:
    _SET_ON.run(db, is_on=int(value))


def next_linked(db: sqlite3.Connection, *, after: int, limit: int) -> list[tuple[int, str]]:
    """Keys and the server's ids of the next tasks that it has."""
    rows = _NEXT_LINKED.run(db, after=after, limit=limit).fetchall()
    return [(row[0], row[1]) for row in rows]


def task_types(db: sqlite3.Connection) -> Iterator[str]:
    """What any worker can do, in order."""
    found = ""
    while found is not None:
        found = _NEXT_TASK_TYPE.value(db, after=found)
        if found is not None:
            yield found
