"""Reading a farm beside whoever runs it: rows become JSON-ready dicts in the form of the wire."""

from __future__ import annotations

import itertools
import json
import sqlite3
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flamenco_core import wire
from flamenco_core.sleep_schedule import format_schedule
from flamenco_core.statuses import FINAL_JOB_STATUSES, JobStatus, WorkerStatus
from flamenco_core.store import (
    event_rows,
    farm,
    farm_counts,
    frame_statistics,
    host_statistics,
    job_list,
    job_search,
    last_rendered,
    lists,
    overview,
    possible_actions,
    saved_queries,
    sessions,
    sleep_schedules,
    statistics,
    stranding,
    tokens,
    users,
    wire_rows,
    worker_slots,
    workers,
)
from flamenco_core.store.database import (
    Statement,
    connect_read_only,
    found,
    snapshot,
)
from flamenco_core.store.farm_counts import FarmCounts
from flamenco_core.store.host_statistics import Ring
from flamenco_core.store.job_search import JobCriteria
from flamenco_core.store.listing import ListPage, ListRequest
from flamenco_core.store.sessions import StoredSession
from flamenco_core.store.task_log_reading import TaskLogReading
from flamenco_core.store.tasks import COUNT_COLUMNS
from flamenco_core.store.tokens import StoredToken
from flamenco_core.store.users import StoredUser

_JOB_COLUMNS = ", ".join(
    f"j.{column}"
    for column in (
        *("id", "uuid", "name", "type", "priority", "status", "activity", "settings", "metadata"),
        *("submitter_platform", "shaman_checkout_id", "created_at", "updated_at"),
        *("delete_requested_at", "archived_at", "steps_completed", "steps_total", "unsettled"),
        *("submitted_by", "finished_at", "rendered_at"),
        *COUNT_COLUMNS.values(),
    )
)
_JOB = Statement(
    "A job.",
    f"""SELECT {_JOB_COLUMNS}, g.uuid AS tag_uuid FROM jobs j LEFT JOIN tags g ON g.id = j.tag_id
       WHERE j.uuid = :uuid""",
)
_TASK_COLUMNS = """t.id, t.uuid, t.name, t.status, t.index_in_job, t.priority, c.task_type,
    t.created_at, t.updated_at, t.steps_completed, t.steps_total, t.activity, t.attempt,
    t.last_touched_at, t.unmet_dependencies, w.uuid AS worker_uuid, w.name AS worker_name,
    w.address AS worker_address"""
_TASK = Statement(
    "A task, with what it runs.",
    f"""SELECT {_TASK_COLUMNS}, j.uuid AS job_uuid, m.commands, a.failure_class,
       a.failure_sentence FROM tasks t
       JOIN jobs j ON j.id = t.job_id JOIN task_classes c ON c.id = t.task_class_id
       LEFT JOIN task_commands m ON m.task_id = t.id LEFT JOIN workers w ON w.id = t.worker_id
       LEFT JOIN task_attempts a ON a.task_id = t.id AND a.attempt = t.attempt
       WHERE t.uuid = :uuid""",
)
_FAILED_BY = Statement(
    "The workers that failed at a task.",
    """SELECT w.uuid AS worker_uuid, w.name AS worker_name, w.address AS worker_address
       FROM task_failures f JOIN workers w ON w.id = f.worker_id
       WHERE f.task_id = :task_id""",
)
_WORKER_COLUMNS = """w.id, w.uuid, w.name, w.status, w.status_requested, w.lazy_request,
    w.last_seen_at, w.software, w.can_restart, w.address, w.platform, w.status_reason"""
