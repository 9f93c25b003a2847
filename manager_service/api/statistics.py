"""What attempts took, of jobs, workers and the farm; and what workers' machines are doing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson
from aiohttp import web

from flamenco_core.errors import one_problem
from flamenco_core.model.statistics import (
    AttemptList,
    FarmOverview,
    FrameStatisticsList,
    HostPoints,
    HostSamples,
    JobStatistics,
    KindStatisticsList,
)
from flamenco_core.store.attempt_list import ATTEMPTS
from flamenco_core.store.list_filters import read_time
from flamenco_core.store.reader import FarmReader
from manager_service.api.named_things import UNKNOWN_WORKER, WORKER_ID
from manager_service.json_answers import empty_answer, encoded_answer
from manager_service.lists import answer_list, parameters_of, request_of, stream_items
from manager_service.routing import (
    UUID,
    Answer,
    Body,
    Call,
    Kind,
    OperationTable,
    Role,
    in_path,
    in_query,
    no_content,
    ok,
    one_of,
)


class Resolution(StrEnum):
    """How fine a machine's statistics are told."""

    SECOND = "second"
    """Every second, of the last hour."""
    MINUTE = "minute"
    """The mean of each minute, of thirty days."""


OPERATIONS = OperationTable("jobs")

JOB_ID = in_path("job_id", UUID, "The job, which may be deleted by now.")

_TIME: Kind[datetime | None] = Kind(
    read_time, {"type": "string", "examples": ["2026-02-03T04:05:06Z"]}
)
_SINCE = in_query(
    "since", _TIME, "From this time on; an hour before `until` if left out.", default=None
)
_UNTIL = in_query("until", _TIME, "Up to before this time; now if left out.", default=None)
_RESOLUTION = in_query(
    "resolution",
    one_of(Resolution),
    "Points for each second of the last hour, or means of the minutes of thirty days.",
    default=Resolution.SECOND,
)
_LONGEST = timedelta(days=31)
_PIECE = timedelta(hours=6)
"""Of minutes or seconds that are read at once."""

_UNKNOWN_JOB = Answer(status=404, description="Nothing is known of such a job.")


@OPERATIONS.operation(
    "fetchJobStatistics",
    "GET",
    "/jobs/{job_id}/statistics",
    role=Role.VIEWER,
    summary="What a job took so far",
    parameters=[JOB_ID],
    answers=[ok(JobStatistics, "Sums over its attempts, and its tasks by status."), _UNKNOWN_JOB],
)
async def fetch_job_statistics(call: Call) -> web.StreamResponse:
    job_id = call.value(JOB_ID)
    return await _answer(call, lambda reader: reader.job_statistics(job_id))


@OPERATIONS.operation(
    "fetchJobAttempts",
    "GET",
    "/jobs/{job_id}/attempts",
    role=Role.VIEWER,
    summary="What each attempt at a job's tasks took and made",
    parameters=[JOB_ID, *parameters_of(ATTEMPTS)],
    answers=[ok(AttemptList, "The attempts."), _UNKNOWN_JOB],
)
async def fetch_job_attempts(call: Call) -> web.StreamResponse:
    return await answer_list(call, request_of(call, ATTEMPTS, subject=call.value(JOB_ID)))


@OPERATIONS.operation(
    "fetchJobFrameStatistics",
    "GET",
    "/jobs/{job_id}/statistics/frames",
    role=Role.VIEWER,
    summary="What each frame of a job took",
    parameters=[JOB_ID],
    answers=[ok(FrameStatisticsList, "The frames, as they were rendered."), _UNKNOWN_JOB],
)
async def fetch_job_frame_statistics(call: Call) -> web.StreamResponse:
    """For a plot. A frame that was rendered twice is there twice; the later one is the newer."""
    job_id = call.value(JOB_ID)
    first = await call.service.readers.read(lambda reader: _frames(reader, job_id, ""))

    async def pieces() -> AsyncIterator[bytes]:
        items, cursor = first
        yield items
        while cursor is not None:
            at = cursor
            items, cursor = await call.service.readers.read(
                lambda reader: _frames(reader, job_id, at)  # noqa: B023 - awaited at once
            )
            yield items

    return await stream_items(call, "frames", pieces())


