"""The list of jobs: its fields, orders and filters.

In the usual order, newest first, the criteria that have an index find the jobs by taking turns
(see `job_search`); in every other order the index of the order is walked.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from flamenco_core.errors import one_problem
from flamenco_core.model import HIGHEST_PRIORITY, LOWEST_PRIORITY
from flamenco_core.statuses import JobStatus
from flamenco_core.store import job_search, list_filters, listing, possible_actions, stranding
from flamenco_core.store.database import Statement, found, snapshot
from flamenco_core.store.job_search import JobCriteria
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
from flamenco_core.store.tasks import COUNT_COLUMNS

_COUNT = Statement(
    "How many jobs have a status.",
    "SELECT count(*) FROM jobs INDEXED BY jobs_by_status WHERE status = :status",
)
_KEY = Statement("The key of a job.", "SELECT id FROM jobs WHERE uuid = :uuid")

_COUNTS = " || ".join(
    f"""CASE WHEN j.{column} > 0 THEN ',"{status.value}":' || j.{column} ELSE '' END"""
    for status, column in COUNT_COLUMNS.items()
)

FIELDS: Mapping[str, str] = {
    "id": json_text("j.uuid"),
    "name": json_text("j.name"),
    "type": json_text("j.type"),
    "priority": "j.priority",
    "status": json_text("j.status"),
    "activity": json_text("j.activity"),
    "settings": "j.settings",
    "metadata": "j.metadata",
    "submitter_platform": json_text("j.submitter_platform"),
    "created": json_time("j.created_at"),
    "updated": json_time("j.updated_at"),
    "steps_completed": "j.steps_completed",
    "steps_total": "j.steps_total",
    "task_counts": f"'{{' || substr({_COUNTS}, 2) || '}}'",
    "storage": f"""'{{"shaman_checkout_id":' || {json_text("nullif(j.shaman_checkout_id, '')")}
        || '}}'""",
    "worker_tag": json_text("g.uuid"),
    "delete_requested_at": json_time("j.delete_requested_at"),
    "archived_at": json_time("j.archived_at"),
    "submitted_by": json_text("nullif(j.submitted_by, '')"),
    "finished_at": json_time("j.finished_at"),
    "rendered_at": json_time("j.rendered_at"),
    "stranded_task_types": stranding.OF_JOB_AS_JSON,
    "actions": possible_actions.JOB_ACTIONS,
}
_MORE_FIELDS = ("stranded_task_types", "actions")
"""Only given to those who ask for them."""


def _order(name: str, column: str, description: str, *, condition: str = "") -> Order:
    is_text = column == "name"
    return Order(
        name=name,
        description=description,
        source=f"jobs j INDEXED BY jobs_by_{name}",
        keys=(Key(f"j.{column}", is_text), Key("j.id")),
        condition=condition,
    )


NEWEST_FIRST = "-created"
_BY_KEY = Order(
    name="created",
    description="in the order of submission",
    source="jobs j NOT INDEXED",
    keys=(Key("j.id"),),
)
ORDERS = {
    order.name: order
    for order in (
        _BY_KEY,
        _order("priority", "priority", "by priority"),
        _order("name", "name", "by name"),
        _order(
            "finished",
            "finished_at",
            "by the time they ended; only jobs that did",
            condition="j.finished_at IS NOT NULL",
        ),
        _order(
            "rendered",
            "rendered_at",
            "by the time of the last rendered image; only jobs that have one",
            condition="j.rendered_at IS NOT NULL",
        ),
        _order(
            "archived",
            "archived_at",
            "by the time they were archived; only jobs that were",
            condition="j.archived_at IS NOT NULL",
        ),
    )
}


def _metadata(text: str) -> Sequence[Condition]:
    said = list_filters.read_texts(text) if text else {}
    return [
        Condition(
            f"EXISTS (SELECT 1 FROM job_metadata m{index} WHERE m{index}.job_id = j.id "
            f"AND m{index}.key = :metadata_key_{index} AND m{index}.value = :metadata_{index})",
            {f"metadata_key_{index}": key, f"metadata_{index}": value},
        )
        for index, (key, value) in enumerate(said.items())
    ]


_BOUNDS = {"least": LOWEST_PRIORITY, "most": HIGHEST_PRIORITY}
FILTERS = (
    list_filters.any_of(
        "status", "j.status", JobStatus, "Only jobs with one of these statuses (with commas)."
    ),
    list_filters.exactly("type", "j.type", "Only jobs of this job type."),
    Filter(
        name="metadata",
        description=(
            "Only jobs with all of these metadata: a JSON object of keys and exact values."
        ),
        conditions=_metadata,
        schema={
            "type": "string",
            "contentMediaType": "application/json",
            "examples": ['{"project": "Sprite Fright"}'],
        },
    ),
    list_filters.containing("name", "j.name", "Only jobs whose name contains this."),
    list_filters.exactly(
        "submitted_by", "j.submitted_by", "Only jobs of this submitter, such as person:ana."
    ),
    list_filters.exactly("worker_tag", "g.uuid", "Only jobs for workers with this tag (its id)."),
    list_filters.at_least(
        "min_priority", "j.priority", "Only jobs of this priority or above.", **_BOUNDS
    ),
    list_filters.at_most(
        "max_priority", "j.priority", "Only jobs of this priority or below.", **_BOUNDS
    ),
    list_filters.since(
        "created_since", "j.created_at", "Only jobs submitted at this time or later."
    ),
    list_filters.before("created_before", "j.created_at", "Only jobs submitted before this time."),
    list_filters.since("finished_since", "j.finished_at", "Only jobs that ended then or later."),
    list_filters.before("finished_before", "j.finished_at", "Only jobs that ended before then."),
    list_filters.yes_or_no(
        "archived",
        "j.archived_at IS NOT NULL",
        "j.archived_at IS NULL",
        "Only jobs that are archived (true), or that are not (false).",
    ),
)

JOBS = Listing(
    name="jobs",
    joins="LEFT JOIN tags g ON g.id = j.tag_id",
    scope="",
    fields=FIELDS,
    orders=ORDERS,
    filters=FILTERS,
    default_sort=NEWEST_FIRST,
    unasked=_MORE_FIELDS,
)


def page(db: sqlite3.Connection, request: ListRequest) -> ListPage:
    """A page of jobs; raises `InvalidInput` if the request does not fit the list."""
    request = replace(request, sort=request.sort or _natural_sort(request.filters))
    with snapshot(db):
        if request.sort == NEWEST_FIRST and any(request.filters.get(each) for each in _SOUGHT):
            page_found = _searched(db, request)
        else:
            page_found = listing.walk(db, JOBS, request)
        return replace(page_found, total=_total(db, request))


def count(db: sqlite3.Connection, status: JobStatus) -> int:
    """How many jobs have a status."""
    return int(_COUNT.value(db, status=status))


def cursor_after(db: sqlite3.Connection, uuid: str) -> str:
    """The cursor after a job in the usual order; raises `NotFound`."""
    key = found(_KEY.row(db, uuid=uuid), "job", uuid)["id"]
    return listing.encode_cursor(NEWEST_FIRST, 0, [key])


def _natural_sort(filters: Mapping[str, str]) -> str:
    """What asks for times of an index is told in the order of that index."""
    if filters.get("finished_since") or filters.get("finished_before"):
        return "-finished"
    if filters.get("archived", "").lower() == "true":
        return "-archived"
    return NEWEST_FIRST


_SOUGHT = ("status", "type", "metadata", "submitted_by", "worker_tag")
"""Filters for which an index says what the next job is."""


def filters_of(criteria: JobCriteria) -> dict[str, str]:
    """The same as filters of the list."""
    return {
        "status": ",".join(sorted(criteria.statuses)),
        "type": criteria.type or "",
        "metadata": json.dumps(dict(criteria.metadata)) if criteria.metadata else "",
        "submitted_by": criteria.submitted_by or "",
        "worker_tag": criteria.worker_tag or "",
    }


def _criteria(filters: Mapping[str, str]) -> JobCriteria:
    return JobCriteria(
        statuses=frozenset(
            map(JobStatus, list_filters.read_choices(filters.get("status", ""), JobStatus))
        ),
        type=filters.get("type") or None,
        metadata=list_filters.read_texts(filters.get("metadata") or "{}"),
        submitted_by=filters.get("submitted_by") or None,
        worker_tag=filters.get("worker_tag") or None,
    )


def _searched(db: sqlite3.Connection, request: ListRequest) -> ListPage:
    """Jobs that meet what an index can find, tested for the rest."""
    try:
        criteria = _criteria(request.filters)
        fields = JOBS.read_fields(request.fields)
        rest = {name: text for name, text in request.filters.items() if name not in _SOUGHT}
        conditions = JOBS.conditions(rest)
    except (ValueError, KeyError) as error:
        raise one_problem("query", str(error)) from None
    if criteria.is_any:
        return listing.walk(db, JOBS, request)
    last = 2**62
    if request.cursor:
        last = listing.decode_cursor(request.cursor, NEWEST_FIRST, _BY_KEY)[1][0]
    parameters = {key: value for each in conditions for key, value in each.parameters.items()}
    wheres = "".join(f" AND {each.sql}" for each in conditions)
    item = listing.json_object({name: FIELDS[name] for name in fields})
    one = Statement(
        "What a list says of a job, if it meets the conditions.",
        f"SELECT {item} FROM jobs j {JOBS.joins} WHERE j.id = :job_key{wheres}",
    )
    items: list[str] = []
    limit = min(request.limit, listing.LARGEST_PAGE)
    for examined, key in enumerate(job_search.matching(db, criteria, before=last)):
        if len(items) == limit or examined == listing.LARGEST_PAGE:
            return ListPage(items=items, next=listing.encode_cursor(NEWEST_FIRST, 0, [last]))
        items += [row[0] for row in one.run(db, **parameters, job_key=key).fetchall()]
        last = key
    return ListPage(items=items)


def _total(db: sqlite3.Connection, request: ListRequest) -> int | None:
    """Counted along an index, and only where nothing but statuses is asked for."""
    if request.sort.removeprefix("-") not in ("created", "priority", "name"):
        return None
    if any(text for name, text in request.filters.items() if name != "status"):
        return None
    chosen = list_filters.read_choices(request.filters.get("status", ""), JobStatus)
    return sum(count(db, JobStatus(status)) for status in chosen or JobStatus)