_WORKER = Statement(
    "A worker.",
    f"""SELECT {_WORKER_COLUMNS}, {worker_slots.AS_JSON} AS slots,
       (SELECT json_group_object(c.key, c.value) FROM worker_capabilities c
        WHERE c.worker_id = w.id HAVING count(*) > 0) AS capabilities
       FROM workers w WHERE w.uuid = :uuid AND w.deleted_at IS NULL""",
)
_WORKER_TYPES = Statement(
    "The task types of a worker.",
    "SELECT task_type FROM worker_task_types WHERE worker_id = :id ORDER BY task_type",
)
_WORKER_TAGS = Statement(
    "The tags of a worker.",
    """SELECT g.uuid, g.name, g.description FROM worker_tags t JOIN tags g ON g.id = t.tag_id
       WHERE t.worker_id = :id""",
)
_LAST_TASK = Statement(
    "The task that a worker has, or had last.",
    f"""SELECT {_TASK_COLUMNS}, j.uuid AS job_uuid, j.name AS job_name
       FROM tasks t INDEXED BY last_tasks_of_worker
       JOIN jobs j ON j.id = t.job_id JOIN task_classes c ON c.id = t.task_class_id
       JOIN workers w ON w.id = t.worker_id
       WHERE t.worker_id = :id ORDER BY t.last_touched_at DESC LIMIT 1""",
)
_TAG = Statement("A worker tag.", "SELECT uuid, name, description FROM tags WHERE uuid = :uuid")
_ANY_WORKER_WITH_STATUS = Statement(
    "Whether any worker has a status.",
    """SELECT 1 FROM workers INDEXED BY worker_statuses
       WHERE status = :status AND deleted_at IS NULL LIMIT 1""",
)
_ANY_JOB_WITH_STATUS = Statement(
    "Whether any job has a status.",
    """SELECT 1 FROM jobs INDEXED BY open_jobs
       WHERE status = :status AND status NOT IN ('completed', 'canceled', 'failed') LIMIT 1""",
)

ALL_JOBS = JobCriteria()


