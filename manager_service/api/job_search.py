"""How jobs are searched for, and what can be searched for."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.model import JobMetadataKeys, JobMetadataValues
from manager_service.json_answers import encoded_answer
from manager_service.routing import (
    TEXT,
    Call,
    Kind,
    OperationTable,
    Role,
    in_path,
    in_query,
    ok,
    whole_number,
)

OPERATIONS = OperationTable("jobs")

MOST_AT_ONCE = 1000

KEY = in_path("key", TEXT, "A key of the metadata, such as project.")
LIMIT = in_query("limit", whole_number(1, 10_000), "At most so many of them.", default=MOST_AT_ONCE)
_ANY_TEXT: Kind[str | None] = Kind(TEXT.read, TEXT.schema)
AFTER = in_query(
    "after",
    _ANY_TEXT,
    "Only those that come after this one: `next` of the page before.",
    default=None,  # an empty text is a value, too
)


@OPERATIONS.operation(
    "fetchJobMetadataKeys",
    "GET",
    "/jobs/metadata",
    role=Role.VIEWER,
    summary="What jobs can be searched by",
    parameters=[LIMIT, AFTER],
    answers=[ok(JobMetadataKeys, "The keys that the metadata of any job has, in order.")],
)
async def fetch_job_metadata_keys(call: Call) -> web.StreamResponse:
    limit, after = call.value(LIMIT), call.value(AFTER) or ""
    return encoded_answer(
        await call.service.readers.read_json(
            lambda reader: _page("keys", reader.metadata_keys(limit=limit + 1, after=after), limit)
        )
    )


@OPERATIONS.operation(
    "fetchJobMetadataValues",
    "GET",
    "/jobs/metadata/{key}",
    role=Role.VIEWER,
    summary="The different values that jobs have for a key",
    parameters=[KEY, LIMIT, AFTER],
    answers=[ok(JobMetadataValues, "The values, each once and in order; none if no job has one.")],
)
async def fetch_job_metadata_values(call: Call) -> web.StreamResponse:
    key, limit, after = call.value(KEY), call.value(LIMIT), call.value(AFTER)
    return encoded_answer(
        await call.service.readers.read_json(
            lambda reader: _page(
                "values", reader.metadata_values(key, limit=limit + 1, after=after), limit
            )
        )
    )


def _page(name: str, found: list[str], limit: int) -> dict[str, object]:
    """`found` has one more than the limit if there are more."""
    page = found[:limit]
    return {name: page, "next": page[-1]} if len(found) > limit else {name: page}
