"""How the Manager is doing: health, metrics, and what it does by itself."""

from __future__ import annotations

import asyncio

from aiohttp import hdrs, web

from flamenco_core.errors import Problem
from flamenco_core.model import Error
from flamenco_core.model.running import BackgroundChore, BackgroundChores, HealthReport
from manager_service.background import Chore
from manager_service.json_answers import empty_answer, json_answer
from manager_service.problem_answers import refusal
from manager_service.routing import (
    TEXT,
    Answer,
    Call,
    OperationTable,
    Role,
    in_path,
    no_content,
    ok,
    text,
)
from manager_service.upstream.state import Errand

OPERATIONS = OperationTable("meta")

NAME = in_path("name", TEXT, "The name of the background work, such as integrity.")
_NOT_NOW = Answer(status=503, description="It is not; the problems tell why.", json=Error)


@OPERATIONS.operation(
    "getLiveness",
    "GET",
    "/health/live",
    role=Role.ANYONE,
    summary="Whether the Manager is alive",
    answers=[ok(HealthReport, "It is."), _NOT_NOW],
)
async def get_liveness(call: Call) -> web.StreamResponse:
    """For whoever starts the Manager again when it is not: a container platform, a supervisor."""
    problems = call.service.health.deadly_problems()
    return _health("alive", problems)


@OPERATIONS.operation(
    "getReadiness",
    "GET",
    "/health/ready",
    role=Role.ANYONE,
    summary="Whether the Manager can do its work",
    answers=[ok(HealthReport, "It can."), _NOT_NOW],
)
async def get_readiness(call: Call) -> web.StreamResponse:
    """Not ready is a Manager that stops, whose database cannot be written or does not add up, or
    whose disks are full or out of reach.
    """
    problems = call.service.health.problems()
    if call.service.ending.is_near:
        problems.append(Problem("manager", "the Manager is stopping"))
    return _health("ready", problems)


@OPERATIONS.operation(
    "getMetrics",
    "GET",
    "/metrics",
    role=Role.VIEWER,
    summary="Figures for Prometheus",
    answers=[text("Metrics in the text format of Prometheus, or of OpenMetrics if asked for.")],
)
async def get_metrics(call: Call) -> web.StreamResponse:
    """Requests, jobs and tasks are counted since the start of this Manager."""
    counts = await call.service.readers.read(lambda reader: reader.counts())
    accept = call.request.headers.get(hdrs.ACCEPT, "")
    content, media_type = await asyncio.to_thread(call.service.metrics.text, counts, accept)
    return web.Response(body=content, headers={hdrs.CONTENT_TYPE: media_type})


@OPERATIONS.operation(
    "fetchBackgroundWork",
    "GET",
    "/background",
    role=Role.VIEWER,
    summary="What the Manager does by itself",
    answers=[ok(BackgroundChores, "Everything it does, and how that went the last time.")],
)
async def fetch_background_work(call: Call) -> web.StreamResponse:
    return json_answer(BackgroundChores(chores=[_described(c) for c in call.service.chores]))


@OPERATIONS.operation(
    "runBackgroundWork",
    "POST",
    "/background/{name}/run",
    role=Role.ADMIN,
    summary="Let the Manager do something now that it does by itself",
    parameters=[NAME],
    answers=[
        no_content("It will be done at once, or once more if it is being done."),
        Answer(status=404, description="There is no such work.", json=Error),
    ],
)
async def run_background_work(call: Call) -> web.StreamResponse:
    call.service.chore(call.value(NAME)).due()
    return empty_answer()


def _health(status: str, problems: list[Problem]) -> web.Response:
    if not problems:
        return json_answer(HealthReport(status=status))
    # Not an error of the request: whoever asks again and again would fill the log with it.
    return refusal(503, f"The Manager is not {status}: {problems[0]}", problems=problems)


def _described(chore: Chore | Errand) -> BackgroundChore:
    state, period = chore.state, chore.period
    duration = state.last_duration
    return BackgroundChore(
        name=chore.name,
        description=chore.what,
        interval_seconds=period.total_seconds() if period else None,
        is_running=state.is_running,
        runs=state.runs,
        failures=state.failures,
        result=state.result,
        error=state.error,
        last_start=state.last_start,
        last_duration_seconds=duration.total_seconds() if duration is not None else None,
        next_run=state.next_run,
    )
