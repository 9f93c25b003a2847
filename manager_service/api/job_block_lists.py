"""The block lists of jobs: which workers get no more tasks of a type."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.errors import one_problem
from flamenco_core.manager import block_lists
from flamenco_core.model.block_lists import JobBlocklistEntry, WorkerBlock
from manager_service.api.named_things import JOB_ID, UNKNOWN_JOB, UNKNOWN_WORKER, WORKER_ID
from manager_service.json_answers import empty_answer, json_answer
from manager_service.routing import (
    Body,
    Call,
    OperationTable,
    Role,
    no_content,
    ok,
)

OPERATIONS = OperationTable("jobs")


@OPERATIONS.operation(
    "fetchJobBlocklist",
    "GET",
    "/jobs/{job_id}/blocklist",
    role=Role.VIEWER,
    summary="Which workers failed too often at a job's tasks",
    parameters=[JOB_ID],
    answers=[ok(list[JobBlocklistEntry], "By the workers' names."), UNKNOWN_JOB],
)
async def fetch_job_blocklist(call: Call) -> web.StreamResponse:
    job_id = call.value(JOB_ID)
    return json_answer(
        await call.service.readers.read(
            lambda reader: block_lists.of_job(reader.connection, job_id)
        )
    )


@OPERATIONS.operation(
    "fetchWorkerBlocks",
    "GET",
    "/worker-mgt/workers/{worker_id}/blocks",
    role=Role.VIEWER,
    summary="Which jobs give a worker no more tasks of a type",
    parameters=[WORKER_ID],
    answers=[
        ok(list[WorkerBlock], "Those of the newest jobs first."),
        UNKNOWN_WORKER,
    ],
)
async def fetch_worker_blocks(call: Call) -> web.StreamResponse:
    worker_id = call.value(WORKER_ID)
    return json_answer(
        await call.service.readers.read(
            lambda reader: block_lists.of_worker(reader.connection, worker_id)
        )
    )


@OPERATIONS.operation(
    "removeJobBlocklist",
    "DELETE",
    "/jobs/{job_id}/blocklist",
    role=Role.WRANGLER,
    summary="Let workers have tasks of a job again",
    parameters=[JOB_ID],
    body=Body(json=list[JobBlocklistEntry], required=False),
    answers=[no_content("Whether they were on the list or not."), UNKNOWN_JOB],
)
async def remove_job_blocklist(call: Call) -> web.StreamResponse:
    """What a worker failed at stays known: it does not get that very task again."""
    job_id, entries, actor = call.value(JOB_ID), call.payload, call.actor
    if not entries:
        what = "lists no worker and task type"
        raise one_problem("", what, 'send [{"worker_id": …, "task_type": …}]')
    await call.service.farm.run(
        lambda manager: manager.remove_from_block_list(job_id, entries, actor=actor)
    )
    return empty_answer()
