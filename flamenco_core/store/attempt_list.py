"""The attempts at the tasks of a job as a list, with what each took and made."""

from __future__ import annotations

import sqlite3

from flamenco_core.errors import NotFound
from flamenco_core.store import list_filters, listing
from flamenco_core.store.database import Statement, snapshot
from flamenco_core.store.listing import (
    Key,
    Listing,
    ListPage,
    ListRequest,
    Order,
    json_boolean,
    json_seconds,
    json_text,
)

_KNOWN = Statement(
    "Whether there is a job, or anything is known of the attempts of one that is gone.",
    """SELECT 1 FROM jobs WHERE uuid = :uuid
       UNION ALL SELECT 1 FROM attempt_statistics WHERE job_uuid = :uuid LIMIT 1""",
)
_TEXTS = (
    *("job_name", "job_type", "task_name", "task_type", "worker_name"),
    *("outcome", "failure_class", "device"),
)
ATTEMPTS = Listing(
    name="attempts",
    joins="",
    scope="s.job_uuid = :job_uuid",
    fields={
        "task_id": json_text("s.task_uuid"),
        "attempt": "s.attempt",
        "job_id": json_text("s.job_uuid"),
        "worker_id": json_text("s.worker_uuid"),
        **{name: json_text(f"s.{name}") for name in _TEXTS},
        **{
            f"{name}_seconds": json_seconds(f"s.{name}_time")
            for name in ("run", "load", "render", "save")
        },
        "peak_memory": "s.peak_memory",
        "samples": "s.samples",
        "output_count": "s.output_count",
        "output_files": "s.output_files",
        "is_warm": json_boolean("s.is_warm"),
    },
    orders={
        "begun": Order(
            name="begun",
            description="in the order in which they were first heard of",
            source="attempt_statistics s INDEXED BY statistics_of_job",
            keys=(Key("s.id"),),
        ),
        "duration": Order(
            name="duration",
            description="by how long they took; only those of which that is known",
            source="attempt_statistics s INDEXED BY attempts_by_run_time",
            keys=(Key("s.run_time"), Key("s.id")),
            condition="s.run_time IS NOT NULL",
        ),
    },
    filters=(
        list_filters.exactly("outcome", "s.outcome", "Only attempts that ended so."),
        list_filters.exactly(
            "failure_class", "s.failure_class", "Only attempts that failed for this reason."
        ),
        list_filters.exactly("worker", "s.worker_uuid", "Only attempts of this worker (its id)."),
        list_filters.exactly("task", "s.task_uuid", "Only attempts at this task (its id)."),
        list_filters.exactly("task_type", "s.task_type", "Only attempts at tasks of this type."),
    ),
    default_sort="begun",
)


def page(db: sqlite3.Connection, request: ListRequest) -> ListPage:
    """A page of the attempts of the job `request.subject`, which may be deleted by now.

    Raises:
        NotFound: if nothing is known of such a job.
        InvalidInput: if the request does not fit the list.
    """
    with snapshot(db):
        if not _KNOWN.value(db, uuid=request.subject):
            raise NotFound(f"There is no job {request.subject}")
        return listing.walk(db, ATTEMPTS, request, {"job_uuid": request.subject})
