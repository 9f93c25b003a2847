"""Why workers get nothing of a job, and who would get what."""

from __future__ import annotations

from aiohttp import web

from flamenco_core import wire
from flamenco_core.manager import job_plan, why_not
from flamenco_core.model import SubmittedJob
from flamenco_core.model.forecast import FarmPlan, JobPlan, JobWhyNot, WorkerWhyNot
from manager_service.api.jobs import submitted
from manager_service.api.named_things import JOB_ID, WORKER_ID
from manager_service.json_answers import encoded_answer
from manager_service.routing import (
    UUID,
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    in_query,
    ok,
    whole_number,
)

OPERATIONS = OperationTable("jobs")

LIMIT = in_query(
    "limit", whole_number(1, 1000), "At most so many workers are looked at.", default=200
)
AFTER = in_query(
    "after", UUID, "Go on after this worker: the `next` of the page before.", default=""
)

_UNKNOWN = Answer(status=404, description="There is no such job, or no such worker.")


@OPERATIONS.operation(
    "fetchJobWhyNot",
    "GET",
    "/jobs/{job_id}/why-not",
    role=Role.VIEWER,
    summary="Why workers get nothing of a job, and what would change that",
    parameters=[JOB_ID, LIMIT, AFTER],
    answers=[ok(JobWhyNot, "The reasons, counted, and then for each worker."), _UNKNOWN],
)
async def fetch_job_why_not(call: Call) -> web.StreamResponse:
    """The counts are of the workers on this page, which are all of a farm of ordinary size."""
    job_id, after, limit = call.value(JOB_ID), call.value(AFTER) or None, call.value(LIMIT)
    config = call.service.configuration.running
    return encoded_answer(
        await call.service.readers.read_json(
            lambda reader: wire.to_json(
                why_not.job_why_not(reader.connection, job_id, config, after=after, limit=limit)
            )
        )
    )


@OPERATIONS.operation(
    "fetchWorkerWhyNot",
    "GET",
    "/jobs/{job_id}/why-not/{worker_id}",
    role=Role.VIEWER,
    summary="Why a worker gets nothing of a job, and what would change that",
    parameters=[JOB_ID, WORKER_ID],
    answers=[ok(WorkerWhyNot, "The reasons, for each kind of task of the job."), _UNKNOWN],
)
async def fetch_worker_why_not(call: Call) -> web.StreamResponse:
    job_id, worker_id = call.value(JOB_ID), call.value(WORKER_ID)
    return encoded_answer(
        await call.service.readers.read_json(
            lambda reader: wire.to_json(
                why_not.worker_why_not(reader.connection, worker_id, job_id)
            )
        )
    )


@OPERATIONS.operation(
    "fetchJobPlan",
    "GET",
    "/jobs/{job_id}/plan",
    role=Role.VIEWER,
    summary="Who could work on a job, who would begin now, and how long it may take",
    parameters=[JOB_ID],
    answers=[ok(JobPlan, "The plan; nothing is handed out."), _UNKNOWN],
)
async def fetch_job_plan(call: Call) -> web.StreamResponse:
    """The hand-outs are those to workers that are free, with all other jobs taken into account."""
    job_id = call.value(JOB_ID)
    return encoded_answer(
        await call.service.readers.read_json(
            lambda reader: wire.to_json(job_plan.plan_of_stored(reader.connection, job_id))
        )
    )


@OPERATIONS.operation(
    "fetchFarmPlan",
    "GET",
    "/jobs/plan",
    role=Role.VIEWER,
    summary="Which task each free worker would get now",
    answers=[ok(FarmPlan, "The hand-outs; none of them is made.")],
)
async def fetch_farm_plan(call: Call) -> web.StreamResponse:
    return encoded_answer(
        await call.service.readers.read_json(
            lambda reader: wire.to_json(job_plan.farm_plan(reader.connection))
        )
    )


@OPERATIONS.operation(
    "planJob",
    "POST",
    "/jobs/plan",
    role=Role.ARTIST,
    summary="What would become of a job if it were submitted now",
    body=Body(json=SubmittedJob),
    answers=[
        ok(JobPlan, "The plan; nothing is stored."),
        Answer(status=412, description="The job type has changed; fetch it again."),
    ],
)
async def plan_job(call: Call) -> web.StreamResponse:
    """Refuses what `submitJob` would refuse, with all problems."""
    compiled = await call.service.submissions.compile(submitted(call))
    return encoded_answer(
        await call.service.readers.read_json(
            lambda reader: wire.to_json(job_plan.plan_of_compiled(reader.connection, compiled))
        )
    )
