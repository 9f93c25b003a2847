"""What worker programs call: register, sign on, get tasks, report on them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from aiohttp import web

from flamenco_core.errors import Conflict
from flamenco_core.manager import Manager, MustChangeStatus, NoTask
from flamenco_core.model import (
    AssignedTask,
    MayKeepRunning,
    ProvisionedSettings,
    RegisteredWorker,
    TaskRequest,
    TaskUpdate,
    WorkerRegistration,
    WorkerSignOn,
    WorkerStateChange,
    WorkerStateChanged,
)
from manager_service.enrolment import refuse_stranger
from manager_service.json_answers import empty_answer, json_answer
from manager_service.routing import (
    LARGEST_OF_STRANGERS,
    UUID,
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    in_path,
    in_query,
    no_content,
    ok,
    whole_number,
)
from manager_service.waiting import Waiter

OPERATIONS = OperationTable("worker")

LONGEST_WAIT = timedelta(minutes=5)

TASK_ID = in_path("task_id", UUID, "The task.")
WAIT = in_query(
    "wait",
    whole_number(0, int(LONGEST_WAIT.total_seconds())),
    "Seconds to hold the request back until there is a task; not in Flamenco 3.",
    default=0,
)

_NOT_YOURS = Answer(
    status=409, description="The task is not this worker's, or no longer: stop working on it."
)


@OPERATIONS.operation(
    "registerWorker",
    "POST",
    "/worker/register-worker",
    role=Role.ANYONE,
    summary="Register a new worker",
    body=Body(json=WorkerRegistration, largest=LARGEST_OF_STRANGERS),
    answers=[
        ok(RegisteredWorker, "The worker; its UUID is the name to sign on with."),
        Answer(status=401, description="The enrolment secret is missing, or wrong."),
    ],
)
async def register_worker(call: Call) -> web.StreamResponse:
    """Not in Flamenco 3: with accounts, or where an enrolment secret is configured, it has to be
    sent, as the password of HTTP Basic (with any user name) or as a Bearer token.
    """
    refuse_stranger(call.service, call.request)
    registration, address = call.body(WorkerRegistration), call.request.remote or ""
    worker = await call.service.farm.run(
        lambda manager: manager.register_worker(registration, address=address)
    )
    return json_answer(worker)


@OPERATIONS.operation(
    "signOn",
    "POST",
    "/worker/sign-on",
    role=Role.WORKER,
    summary="A worker's program has started",
    body=Body(json=WorkerSignOn),
    answers=[ok(WorkerStateChange, "The status that the worker is to take.")],
)
async def sign_on(call: Call) -> web.StreamResponse:
    worker_id, sign_on, address = call.worker_id, call.body(WorkerSignOn), call.request.remote or ""
    change = await call.service.farm.run(
        lambda manager: manager.sign_on(worker_id, sign_on, address=address)
    )
    settings = await call.service.provisioning.told(worker_id)
    return json_answer(change if settings is None else replace(change, settings=settings))


@OPERATIONS.operation(
    "fetchWorkerSettings",
    "GET",
    "/worker/settings",
    role=Role.WORKER,
    summary="What the farm tells the worker about its set-up",
    answers=[ok(ProvisionedSettings, "The same as at sign-on, as it is now.")],
)
async def fetch_worker_settings(call: Call) -> web.StreamResponse:
    """Not in Flamenco 3. Each task comes with `settings_etag`; when that is another than before,
    the worker asks here before it runs the task.
    """
    return json_answer(await call.service.provisioning.settings(call.worker_id))


@OPERATIONS.operation(
    "signOff",
    "POST",
    "/worker/sign-off",
    role=Role.WORKER,
    summary="A worker's program stops",
    answers=[no_content("Its tasks are queued again.")],
)
async def sign_off(call: Call) -> web.StreamResponse:
    worker_id = call.worker_id
    await call.service.farm.run(lambda manager: manager.sign_off(worker_id))
    return empty_answer()


@OPERATIONS.operation(
    "workerState",
    "GET",
    "/worker/state",
    role=Role.WORKER,
    summary="Whether the worker is to change its status",
    answers=[
        ok(WorkerStateChange, "The status that the worker is to take."),
        no_content("It may stay as it is."),
    ],
)
async def worker_state(call: Call) -> web.StreamResponse:
    worker_id = call.worker_id
    wanted = await call.service.farm.run(lambda manager: manager.worker_state(worker_id))
    return (
        empty_answer()
        if wanted is None
        else json_answer(WorkerStateChange(status_requested=wanted))
    )


@OPERATIONS.operation(
    "workerStateChanged",
    "POST",
    "/worker/state-changed",
    role=Role.WORKER,
    summary="The worker has changed its status",
    body=Body(json=WorkerStateChanged),
    answers=[no_content()],
)
async def worker_state_changed(call: Call) -> web.StreamResponse:
    worker_id, status = call.worker_id, call.body(WorkerStateChanged).status
    await call.service.farm.run(lambda manager: manager.worker_state_changed(worker_id, status))
    return empty_answer()


@OPERATIONS.operation(
    "scheduleTask",
    "POST",
    "/worker/task",
    role=Role.WORKER,
    summary="Get a task",
    parameters=[WAIT],
    body=Body(json=TaskRequest, required=False),
    answers=[
        ok(AssignedTask, "A task; it is the worker's from now on."),
        no_content("There is nothing to do now."),
        Answer(status=403, description="Unknown worker, or the wrong secret."),
        Answer(status=409, description="The worker is not awake."),
        Answer(
            status=423,
            description="The worker is to change its status first.",
            json=WorkerStateChange,
        ),
    ],
)
async def schedule_task(call: Call) -> web.StreamResponse:
    """Answers at once, as Flamenco 3 does, unless `wait` lets the worker wait in its request.

    Not in Flamenco 3 either: a body may name a slot, and the tasks that the worker knows it has.
    One that was handed to the slot in an answer that got lost is then handed out again.
    """
    request = call.payload or TaskRequest()
    service, loop = call.service, asyncio.get_running_loop()
    deadline = loop.time() + call.value(WAIT)
    with service.waiting.enter(call.worker_id, request.slot) as waiter:
        while True:
            outcome = await _ask(call, request, waiter)
            if isinstance(outcome, AssignedTask):
                service.waiting.found_task(waiter)
                etag = await service.provisioning.etag(call.worker_id)
                return json_answer(
                    outcome if etag is None else replace(outcome, settings_etag=etag)
                )
            if isinstance(outcome, MustChangeStatus):
                return json_answer(WorkerStateChange(status_requested=outcome.status), status=423)
            service.waiting.found_nothing(waiter, outcome.match)
            if service.upstream is not None:
                service.upstream.worker_found_nothing()
            if not await service.waiting.called(waiter, deadline - loop.time()):
                return empty_answer()


async def _ask(
    call: Call, request: TaskRequest, waiter: Waiter
) -> AssignedTask | NoTask | MustChangeStatus:
    worker_id, transport = call.worker_id, call.request.transport

    def ask(manager: Manager) -> AssignedTask | NoTask | MustChangeStatus:
        if transport is None or transport.is_closing() or waiter.is_superseded:
            # Nobody would learn of the task. If the connection ends later than this, the
            # worker's next request does not list the task as held and gets it again.
            raise ConnectionResetError("the worker has gone")
        return manager.next_task(worker_id, request)

    call.service.waiting.begin_asking(waiter)
    return await call.service.farm.run(ask)


@OPERATIONS.operation(
    "taskUpdate",
    "POST",
    "/worker/task/{task_id}",
    role=Role.WORKER,
    summary="Report on a task",
    parameters=[TASK_ID],
    body=Body(json=TaskUpdate),
    answers=[
        no_content("Stored."),
        Answer(status=404, description="There is no such task."),
        _NOT_YOURS,
    ],
)
async def task_update(call: Call) -> web.StreamResponse:
    """With `attempt`, which Flamenco 3 does not know, an update cannot be taken for a later one."""
    worker_id, task_id, update = call.worker_id, call.value(TASK_ID), call.body(TaskUpdate)
    answer = await call.service.farm.run(
        lambda manager: manager.update_task(worker_id, task_id, update)
    )
    if not answer.is_accepted:
        # Not raised on the write thread: the update's log is kept, though nothing else is.
        raise Conflict(f"This update does not count: {answer.reason}")
    return empty_answer()


@OPERATIONS.operation(
    "mayWorkerRun",
    "GET",
    "/worker/task/{task_id}/may-i-run",
    role=Role.WORKER,
    summary="Whether to go on with a task",
    parameters=[TASK_ID],
    answers=[ok(MayKeepRunning, "Whether to go on, and if not, why.")],
)
async def may_worker_run(call: Call) -> web.StreamResponse:
    worker_id, task_id = call.worker_id, call.value(TASK_ID)
    return json_answer(
        await call.service.farm.run(lambda manager: manager.may_keep_running(worker_id, task_id))
    )
