"""Workers, as people see them."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.model import (
    Worker,
    WorkerList,
    WorkerSleepSchedule,
    WorkerStatusChangeRequest,
    WorkerTagList,
)
from manager_service.authentication import actor_of
from manager_service.json_answers import empty_answer, encoded_answer, json_answer
from manager_service.routing import (
    UUID,
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    in_path,
    no_content,
    ok,
)

OPERATIONS = OperationTable("worker-mgt")

WORKER_ID = in_path("worker_id", UUID, "The worker.")

_UNKNOWN_WORKER = Answer(status=404, description="There is no such worker.")


@OPERATIONS.operation(
    "fetchWorkers",
    "GET",
    "/worker-mgt/workers",
    role=Role.VIEWER,
    summary="All workers",
    answers=[ok(WorkerList, "The workers, by name.")],
)
async def fetch_workers(call: Call) -> web.StreamResponse:
    return encoded_answer(
        await call.service.readers.read_json(lambda reader: {"workers": reader.workers()})
    )


@OPERATIONS.operation(
    "fetchWorker",
    "GET",
    "/worker-mgt/workers/{worker_id}",
    role=Role.VIEWER,
    summary="One worker, with its present or last task",
    parameters=[WORKER_ID],
    answers=[ok(Worker, "The worker."), _UNKNOWN_WORKER],
)
async def fetch_worker(call: Call) -> web.StreamResponse:
    worker_id = call.value(WORKER_ID)
    return encoded_answer(
        await call.service.readers.read_json(lambda reader: reader.worker(worker_id))
    )


@OPERATIONS.operation(
    "requestWorkerStatusChange",
    "POST",
    "/worker-mgt/workers/{worker_id}/setstatus",
    role=Role.WRANGLER,
    summary="Ask a worker to change its status",
    parameters=[WORKER_ID],
    body=Body(json=WorkerStatusChangeRequest),
    answers=[
        no_content("The worker is told when it asks next."),
        _UNKNOWN_WORKER,
        Answer(status=409, description="The worker cannot take that status."),
    ],
)
async def request_worker_status_change(call: Call) -> web.StreamResponse:
    """A lazy request lets the worker finish its task; asking for its present status withdraws."""
    worker_id, request = call.value(WORKER_ID), call.body(WorkerStatusChangeRequest)
    actor = actor_of(call.request)
    await call.service.farm.run(
        lambda manager: manager.request_worker_status(worker_id, request, actor=actor)
    )
    return empty_answer()


@OPERATIONS.operation(
    "fetchWorkerSleepSchedule",
    "GET",
    "/worker-mgt/workers/{worker_id}/sleep-schedule",
    role=Role.VIEWER,
    summary="When a worker is to sleep",
    parameters=[WORKER_ID],
    answers=[
        ok(WorkerSleepSchedule, "The schedule, in the Manager's time zone."),
        no_content("The worker has no schedule."),
        _UNKNOWN_WORKER,
    ],
)
async def fetch_worker_sleep_schedule(call: Call) -> web.StreamResponse:
    worker_id = call.value(WORKER_ID)
    schedule = await call.service.readers.read(lambda reader: reader.sleep_schedule(worker_id))
    return empty_answer() if schedule is None else json_answer(schedule)


@OPERATIONS.operation(
    "setWorkerSleepSchedule",
    "POST",
    "/worker-mgt/workers/{worker_id}/sleep-schedule",
    role=Role.WRANGLER,
    summary="Say when a worker is to sleep",
    parameters=[WORKER_ID],
    body=Body(json=WorkerSleepSchedule),
    answers=[no_content("The schedule counts from now on."), _UNKNOWN_WORKER],
)
async def set_worker_sleep_schedule(call: Call) -> web.StreamResponse:
    """The worker sleeps from the start to the end time on the listed days, and is awake otherwise.

    An end before the start is on the day after. What a person asks of the worker in between
    stands until the schedule's next boundary.
    """
    worker_id, schedule = call.value(WORKER_ID), call.body(WorkerSleepSchedule)
    actor = actor_of(call.request)
    await call.service.farm.run(
        lambda manager: manager.set_sleep_schedule(worker_id, schedule, actor=actor)
    )
    return empty_answer()


@OPERATIONS.operation(
    "fetchWorkerTags",
    "GET",
    "/worker-mgt/tags",
    role=Role.VIEWER,
    summary="All worker tags",
    answers=[ok(WorkerTagList, "The tags, by name.")],
)
async def fetch_worker_tags(call: Call) -> web.StreamResponse:
    return encoded_answer(
        await call.service.readers.read_json(lambda reader: {"tags": reader.tags()})
    )
