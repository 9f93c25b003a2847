"""What can be asked of workers by the name of an action, of one or of many."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.manager import named_actions
from flamenco_core.model.action_requests import (
    ActionReport,
    WorkerActionRequest,
    WorkersActionRequest,
)
from manager_service.api.named_things import UNKNOWN_WORKER, WORKER_ID
from manager_service.bulk_actions import Verb, carry_out, distinct_ids, report_answer
from manager_service.json_answers import empty_answer
from manager_service.routing import (
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    no_content,
    ok,
)

OPERATIONS = OperationTable("worker-mgt")


@OPERATIONS.operation(
    "actOnWorker",
    "POST",
    "/worker-mgt/workers/{worker_id}/action",
    role=Role.WRANGLER,
    summary="Do one of a worker's actions",
    parameters=[WORKER_ID],
    body=Body(json=WorkerActionRequest),
    answers=[
        no_content("The worker is told when it asks next."),
        UNKNOWN_WORKER,
        Answer(status=409, description="It is not possible now; the message says why."),
    ],
)
async def act_on_worker(call: Call) -> web.StreamResponse:
    """The `actions` of a worker say which are possible now, and why not the rest."""
    worker_id, request = call.value(WORKER_ID), call.body(WorkerActionRequest)
    actor = call.actor
    await call.service.farm.run(
        lambda manager: manager.ask_worker(
            worker_id, request.action, is_lazy=request.is_lazy, actor=actor
        )
    )
    return empty_answer()


@OPERATIONS.operation(
    "actOnWorkers",
    "POST",
    "/worker-mgt/workers/action",
    role=Role.WRANGLER,
    summary="Do the same with several workers",
    body=Body(json=WorkersActionRequest),
    answers=[ok(ActionReport, "What became of each, or would become of it.")],
)
async def act_on_workers(call: Call) -> web.StreamResponse:
    """What is not possible for one of them is said in its item, and keeps no other from it.

    With `preview`, nothing is changed.
    """
    request, actor = call.body(WorkersActionRequest), call.actor
    action, is_lazy = request.action, request.is_lazy
    verb = Verb(
        action=action,
        foreseen_refusal=lambda db, each: named_actions.worker_refusal(db, each, action),
        refusal=lambda manager, each: manager.worker_refusal(each, action),
        act=lambda manager, each: manager.ask_worker(each, action, is_lazy=is_lazy, actor=actor),
    )
    ids = distinct_ids(request.worker_ids, "worker_ids")
    report = await carry_out(call.service, ids, verb, is_preview=request.preview)
    return await report_answer(call.service, report)
