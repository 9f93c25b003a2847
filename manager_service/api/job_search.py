"""How jobs are searched for, and what can be searched for."""

from __future__ import annotations

from aiohttp import web

from flamenco_core import wire
from flamenco_core.errors import InvalidInput
from flamenco_core.model import JobMetadataKeys, JobMetadataValues
from flamenco_core.statuses import JobStatus
from flamenco_core.store.job_search import JobCriteria
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


def _read_statuses(text: str) -> frozenset[JobStatus] | None:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = sorted(set(names) - set(JobStatus))
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no such status; there are {', '.join(JobStatus)}")
    return frozenset(map(JobStatus, names))


def _read_metadata(text: str) -> dict[str, str] | None:
    try:
        found: dict[str, str] = wire.from_json_text(text, dict[str, str])
    except InvalidInput as error:
        raise ValueError(f"{error}; write it as a JSON object with texts") from None
    return found


STATUS = in_query(
    "status",
    Kind(_read_statuses, {"type": "string", "examples": ["queued,active"]}),
    "Only jobs with one of these statuses, separated by commas.",
    default=None,
)
TYPE = in_query("type", TEXT, "Only jobs of this job type.", default="")
METADATA = in_query(
    "metadata",
    Kind(
        _read_metadata,
        {
            "type": "string",
            "contentMediaType": "application/json",
            "examples": ['{"project": "Sprite Fright"}'],
        },
    ),
    "Only jobs with all of these metadata: a JSON object of keys and exact values.",
    default=None,
)
SEARCH_PARAMETERS = (STATUS, TYPE, METADATA)

KEY = in_path("key", TEXT, "A key of the metadata, such as project.")
LIMIT = in_query(
    "limit", whole_number(1, 10_000), "At most so many values; all if left out.", default=0
)
AFTER = in_query(
    "after", TEXT, "Only values that come after this one: for the next page.", default=""
)


def criteria_of(call: Call) -> JobCriteria:
    """Which jobs a request is about."""
    statuses, metadata = call.value(STATUS), call.value(METADATA)
    return JobCriteria(
        statuses=statuses or frozenset(), type=call.value(TYPE) or None, metadata=metadata or {}
    )


@OPERATIONS.operation(
    "fetchJobMetadataKeys",
    "GET",
    "/jobs/metadata",
    role=Role.VIEWER,
    summary="What jobs can be searched by",
    answers=[ok(JobMetadataKeys, "The keys that the metadata of any job has, in order.")],
)
async def fetch_job_metadata_keys(call: Call) -> web.StreamResponse:
    return encoded_answer(
        await call.service.readers.read_json(lambda reader: {"keys": reader.metadata_keys()})
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
