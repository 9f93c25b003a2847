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
    NextTask,
    ProvisionedSettings,
    RegisteredWorker,
    TaskReport,
    TaskReportAnswer,
    TaskRequest,
    TaskUpdate,
    UpdateOutcome,
    WorkerAbilities,
    WorkerRegistration,
    WorkerSignOn,
    WorkerStateChange,
    WorkerStateChanged,
)
from flamenco_core.rules.scheduling import NotAwake
from manager_service.api.named_things import TASK_ID, UNKNOWN_TASK
from manager_service.enrolment import refuse_stranger
from manager_service.json_answers import empty_answer, json_answer
from manager_service.routing import (
    LARGEST_OF_STRANGERS,
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    in_query,
    no_content,
    ok,
    whole_number,
)
from manager_service.waiting import Waiter

OPERATIONS = OperationTable("worker")

LONGEST_WAIT = timedelta(minutes=5)

WAIT = in_query(
    "wait",
    whole_number(0, int(LONGEST_WAIT.total_seconds())),
    "Seconds to hold the request back until there is a task; not in Flamenco 3.",
    default=0,
)

STATUS_WAIT = in_query(
    "wait",
    whole_number(0, int(LONGEST_WAIT.total_seconds())),
    "Seconds to hold the request back until something is asked; not in Flamenco 3.",
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
    parameters=[STATUS_WAIT],
    answers=[
        ok(WorkerStateChange, "The status that the worker is to take."),
        no_content("It may stay as it is."),
    ],
)
async def worker_state(call: Call) -> web.StreamResponse:
    """Not in Flamenco 3: with `wait`, a worker that sleeps hears at once what it is asked to do."""
    worker_id, service, loop = call.worker_id, call.service, asyncio.get_running_loop()
    deadline = loop.time() + call.value(STATUS_WAIT)
    with service.waiting.enter_for_status(worker_id) as waiter:
        while True:
            service.waiting.begin_asking(waiter)
            wanted = await service.farm.run(lambda manager: manager.worker_state(worker_id))
            if wanted is not None:
                return json_answer(WorkerStateChange(status_requested=wanted))
            if not await service.waiting.called(waiter, deadline - loop.time()):
                return empty_answer()


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
    """Not in Flamenco 3: `reason`, of a worker that has changed its status by itself."""
    worker_id, change = call.worker_id, call.body(WorkerStateChanged)
    await call.service.farm.run(
        lambda manager: manager.worker_state_changed(
            worker_id, change.status, reason=change.reason or ""
        )
    )
    return empty_answer()


@OPERATIONS.operation(
    "changeWorkerAbilities",
    "PUT",
    "/worker/abilities",
    role=Role.WORKER,
    summary="The worker can do something else than it said at sign-on",
    body=Body(json=WorkerAbilities),
    answers=[no_content("Stored; tasks that it can run no more are queued again.")],
)
async def change_worker_abilities(call: Call) -> web.StreamResponse:
    """Not in Flamenco 3. A worker finds out which devices it has while it is at work already."""
    worker_id, abilities = call.worker_id, call.body(WorkerAbilities)
    await call.service.farm.run(
        lambda manager: manager.worker_abilities_changed(worker_id, abilities)
    )
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
                return json_answer(await _with_etag(call, outcome))
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

    def is_there() -> bool:
        # Else nobody would learn of the task. If the connection ends later than this, the
        # worker's next request does not list the task as held and gets it again.
        is_connected = transport is not None and not transport.is_closing()
        return is_connected and not waiter.is_superseded

    call.service.waiting.begin_asking(waiter)
    return await call.service.worker_requests.run_if(
        is_there, Manager.next_task, worker_id, request
    )


async def _with_etag(call: Call, task: AssignedTask) -> AssignedTask:
    etag = await call.service.provisioning.etag(call.worker_id)
    return task if etag is None else replace(task, settings_etag=etag)


@OPERATIONS.operation(
    "reportTasks",
    "POST",
    "/worker/task-report",
    role=Role.WORKER,
    summary="Report on several tasks, and get the next one",
    body=Body(json=TaskReport),
    answers=[ok(TaskReportAnswer, "What became of each update, and the task if there is one.")],
)
async def report_tasks(call: Call) -> web.StreamResponse:
    """Not in Flamenco 3. The end of a task and the request for the next one travel together.

    All of it is stored when the answer comes. Each update counts as if it had been sent alone; one
    that is refused keeps no other from being stored. A request is answered at once: to wait for a
    task, a worker asks with `scheduleTask`.
    """
    worker_id, report = call.worker_id, call.body(TaskReport)
    answers, next_one = await call.service.worker_requests.run(
        Manager.report_tasks, worker_id, report
    )
    outcomes = [
        UpdateOutcome(status=204)
        if answer.is_accepted
        else UpdateOutcome(status=answer.status, message=answer.reason)
        for answer in answers
    ]
    following: NextTask | None = None
    match next_one:
        case AssignedTask():
            following = NextTask(task=await _with_etag(call, next_one))
        case MustChangeStatus():
            following = NextTask(status_requested=next_one.status)
        case NotAwake():
            following = NextTask(not_awake=next_one.status)
        case NoTask():
            following = NextTask()
    return json_answer(TaskReportAnswer(updates=outcomes, next=following))


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
        UNKNOWN_TASK,
        _NOT_YOURS,
    ],
)
async def task_update(call: Call) -> web.StreamResponse:
    """With `attempt`, which Flamenco 3 does not know, an update cannot be taken for a later one."""
    worker_id, task_id, update = call.worker_id, call.value(TASK_ID), call.body(TaskUpdate)
    answer = await call.service.worker_requests.run(Manager.update_task, worker_id, task_id, update)
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
        await call.service.worker_requests.run(Manager.may_keep_running, worker_id, task_id)
    )
