"""What can be asked of jobs and tasks by the name of an action, of one or of many."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.manager import Actor, named_actions
from flamenco_core.model.action_requests import (
    ActionReport,
    JobActionRequest,
    JobsActionRequest,
    TaskActionRequest,
    TasksActionRequest,
)
from flamenco_core.model.actions import JobAction
from flamenco_core.statuses import TaskStatus
from flamenco_core.store import selections
from flamenco_core.store.reader import FarmReader
from flamenco_core.store.selections import FoundTask
from manager_service.api.named_things import JOB_ID, TASK_ID, UNKNOWN_JOB, UNKNOWN_TASK
from manager_service.bulk_actions import (
    ITEMS_ANSWERED,
    Tally,
    Verb,
    act_on_each,
    carry_out,
    compile_each_again,
    distinct_ids,
    foresee,
    report_answer,
    report_of,
)
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
from manager_service.service import Service

OPERATIONS = OperationTable("jobs")

SELECTION_PIECE = 500
"""Tasks that are looked up in one go, of those that have a status."""

_NOT_NOW = Answer(status=409, description="It is not possible now; the message says why.")
_REPORT = ok(ActionReport, "What became of each, or would become of it.")


@OPERATIONS.operation(
    "actOnJob",
    "POST",
    "/jobs/{job_id}/action",
    role=Role.ARTIST,
    summary="Do one of a job's actions",
    parameters=[JOB_ID],
    body=Body(json=JobActionRequest),
    answers=[
        no_content("It is decided; many tasks are changed after the answer."),
        UNKNOWN_JOB,
        _NOT_NOW,
    ],
)
async def act_on_job(call: Call) -> web.StreamResponse:
    """The `actions` of a job say which are possible now, and why not the rest."""
    job_id, request = call.value(JOB_ID), call.body(JobActionRequest)
    service, actor = call.service, call.actor
    if request.action is JobAction.COMPILE_AGAIN:
        await service.submissions.compile_again(job_id, actor)
        return empty_answer()
    while await service.farm.run(
        lambda manager: manager.act_on_some_of_job(job_id, request, actor=actor)
    ):
        pass
    return empty_answer()


@OPERATIONS.operation(
    "actOnJobs",
    "POST",
    "/jobs/action",
    role=Role.ARTIST,
    summary="Do the same with several jobs",
    body=Body(json=JobsActionRequest),
    answers=[_REPORT],
)
async def act_on_jobs(call: Call) -> web.StreamResponse:
    """What is not possible for one of them is said in its item, and keeps no other from it.

    With `preview`, nothing is changed. The answer comes when all of it is stored.
    """
    request, service, actor = call.body(JobsActionRequest), call.service, call.actor
    named_actions.check_request(request)
    ids = distinct_ids(request.job_ids, "job_ids")
    if request.action is JobAction.COMPILE_AGAIN and not request.preview:
        results = await compile_each_again(
            ids, lambda job_id: service.submissions.compile_again(job_id, actor)
        )
        report = report_of(request.action, results, is_preview=False)
        return await report_answer(service, report)
    verb = Verb(
        action=request.action,
        foreseen_refusal=lambda db, job_id: named_actions.job_refusal(db, job_id, request.action),
        refusal=lambda manager, job_id: manager.job_refusal(job_id, request.action),
        act=lambda manager, job_id: manager.act_on_some_of_job(job_id, request, actor=actor),
    )
    report = await carry_out(service, ids, verb, is_preview=request.preview)
    return await report_answer(service, report)


@OPERATIONS.operation(
    "actOnTask",
    "POST",
    "/tasks/{task_id}/action",
    role=Role.ARTIST,
    summary="Do one of a task's actions",
    parameters=[TASK_ID],
    body=Body(json=TaskActionRequest),
    answers=[no_content(), UNKNOWN_TASK, _NOT_NOW],
)
async def act_on_task(call: Call) -> web.StreamResponse:
    """The `actions` of a task say which are possible now, and why not the rest."""
    task_id, request = call.value(TASK_ID), call.body(TaskActionRequest)
    actor = call.actor
    await call.service.farm.run(lambda manager: manager.act_on_task(task_id, request, actor=actor))
    return empty_answer()


@OPERATIONS.operation(
    "actOnTasks",
    "POST",
    "/tasks/action",
    role=Role.ARTIST,
    summary="Do the same with several tasks, or with all of a job that have one status",
    body=Body(json=TasksActionRequest),
    answers=[_REPORT, UNKNOWN_JOB],
)
async def act_on_tasks(call: Call) -> web.StreamResponse:
    """Either `task_ids`, or `job_id` and `status`.

    What is not possible for one of them is said in its item, and keeps no other from it. With
    `preview`, nothing is changed. The answer comes when all of it is stored.
    """
    request, service, actor = call.body(TasksActionRequest), call.service, call.actor
    verb = _task_verb(request, actor)
    if request.task_ids is not None and request.job_id is None and request.status is None:
        ids = distinct_ids(request.task_ids, "task_ids")
        report = await carry_out(service, ids, verb, is_preview=request.preview)
        return await report_answer(service, report)
    if request.task_ids is not None or request.job_id is None or request.status is None:
        problem = Problem("", "give either task_ids, or job_id and status")
        raise InvalidInput("It is not clear which tasks are meant", problems=[problem])
    report = await _act_on_status(
        service, request.job_id.lower(), request.status, verb, is_preview=request.preview
    )
    return await report_answer(service, report)


def _task_verb(request: TaskActionRequest, actor: Actor) -> Verb:
    action = request.action
    return Verb(
        action=action,
        foreseen_refusal=lambda db, each: named_actions.task_refusal(db, each, action),
        refusal=lambda manager, each: manager.task_refusal(each, action),
        act=lambda manager, each: manager.act_on_task(each, request, actor=actor),
    )


async def _act_on_status(
    service: Service, job_id: str, status: TaskStatus, verb: Verb, *, is_preview: bool
) -> ActionReport:
    tally, after = Tally(items_kept=ITEMS_ANSWERED), 0
    while page := await service.readers.read(partial(_tasks, job_id, status, after)):
        ids = [task.uuid for task in page]
        if is_preview:
            tally.add(await foresee(service.readers, ids, verb))
        else:
            tally.add(await act_on_each(service.farm, ids, verb))
        after = page[-1].index_in_job
    return tally.report(verb.action, is_preview=is_preview)


def _tasks(job_id: str, status: TaskStatus, after: int, reader: FarmReader) -> list[FoundTask]:
    return selections.tasks_with_status(
        reader.connection, job_id, status, after=after, limit=SELECTION_PIECE
    )
