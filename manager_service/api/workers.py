"""Workers, as people see them."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.model import (
    Worker,
    WorkerSleepSchedule,
    WorkerStatusChangeRequest,
    WorkerTag,
    WorkerTagChangeRequest,
)
from manager_service.api.named_things import UNKNOWN_WORKER, WORKER_ID
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

TAG_ID = in_path("tag_id", UUID, "The tag.")

_UNKNOWN_TAG = Answer(status=404, description="There is no such tag.")
_TAKEN_NAME = Answer(status=409, description="Another tag has this name.")


@OPERATIONS.operation(
    "fetchWorker",
    "GET",
    "/worker-mgt/workers/{worker_id}",
    role=Role.VIEWER,
    summary="One worker, with its present or last task",
    parameters=[WORKER_ID],
    answers=[ok(Worker, "The worker."), UNKNOWN_WORKER],
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
        UNKNOWN_WORKER,
        Answer(status=409, description="The worker cannot take that status."),
    ],
)
async def request_worker_status_change(call: Call) -> web.StreamResponse:
    """A lazy request lets the worker finish its task; asking for its present status withdraws."""
    worker_id, request = call.value(WORKER_ID), call.body(WorkerStatusChangeRequest)
    actor = call.actor
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
        UNKNOWN_WORKER,
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
    answers=[no_content("The schedule counts from now on."), UNKNOWN_WORKER],
)
async def set_worker_sleep_schedule(call: Call) -> web.StreamResponse:
    """The worker sleeps from the start to the end time on the listed days, and is awake otherwise.

    An end before the start is on the day after. What a person asks of the worker in between
    stands until the schedule's next boundary.
    """
    worker_id, schedule = call.value(WORKER_ID), call.body(WorkerSleepSchedule)
    actor = call.actor
    await call.service.farm.run(
        lambda manager: manager.set_sleep_schedule(worker_id, schedule, actor=actor)
    )
    return empty_answer()


@OPERATIONS.operation(
    "setWorkerTags",
    "POST",
    "/worker-mgt/workers/{worker_id}/settags",
    role=Role.WRANGLER,
    summary="Say which tags a worker has",
    parameters=[WORKER_ID],
    body=Body(json=WorkerTagChangeRequest),
    answers=[no_content("It has these tags and no others."), UNKNOWN_WORKER],
)
async def set_worker_tags(call: Call) -> web.StreamResponse:
    worker_id, change = call.value(WORKER_ID), call.body(WorkerTagChangeRequest)
    actor = call.actor
    await call.service.farm.run(
        lambda manager: manager.set_worker_tags(worker_id, change, actor=actor)
    )
    return empty_answer()


@OPERATIONS.operation(
    "deleteWorker",
    "DELETE",
    "/worker-mgt/workers/{worker_id}",
    role=Role.WRANGLER,
    summary="Let a worker go for good",
    parameters=[WORKER_ID],
    answers=[no_content("Its tasks are queued again."), UNKNOWN_WORKER],
)
async def delete_worker(call: Call) -> web.StreamResponse:
    """Its credentials count no more: its program has to register anew to be a worker again."""
    worker_id, actor = call.value(WORKER_ID), call.actor
    await call.service.farm.run(lambda manager: manager.delete_worker(worker_id, actor=actor))
    return empty_answer()


@OPERATIONS.operation(
    "createWorkerTag",
    "POST",
    "/worker-mgt/tags",
    role=Role.WRANGLER,
    summary="Make a worker tag",
    body=Body(json=WorkerTag),
    answers=[ok(WorkerTag, "The tag, with its id."), _TAKEN_NAME],
)
async def create_worker_tag(call: Call) -> web.StreamResponse:
    tag, actor = call.body(WorkerTag), call.actor
    return json_answer(
        await call.service.farm.run(lambda manager: manager.create_tag(tag, actor=actor))
    )


@OPERATIONS.operation(
    "fetchWorkerTag",
    "GET",
    "/worker-mgt/tag/{tag_id}",
    role=Role.VIEWER,
    summary="One worker tag",
    parameters=[TAG_ID],
    answers=[ok(WorkerTag, "The tag."), _UNKNOWN_TAG],
)
async def fetch_worker_tag(call: Call) -> web.StreamResponse:
    tag_id = call.value(TAG_ID)
    return encoded_answer(await call.service.readers.read_json(lambda reader: reader.tag(tag_id)))


@OPERATIONS.operation(
    "updateWorkerTag",
    "PUT",
    "/worker-mgt/tag/{tag_id}",
    role=Role.WRANGLER,
    summary="Rename and describe a worker tag",
    parameters=[TAG_ID],
    body=Body(json=WorkerTag),
    answers=[no_content(), _UNKNOWN_TAG, _TAKEN_NAME],
)
async def update_worker_tag(call: Call) -> web.StreamResponse:
    """The name is always replaced, the description only if there is one."""
    tag_id, change = call.value(TAG_ID), call.body(WorkerTag)
    actor = call.actor
    await call.service.farm.run(lambda manager: manager.update_tag(tag_id, change, actor=actor))
    return empty_answer()


@OPERATIONS.operation(
    "deleteWorkerTag",
    "DELETE",
    "/worker-mgt/tag/{tag_id}",
    role=Role.WRANGLER,
    summary="Delete a worker tag",
    parameters=[TAG_ID],
    answers=[
        no_content("The workers that had it have it no more."),
        _UNKNOWN_TAG,
        Answer(status=409, description="Jobs need it: they would run on any worker without it."),
    ],
)
async def delete_worker_tag(call: Call) -> web.StreamResponse:
    tag_id, actor = call.value(TAG_ID), call.actor
    await call.service.farm.run(lambda manager: manager.delete_tag(tag_id, actor=actor))
    return empty_answer()
