"""Tasks and their logs, as people see them."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.model import Task, TaskLogInfo, TaskStatusChange
from manager_service.api.named_things import TASK_ID, UNKNOWN_TASK
from manager_service.json_answers import empty_answer, encoded_answer, json_answer, text_answer
from manager_service.log_answers import answer_log
from manager_service.routing import (
    API,
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    in_query,
    no_content,
    ok,
    text,
    whole_number,
)

OPERATIONS = OperationTable("jobs")

ATTEMPT = in_query(
    "attempt", whole_number(0), "Only the log of this attempt; 0 for all of them.", default=0
)

LOG_TAIL_BYTES = 2048

_NO_LOG = no_content("The task has no log yet.")


@OPERATIONS.operation(
    "fetchTask",
    "GET",
    "/tasks/{task_id}",
    role=Role.VIEWER,
    summary="One task",
    parameters=[TASK_ID],
    answers=[ok(Task, "The task."), UNKNOWN_TASK],
)
async def fetch_task(call: Call) -> web.StreamResponse:
    task_id = call.value(TASK_ID)
    return encoded_answer(await call.service.readers.read_json(lambda reader: reader.task(task_id)))


@OPERATIONS.operation(
    "setTaskStatus",
    "POST",
    "/tasks/{task_id}/setstatus",
    role=Role.ARTIST,
    summary="Cancel or requeue a task",
    parameters=[TASK_ID],
    body=Body(json=TaskStatusChange),
    answers=[
        no_content(),
        UNKNOWN_TASK,
        Answer(status=409, description="The task's present status does not allow it."),
    ],
)
async def set_task_status(call: Call) -> web.StreamResponse:
    """Ask for `canceled` or `queued`."""
    task_id, change = call.value(TASK_ID), call.body(TaskStatusChange)
    actor = call.actor
    await call.service.farm.run(
        lambda manager: manager.set_task_status(task_id, change, actor=actor)
    )
    return empty_answer()


@OPERATIONS.operation(
    "fetchTaskLogInfo",
    "GET",
    "/tasks/{task_id}/log",
    role=Role.VIEWER,
    summary="How large a task's log is, and where to get it",
    parameters=[TASK_ID],
    answers=[ok(TaskLogInfo, "Size and URL of the whole log."), _NO_LOG, UNKNOWN_TASK],
)
async def fetch_task_log_info(call: Call) -> web.StreamResponse:
    task_id = call.value(TASK_ID)
    job_id, size = await call.service.readers.read(
        lambda reader: (reader.task(task_id)["job_id"], reader.task_log_size(task_id))
    )
    if not size:
        return empty_answer()
    url = f"{API}/tasks/{task_id}/log.txt"
    return json_answer(TaskLogInfo(task_id=task_id, job_id=job_id, url=url, size=size))


@OPERATIONS.operation(
    "fetchTaskLogTail",
    "GET",
    "/tasks/{task_id}/logtail",
    role=Role.VIEWER,
    summary="The end of a task's log",
    parameters=[TASK_ID],
    answers=[text("The last lines, about two kilobytes."), _NO_LOG, UNKNOWN_TASK],
)
async def fetch_task_log_tail(call: Call) -> web.StreamResponse:
    task_id = call.value(TASK_ID)
    log = await call.service.readers.read(
        lambda reader: reader.task_log(task_id, last_bytes=LOG_TAIL_BYTES)
    )
    return text_answer(log) if log else empty_answer()


@OPERATIONS.operation(
    "fetchTaskLog",
    "GET",
    "/tasks/{task_id}/log.txt",
    role=Role.VIEWER,
    summary="The whole log of a task",
    parameters=[TASK_ID, ATTEMPT],
    answers=[
        text("The log of all attempts, one after the other."),
        _NO_LOG,
        Answer(status=206, description="The part that was asked for.", media_type="text/plain"),
        UNKNOWN_TASK,
        Answer(status=416, description="The log has none of the bytes that were asked for."),
    ],
)
async def fetch_task_log(call: Call) -> web.StreamResponse:
    """With a header `Range`, only those bytes of it.

    Flamenco 3 has no such operation: it serves the file that `fetchTaskLogInfo` names.
    """
    task_id, attempt = call.value(TASK_ID), call.value(ATTEMPT) or None
    parts = await call.service.readers.read(
        lambda reader: reader.task_log_parts(task_id, attempt=attempt)
    )
    return await answer_log(call.request, call.service.readers, parts)
