"""The list of a job's tasks: its fields, orders and filters."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from flamenco_core.statuses import TaskStatus
from flamenco_core.store import list_filters, listing, possible_actions
from flamenco_core.store.database import Statement, found, snapshot
from flamenco_core.store.listing import (
    Key,
    Listing,
    ListPage,
    ListRequest,
    Order,
    json_text,
    json_time,
)
from flamenco_core.store.tasks import COUNT_COLUMNS

_JOB = Statement(
    "A job, and how many tasks of each status it has.",
    f"SELECT id, uuid, {', '.join(COUNT_COLUMNS.values())} FROM jobs WHERE uuid = :uuid",
)

_WORKER_JSON = """printf('{"id":%s,"name":%s,"address":%s}', json_quote(coalesce(w.uuid, '')),
    json_quote(coalesce(w.name, '')), json_quote(coalesce(w.address, '')))"""

FIELDS: Mapping[str, str] = {
    "id": json_text("t.uuid"),
    "name": json_text("t.name"),
    "status": json_text("t.status"),
    "index_in_job": "t.index_in_job",
    "priority": "t.priority",
    "task_type": json_text("c.task_type"),
    "updated": json_time("t.updated_at"),
    "steps_completed": "t.steps_completed",
    "steps_total": "t.steps_total",
    "worker": _WORKER_JSON,
    "activity": json_text("t.activity"),
    "attempt": "t.attempt",
    "last_touched": json_time("t.last_touched_at"),
    "run_seconds": (
        "(SELECT s.run_time / 1000000.0 FROM attempt_statistics s "
        "WHERE s.task_uuid = t.uuid AND s.attempt = t.attempt)"
    ),
    "failure_class": json_text(
        "(SELECT a.failure_class FROM task_attempts a "
        "WHERE a.task_id = t.id AND a.attempt = t.attempt)"
    ),
    "actions": possible_actions.TASK_ACTIONS,
}
_MORE_FIELDS = ("activity", "attempt", "last_touched", "run_seconds", "failure_class", "actions")
"""Only given to those who ask for them."""

FAILED_FIRST = (
    TaskStatus.FAILED,
    TaskStatus.SOFT_FAILED,
    TaskStatus.ACTIVE,
    TaskStatus.QUEUED,
    TaskStatus.PAUSED,
    TaskStatus.COMPLETED,
    TaskStatus.CANCELED,
)
"""The order of statuses in lists: what somebody has to look after comes first."""

_INDEX = Order(
    name="index",
    description="by their place in the job",
    # The index that SQLite makes for UNIQUE (job_id, index_in_job).
    source="tasks t INDEXED BY sqlite_autoindex_tasks_2",
    keys=(Key("t.index_in_job"),),
    condition="t.job_id = :job_id",
)
_STATUS = Order(
    name="status",
    description="by status, the failed ones first, then those that are running",
    source="tasks t INDEXED BY tasks_by_status",
    keys=(Key("t.index_in_job"),),
    condition="t.job_id = :job_id AND t.status = :segment",
    segments=FAILED_FIRST,
)
ORDERS = {
    order.name: order
    for order in (
        _INDEX,
        _STATUS,
        Order(
            name="name",
            description="by name",
            source="tasks t INDEXED BY tasks_by_name",
            keys=(Key("t.name", is_text=True), Key("t.index_in_job")),
            condition="t.job_id = :job_id",
        ),
        Order(
            name="duration",
            description="by how long the newest attempt took; only tasks of which one has ended",
            source=(
                "attempt_statistics s INDEXED BY attempts_by_run_time "
                "JOIN tasks t ON t.uuid = s.task_uuid AND t.attempt = s.attempt"
            ),
            keys=(Key("s.run_time"), Key("s.id")),
            condition="s.job_uuid = :job_uuid AND s.run_time IS NOT NULL",
        ),
    )
}

TASKS = Listing(
    name="tasks",
    joins=(
        "JOIN task_classes c ON c.id = t.task_class_id LEFT JOIN workers w ON w.id = t.worker_id"
    ),
    scope="",
    fields=FIELDS,
    orders=ORDERS,
    filters=(
        list_filters.any_of(
            "status", "t.status", TaskStatus, "Only tasks with one of these statuses (with commas)."
        ),
        list_filters.exactly("type", "c.task_type", "Only tasks of this type, such as blender."),
        list_filters.exactly(
            "worker", "w.uuid", "Only tasks that this worker (its id) has, or had last."
        ),
        list_filters.containing("name", "t.name", "Only tasks whose name contains this."),
    ),
    default_sort="index",
    unasked=_MORE_FIELDS,
)


def page(db: sqlite3.Connection, request: ListRequest) -> ListPage:
    """A page of the tasks of the job `request.subject`.

    Raises:
        NotFound: if there is no such job.
        InvalidInput: if the request does not fit the list.
    """
    with snapshot(db):
        job = found(_JOB.row(db, uuid=request.subject), "job", request.subject)
        scope = {"job_id": job["id"], "job_uuid": job["uuid"]}
        page_found = listing.walk(db, *_narrowed(request), scope)
        return replace(page_found, total=_total(job, request))


def _narrowed(request: ListRequest) -> tuple[Listing, ListRequest]:
    """The same, such that only tasks with the wanted statuses are walked past if possible."""
    try:
        chosen = list_filters.read_choices(request.filters.get("status", ""), TaskStatus)
    except ValueError:
        return TASKS, request  # which refuses it
    segments = tuple(status for status in FAILED_FIRST if status in chosen)
    narrow = replace(_STATUS, segments=segments)
    order = request.sort.removeprefix("-") or TASKS.default_sort
    if order == _STATUS.name and segments:
        orders = {**ORDERS, order: narrow}
    elif order == _INDEX.name and len(segments) == 1:
        # Those of one status are in the order of the job already.
        orders = {**ORDERS, order: replace(narrow, name=order)}
    else:
        return TASKS, request
    rest = {name: text for name, text in request.filters.items() if name != "status"}
    return replace(TASKS, orders=orders), replace(request, filters=rest)


def _total(job: sqlite3.Row, request: ListRequest) -> int | None:
    if request.sort.removeprefix("-") == "duration":
        return None
    if any(text for name, text in request.filters.items() if name != "status"):
        return None
    chosen = list_filters.read_choices(request.filters.get("status", ""), TaskStatus)
    return sum(int(job[COUNT_COLUMNS[TaskStatus(each)]]) for each in chosen or TaskStatus)
