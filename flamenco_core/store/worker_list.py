"""The lists of workers and of their tags: fields, orders and filters."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

from flamenco_core.statuses import WorkerStatus
from flamenco_core.store import list_filters, listing, possible_actions, worker_slots
from flamenco_core.store.database import Statement, snapshot
from flamenco_core.store.listing import (
    Condition,
    Filter,
    Key,
    Listing,
    ListPage,
    ListRequest,
    Order,
    json_boolean,
    json_text,
    json_time,
)

_COUNT = Statement(
    "How many workers have a status.",
    """SELECT count(*) FROM workers INDEXED BY worker_statuses
       WHERE status = :status AND deleted_at IS NULL""",
)

FIELDS: Mapping[str, str] = {
    "id": json_text("w.uuid"),
    "name": json_text("w.name"),
    "status": json_text("w.status"),
    "version": json_text("w.software"),
    "can_restart": json_boolean("w.can_restart"),
    "status_change": f"""'{{"status":' || {json_text("nullif(w.status_requested, '')")}
        || ',"is_lazy":' || {json_boolean("w.lazy_request")} || '}}'""",
    "last_seen": json_time("w.last_seen_at"),
    "ip_address": json_text("w.address"),
    "status_reason": json_text("nullif(w.status_reason, '')"),
    "platform": json_text("w.platform"),
    "capabilities": """(SELECT json_group_object(c.key, c.value) FROM worker_capabilities c
        WHERE c.worker_id = w.id HAVING count(*) > 0)""",
    "slots": worker_slots.AS_JSON,
    "tags": """(SELECT json_group_array(json(tagged.tag)) FROM (
        SELECT json_object('id', wg.uuid, 'name', wg.name) AS tag
        FROM worker_tags wt JOIN tags wg ON wg.id = wt.tag_id WHERE wt.worker_id = w.id
        ) AS tagged HAVING count(*) > 0)""",
    "task": """(SELECT json_object('id', lt.uuid, 'name', lt.name, 'status', lt.status,
            'job_id', lj.uuid, 'job_name', lj.name)
        FROM tasks lt INDEXED BY last_tasks_of_worker JOIN jobs lj ON lj.id = lt.job_id
        WHERE lt.worker_id = w.id ORDER BY lt.last_touched_at DESC LIMIT 1)""",
    "actions": possible_actions.WORKER_ACTIONS,
}
_MORE_FIELDS = ("ip_address", "platform", "capabilities", "slots", "tags", "task", "actions")


def _tagged(text: str) -> list[Condition]:
    sql = """EXISTS (SELECT 1 FROM worker_tags wt JOIN tags wg ON wg.id = wt.tag_id
        WHERE wt.worker_id = w.id AND wg.uuid = :tag)"""
    return [Condition(sql, {"tag": text})] if text else []


def _of_type(text: str) -> list[Condition]:
    sql = """EXISTS (SELECT 1 FROM worker_task_types wk
        WHERE wk.worker_id = w.id AND wk.task_type = :task_type)"""
    return [Condition(sql, {"task_type": text.strip().lower()})] if text else []


WORKERS = Listing(
    name="workers",
    joins="",
    scope="w.deleted_at IS NULL",
    fields=FIELDS,
    orders={
        "registered": Order(
            name="registered",
            description="in the order of their registration",
            source="workers w NOT INDEXED",
            keys=(Key("w.id"),),
        ),
        "name": Order(
            name="name",
            description="by name",
            source="workers w INDEXED BY workers_by_name",
            keys=(Key("w.name", is_text=True), Key("w.id")),
        ),
    },
    filters=(
        list_filters.any_of(
            "status", "w.status", WorkerStatus, "Only workers with one of these statuses (commas)."
        ),
        list_filters.containing("name", "w.name", "Only workers whose name contains this."),
        list_filters.exactly("platform", "w.platform", "Only workers on this platform."),
        Filter(name="tag", description="Only workers with this tag (its id).", conditions=_tagged),
        Filter(
            name="task_type",
            description="Only workers that take tasks of this type.",
            conditions=_of_type,
        ),
    ),
    default_sort="registered",
    unasked=_MORE_FIELDS,
)

TAGS = Listing(
    name="tags",
    joins="",
    scope="",
    fields={
        "id": json_text("g.uuid"),
        "name": json_text("g.name"),
        "description": json_text("nullif(g.description, '')"),
    },
    orders={
        "name": Order(
            name="name",
            description="by name",
            # The index that SQLite makes for the UNIQUE name.
            source="tags g INDEXED BY sqlite_autoindex_tags_2",
            keys=(Key("g.name", is_text=True),),
        ),
    },
    filters=(list_filters.containing("name", "g.name", "Only tags whose name contains this."),),
    default_sort="name",
)


def workers_page(db: sqlite3.Connection, request: ListRequest) -> ListPage:
    """A page of workers; raises `InvalidInput` if the request does not fit the list."""
    with snapshot(db):
        return replace(listing.walk(db, WORKERS, request), total=_total(db, request))


def count(db: sqlite3.Connection, status: WorkerStatus) -> int:
    """How many workers have a status."""
    return int(_COUNT.value(db, status=status))


def tags_page(db: sqlite3.Connection, request: ListRequest) -> ListPage:
    """A page of worker tags; raises `InvalidInput` if the request does not fit the list."""
    return listing.walk(db, TAGS, request)


def _total(db: sqlite3.Connection, request: ListRequest) -> int | None:
    if any(text for name, text in request.filters.items() if name != "status"):
        return None
    chosen = list_filters.read_choices(request.filters.get("status", ""), WorkerStatus)
    return sum(count(db, WorkerStatus(status)) for status in chosen or WorkerStatus)
