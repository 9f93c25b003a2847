"""The audit log as a list, newest first, and how old rows leave it."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from flamenco_core.store import list_filters, listing
from flamenco_core.store.database import Statement, to_microseconds
from flamenco_core.store.listing import (
    Condition,
    Filter,
    Key,
    Listing,
    ListPage,
    ListRequest,
    Order,
    json_text,
    json_time,
)

PERSON = "person:"
"""How the names of actors begin that are people."""

_FORGET = Statement(
    "Forgets some of what was recorded before a time.",
    """DELETE FROM audit WHERE id IN (
           SELECT id FROM audit INDEXED BY audit_by_time
           WHERE at < :before ORDER BY at, id LIMIT :limit)""",
)

_TIME = Order(
    name="time",
    description="by time",
    source="audit a INDEXED BY audit_by_time",
    keys=(Key("a.at"), Key("a.id")),
)
_BY_PERSON = Order(
    name="time",
    description="by time",
    source="audit a INDEXED BY audit_of_people",
    keys=(Key("a.id"),),
    condition="a.actor = :actor AND a.actor >= 'person:' AND a.actor < 'person;'",
)
_BY_SUBJECT = Order(
    name="time",
    description="by time",
    source="audit a INDEXED BY audit_by_subject",
    keys=(Key("a.id"),),
    condition="a.subject = :subject",
)


def _of_job(text: str) -> list[Condition]:
    sql = """(a.subject = :job OR EXISTS (SELECT 1 FROM tasks at JOIN jobs aj ON aj.id = at.job_id
        WHERE at.uuid = a.subject AND aj.uuid = :job))"""
    return [Condition(sql, {"job": text})] if text else []


def _of_worker(text: str) -> list[Condition]:
    sql = "(a.subject = :worker OR a.actor = :worker_actor)"
    return [Condition(sql, {"worker": text, "worker_actor": f"worker:{text}"})] if text else []


_FILTERS = (
    list_filters.exactly("actor", "a.actor", "Who did it, such as person:ana."),
    list_filters.exactly(
        "subject", "a.subject", "What it was done to: the id of a job, task, worker or tag."
    ),
    Filter(name="job", description="Done to this job, or to one of its tasks.", conditions=_of_job),
    Filter(name="worker", description="Done by this worker, or to it.", conditions=_of_worker),
    list_filters.exactly("action", "a.action", "What was done, such as job.submit."),
    list_filters.since("since", "a.at", "Then or later."),
    list_filters.before("until", "a.at", "Before then."),
)


def _audit(order: Order) -> Listing:
    return Listing(
        name="audit",
        joins="",
        scope="",
        fields={
            "time": json_time("a.at"),
            "actor": json_text("a.actor"),
            "action": json_text("a.action"),
            "subject": json_text("a.subject"),
            "details": "a.details",
        },
        orders={order.name: order},
        filters=_FILTERS,
        default_sort="-time",
    )


AUDIT = _audit(_TIME)
_OF_PERSON = _audit(_BY_PERSON)
_OF_SUBJECT = _audit(_BY_SUBJECT)


def page(db: sqlite3.Connection, request: ListRequest) -> ListPage:
    """A page of the audit log; raises `InvalidInput` if the request does not fit it."""
    subject, actor = request.filters.get("subject", ""), request.filters.get("actor", "")
    scope = {"subject": subject, "actor": actor}
    if subject:
        return listing.walk(db, _OF_SUBJECT, request, scope)
    if actor.startswith(PERSON):
        return listing.walk(db, _OF_PERSON, request, scope)
    return listing.walk(db, AUDIT, request, scope)


def forget(db: sqlite3.Connection, before: datetime, *, limit: int) -> int:
    """Drops the oldest rows from before a time, some at once; returns how many."""
    return _FORGET.run(db, before=to_microseconds(before), limit=limit).rowcount