@OPERATIONS.operation(
    "fetchStatistics",
    "GET",
    "/statistics",
    role=Role.VIEWER,
    summary="What all attempts took, by type",
    answers=[ok(KindStatisticsList, "Sums for each job type and task type.")],
)
async def fetch_statistics(call: Call) -> web.StreamResponse:
    return await _answer(call, lambda reader: {"sums": reader.statistics_sums()})


@OPERATIONS.operation(
    "fetchWorkerStatistics",
    "GET",
    "/worker-mgt/workers/{worker_id}/statistics",
    role=Role.VIEWER,
    summary="What the attempts of a worker took, by type",
    parameters=[WORKER_ID],
    answers=[ok(KindStatisticsList, "Sums for each job type and task type.")],
)
async def fetch_worker_statistics(call: Call) -> web.StreamResponse:
    """Also of a worker that was deleted; empty if nothing is known of it."""
    worker_id = call.value(WORKER_ID)
    return await _answer(call, lambda reader: {"sums": reader.statistics_sums(worker_id)})


@OPERATIONS.operation(
    "fetchFarmOverview",
    "GET",
    "/status/overview",
    role=Role.VIEWER,
    summary="How many jobs, tasks and workers there are, by status",
    answers=[ok(FarmOverview, "The counts.")],
)
async def fetch_farm_overview(call: Call) -> web.StreamResponse:
    return await _answer(call, lambda reader: reader.overview())


@OPERATIONS.operation(
    "storeHostStatistics",
    "POST",
    "/worker/host-statistics",
    role=Role.WORKER,
    summary="Tell what this machine has been doing",
    body=Body(json=HostSamples),
    answers=[no_content("Taken in.")],
)
async def store_host_statistics(call: Call) -> web.StreamResponse:
    """At most 1,000 samples; of several in one second the last one counts. A sign of life too."""
    worker_id, samples = call.worker_id, call.body(HostSamples).samples
    await call.service.farm.run(lambda manager: manager.store_host_statistics(worker_id, samples))
    return empty_answer()


@OPERATIONS.operation(
    "fetchHostStatistics",
    "GET",
    "/worker-mgt/workers/{worker_id}/host-statistics",
    role=Role.VIEWER,
    summary="What a worker's machine was doing",
    parameters=[WORKER_ID, _SINCE, _UNTIL, _RESOLUTION],
    answers=[ok(HostPoints, "What is known of that time, oldest first."), UNKNOWN_WORKER],
)
async def fetch_host_statistics(call: Call) -> web.StreamResponse:
    worker_id, resolution = call.value(WORKER_ID), call.value(_RESOLUTION)
    until = call.value(_UNTIL) or datetime.now(UTC) + timedelta(seconds=1)
    since = call.value(_SINCE) or until - timedelta(hours=1)
    if not since < until <= since + _LONGEST:
        raise one_problem("query since", "must be before `until`, by 31 days at the most")

    async def read(start: datetime) -> bytes:
        end = min(start + _PIECE, until)
        return await call.service.readers.read(
            lambda reader: _points(reader, worker_id, resolution, start, end)
        )

    first = await read(since)

    async def pieces() -> AsyncIterator[bytes]:
        yield first
        start = since + _PIECE
        while start < until:
            yield await read(start)
            start += _PIECE

    return await stream_items(call, "points", pieces())


def _points(
    reader: FarmReader, worker_id: str, resolution: Resolution, since: datetime, until: datetime
) -> bytes:
    read = reader.host_samples if resolution is Resolution.SECOND else reader.host_minutes
    return orjson.dumps(read(worker_id, since=since, until=until))[1:-1]


def _frames(reader: FarmReader, job_id: str, cursor: str) -> tuple[bytes, str | None]:
    frames, after = reader.frame_statistics(job_id, cursor)
    return orjson.dumps(frames)[1:-1], after


async def _answer(call: Call, read: Callable[[FarmReader], Any]) -> web.StreamResponse:
    return encoded_answer(await call.service.readers.read_json(read))
