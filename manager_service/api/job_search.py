"""How jobs are searched for, and what can be searched for."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.model import JobMetadataKeys, JobMetadataValues
from manager_service.json_answers import encoded_answer
from manager_service.routing import (
    TEXT,
    Call,
    OperationTable,
    Role,
    in_path,
    in_query,
    ok,
    whole_number,
)

OPERATIONS = OperationTable("jobs")


KEY = in_path("key", TEXT, "A key of the metadata, such as project.")
LIMIT = in_query(
    "limit", whole_number(1, 10_000), "At most so many values; all if left out.", default=0
)
AFTER = in_query(
    "after", TEXT, "Only values that come after this one: for the next page.", default=""
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
    limit, after = call.value(LIMIT) or -1, call.value(AFTER)
    return encoded_answer(
        await call.service.readers.read_json(
            lambda reader: {"keys": reader.metadata_keys(limit=limit, after=after)}
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
    key, limit = call.value(KEY), call.value(LIMIT) or -1
    after = call.value(AFTER) or None
    return encoded_answer(
        await call.service.readers.read_json(
            lambda reader: {"values": reader.metadata_values(key, limit=limit, after=after)}
        )
    )
