"""Lists of jobs and of their tasks."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from flamenco_core.errors import one_problem
from flamenco_core.model import JobsQueryResult, JobTasksSummary
from flamenco_core.store import job_list
from flamenco_core.store.job_list import JOBS
from flamenco_core.store.task_list import TASKS
from manager_service.api.named_things import JOB_ID, UNKNOWN_JOB
from manager_service.lists import answer_list, parameters_of, request_of
from manager_service.routing import (
    UUID,
    Call,
    OperationTable,
    Role,
    in_query,
    ok,
)

OPERATIONS = OperationTable("jobs")

BEFORE = in_query(
    "before",
    UUID,
    "Only jobs that come after this one in the list: the id of the last one of the page before.",
    default="",
)


@OPERATIONS.operation(
    "fetchJobs",
    "GET",
    "/jobs",
    role=Role.VIEWER,
    summary="Jobs, the newest first",
    parameters=[*parameters_of(JOBS), BEFORE],
    answers=[ok(JobsQueryResult, "The jobs.")],
)
async def fetch_jobs(call: Call) -> web.StreamResponse:
    """All jobs, or those that meet every filter, in pages if there is a `limit`.

    Where an order of its own is not asked for, jobs that are filtered by their end come in the
    order of that, and archived ones in the order in which they were archived. A page may have
    fewer jobs than its limit and still a `next`, where few of very many jobs meet the filters.
    """
    request, before = request_of(call, JOBS), call.value(BEFORE)
    if before:
        if request.cursor or request.sort not in ("", job_list.NEWEST_FIRST):
            raise one_problem("query before", "goes with the usual order only", "use `cursor`")
        cursor = await call.service.readers.read(lambda reader: reader.cursor_after_job(before))
        request = replace(request, sort=job_list.NEWEST_FIRST, cursor=cursor)
    return await answer_list(call, request)


@OPERATIONS.operation(
    "fetchJobTasks",
    "GET",
    "/jobs/{job_id}/tasks",
    role=Role.VIEWER,
    summary="The tasks of a job, in its order",
    parameters=[JOB_ID, *parameters_of(TASKS)],
    answers=[
        ok(JobTasksSummary, "The tasks."),
        UNKNOWN_JOB,
    ],
)
async def fetch_job_tasks(call: Call) -> web.StreamResponse:
    """All tasks, or those that meet every filter, in pages if there is a `limit`."""
    return await answer_list(call, request_of(call, TASKS, subject=call.value(JOB_ID)))