class FarmReader(TaskLogReading):
    """A read-only connection to a farm file; use one for each thread.

    Methods that name a thing raise `NotFound` if it does not exist.
    """

    def __init__(self, db: sqlite3.Connection, *, log_storage: Path) -> None:
        """`log_storage` is the Manager's local storage, where task logs lie."""
        self._db = db
        possible_actions.add_functions(db)
        stranding.add_functions(db)
        self._log_storage = log_storage

    @classmethod
    def open(cls, path: Path, *, log_storage: Path) -> FarmReader:
        """Raises `StorageError` if there is no such farm file."""
        return cls(connect_read_only(path), log_storage=log_storage)

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """For what is read by modules of their own."""
        return self._db

    def job(self, uuid: str) -> dict[str, Any]:
        row = found(_JOB.row(self._db, uuid=uuid), "job", uuid)
        content = {**wire_rows.job(row), "actions": possible_actions.of_job(row)}
        return content | stranding.told(self._db, row["id"])

    def jobs(
        self,
        criteria: JobCriteria = ALL_JOBS,
        *,
        limit: int = -1,
        before: str | None = None,
    ) -> list[dict[str, Any]]:
        """Jobs that meet the criteria, newest first.

        `before` (a job's UUID) goes on after that one, whether it meets them or not.
        """
        cursor = "" if before is None else self.cursor_after_job(before)
        filters = job_list.filters_of(criteria)
        sort = job_list.NEWEST_FIRST
        request = ListRequest(listing="jobs", filters=filters, sort=sort, cursor=cursor)
        return self._items(request, limit=limit)

    def list_page(self, request: ListRequest) -> ListPage:
        """A page of any list, with its items as JSON texts.

        Raises:
            InvalidInput: if the request does not fit the list.
        """
        return lists.page(self._db, request)

    def _items(self, request: ListRequest, *, limit: int = -1) -> list[dict[str, Any]]:
        """The items of all pages, or so many of them."""
        with snapshot(self._db):
            items = lists.items(self._db, request)
            some = itertools.islice(items, limit if limit >= 0 else None)
            return [json.loads(item) for item in some]

    def cursor_after_job(self, uuid: str) -> str:
        """The cursor for what comes after a job in the usual order of jobs."""
        return job_list.cursor_after(self._db, uuid)

    def metadata_keys(self, *, limit: int = -1, after: str = "") -> list[str]:
        """The keys that the metadata of any job has, in order, those after `after`."""
        with snapshot(self._db):
            keys = job_search.metadata_keys(self._db, after=after)
            return list(itertools.islice(keys, limit if limit >= 0 else None))

    def metadata_values(self, key: str, *, limit: int = -1, after: str | None = None) -> list[str]:
        """The different values that jobs have for a key, in order, those after `after`."""
        with snapshot(self._db):
            values = job_search.metadata_values(self._db, key, after=after)
            return list(itertools.islice(values, limit if limit >= 0 else None))

    def statistics(self, job_uuid: str) -> list[dict[str, Any]]:
        """What each attempt of a job took and made, also after the job was deleted.

        Times are in seconds, memory in bytes; what is not known is left out, as is the outcome of
        an attempt that goes on.
        """
        return self._items(ListRequest(listing="attempts", subject=job_uuid))

    def job_statistics(self, job_uuid: str) -> dict[str, Any]:
        """What a job's attempts took together, and how many tasks of each status it has."""
        return overview.of_job(self._db, job_uuid)

    def frame_statistics(
        self, job_uuid: str, cursor: str = ""
    ) -> tuple[list[dict[str, Any]], str | None]:
        """What some of a job's frames took, and the cursor for more of them."""
        return frame_statistics.page(self._db, job_uuid, cursor)

    def saved_queries(self, owner: str, *, limit: int) -> list[dict[str, Any]]:
        """The queries that an actor saved, and those for everybody."""
        with snapshot(self._db):
            own = saved_queries.of_owner(self._db, owner, limit=limit)
            return own + saved_queries.of_owner(self._db, saved_queries.EVERYBODY, limit=limit)

    def overview(self) -> dict[str, dict[str, int]]:
        """How many jobs, tasks of jobs that are not done, and workers have each status."""
        return overview.of_farm(self._db)

    def statistics_sums(self, worker_uuid: str | None = None) -> list[dict[str, Any]]:
        """Sums over all attempts that ever ended, for each job type and task type.

        Of one worker, or of all together. `measured` says how many attempts came with times of
        loading, rendering and saving, `peak_memory` is the highest of all.
        """
        return statistics.sums(self._db, worker_uuid or statistics.ALL_WORKERS)

    def tasks(self, job_uuid: str) -> list[dict[str, Any]]:
        return self._items(ListRequest(listing="tasks", subject=job_uuid))

    def task(self, uuid: str) -> dict[str, Any]:
        with snapshot(self._db):
            row = found(_TASK.row(self._db, uuid=uuid), "task", uuid)
            job = found(_JOB.row(self._db, uuid=row["job_uuid"]), "job", row["job_uuid"])
        task = {
            **wire_rows.task_summary(row),
            "job_id": row["job_uuid"],
            "created": wire_rows.time(row["created_at"]),
            "activity": row["activity"],
            # Those of an archived job are gone.
            "commands": json.loads(row["commands"] or "[]"),
            "attempt": row["attempt"],
            "actions": possible_actions.of_task(row, possible_actions.job_facts(job)),
            "failed_by_workers": [
                wire_rows.worker_reference(failure)
                for failure in _FAILED_BY.run(self._db, task_id=row["id"])
            ],
        }
        if row["last_touched_at"] is not None:
            task["last_touched"] = wire_rows.time(row["last_touched_at"])
        if row["failure_class"] is not None:
            task["failure"] = wire_rows.failure(row)
        return task

    def last_rendered_job(self) -> str | None:
        """The UUID of the job that rendered an image last; None if there is none."""
        return last_rendered.job(self._db)

    def workers(self) -> list[dict[str, Any]]:
        return self._items(ListRequest(listing="workers"))

    def worker(self, uuid: str) -> dict[str, Any]:
        row = found(_WORKER.row(self._db, uuid=uuid), "worker", uuid)
        types = [kind["task_type"] for kind in _WORKER_TYPES.run(self._db, id=row["id"])]
        worker = {
            **wire_rows.worker_summary(row),
            "ip_address": row["address"],
            "platform": row["platform"],
            "supported_task_types": types,
            "actions": possible_actions.of_worker(row),
        }
        for name in ("capabilities", "slots"):
            if row[name] is not None:
                worker[name] = json.loads(row[name])
        task = _LAST_TASK.row(self._db, id=row["id"])
        if task is not None:
            worker["task"] = {
                **wire_rows.task_summary(task),
                "job_id": task["job_uuid"],
                "job_name": task["job_name"],
            }
        tags = [wire_rows.tag(tag) for tag in _WORKER_TAGS.run(self._db, id=row["id"])]
        if tags:
            worker["tags"] = tags
        return worker

    def sleep_schedule(self, worker_uuid: str) -> dict[str, Any] | None:
        """When a worker is to sleep; None if it has no schedule."""
        worker_id = found(_WORKER.row(self._db, uuid=worker_uuid), "worker", worker_uuid)["id"]
        schedule = sleep_schedules.of_worker(self._db, worker_id)
        return None if schedule is None else wire.to_json(format_schedule(schedule))

    def tag(self, uuid: str) -> dict[str, Any]:
        return wire_rows.tag(found(_TAG.row(self._db, uuid=uuid), "worker tag", uuid))

    def host_samples(
        self, worker_uuid: str, *, since: datetime, until: datetime
    ) -> list[dict[str, Any]]:
        """What a worker's machine was doing, once a second at most, in the last hour it told."""
        return self._host_statistics(worker_uuid, host_statistics.SECONDS, since, until)

    def host_minutes(
        self, worker_uuid: str, *, since: datetime, until: datetime
    ) -> list[dict[str, Any]]:
        """The means of each minute of what a worker's machine was doing, for thirty days."""
        return self._host_statistics(worker_uuid, host_statistics.MINUTES, since, until)

    def _host_statistics(
        self, worker_uuid: str, ring: Ring, since: datetime, until: datetime
    ) -> list[dict[str, Any]]:
        worker_id = found(_WORKER.row(self._db, uuid=worker_uuid), "worker", worker_uuid)["id"]
        return host_statistics.between(self._db, worker_id, ring, since, until)

    def tags(self) -> list[dict[str, Any]]:
        return self._items(ListRequest(listing="tags"))

    def worker_is(self, uuid: str, secret: str) -> bool:
        """Whether a worker with this UUID registered with this secret."""
        return workers.secret_is_right(self._db, uuid, secret)

    def user(self, name: str) -> StoredUser | None:
        """What a login is checked against; None if there is no such user."""
        return users.find(self._db, name)

    def existing_user(self, name: str) -> StoredUser:
        return users.by_name(self._db, name)

    def is_set_up_skipped(self) -> bool:
        """Whether somebody said that this farm needs no set-up assistant."""
        return farm.is_set_up_skipped(self._db)

    def users(self) -> list[dict[str, Any]]:
        return list(users.page(self._db))

    def has_admin(self) -> bool:
        """Whether anybody can log in who may look after accounts."""
        return users.has_admin(self._db)

    def session(self, secret_hash: str, *, now: datetime) -> StoredSession | None:
        """A session that counts now, by the hash of its secret."""
        return sessions.find(self._db, secret_hash, now=now)

    def token(self, secret_hash: str, *, now: datetime) -> StoredToken | None:
        """A token that counts now, by the hash of its secret."""
        return tokens.find(self._db, secret_hash, now=now)

    def tokens(self, user: str | None = None) -> list[dict[str, Any]]:
        """The tokens of a user, or all of them with those of services."""
        if user is None:
            return tokens.page(self._db)
        return tokens.of_user(self._db, users.by_name(self._db, user).id)

    def counts(self) -> FarmCounts:
        """How many jobs that are not done, tasks of theirs, and workers have each status."""
        with snapshot(self._db):
            return farm_counts.count(self._db)

    def at_one_moment(self) -> AbstractContextManager[None]:
        """While inside, all that is read is of one moment, whoever writes beside it."""
        return snapshot(self._db)

    def event_of_job(self, uuid: str) -> dict[str, Any] | None:
        """What an event tells of a job; None if it is gone."""
        return event_rows.job(self._db, uuid)

    def event_of_task(self, uuid: str) -> dict[str, Any] | None:
        """What an event tells of a task; None if it is gone."""
        return event_rows.task(self._db, uuid)

    def event_of_worker(self, uuid: str) -> dict[str, Any] | None:
        """What an event tells of a worker, also of a deleted one."""
        return event_rows.worker(self._db, uuid)

    def worker_statuses(self) -> set[WorkerStatus]:
        """The statuses that at least one worker has."""
        return {
            status
            for status in WorkerStatus
            if _ANY_WORKER_WITH_STATUS.value(self._db, status=status)
        }

    def unfinished_job_statuses(self) -> set[JobStatus]:
        """The statuses, other than final ones, that at least one job has."""
        return {
            status
            for status in JobStatus
            if status not in FINAL_JOB_STATUSES
            and _ANY_JOB_WITH_STATUS.value(self._db, status=status)
        }
