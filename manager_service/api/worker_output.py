"""Images that workers show of what they have just rendered."""

from __future__ import annotations

from aiohttp import hdrs, web

from flamenco_core.errors import Problem, Unavailable
from flamenco_core.last_rendered import LARGEST_IMAGE_BYTES, MEDIA_TYPES, media_type_of
from manager_service.api.named_things import UNKNOWN_TASK
from manager_service.json_answers import empty_answer
from manager_service.problem_answers import RETRY_SECONDS, HttpRefusal
from manager_service.routing import UUID, Answer, Body, Call, OperationTable, Role, in_path
from manager_service.serving import allow_body, body_within_time

OPERATIONS = OperationTable("worker")

TASK_ID = in_path("task_id", UUID, "The task that rendered it.")

_FIRST, *_MORE = MEDIA_TYPES


@OPERATIONS.operation(
    "taskOutputProduced",
    "POST",
    "/worker/task/{task_id}/output-produced",
    role=Role.WORKER,
    summary="Show an image that was rendered",
    parameters=[TASK_ID],
    body=Body(media_type=_FIRST, more_media_types=tuple(_MORE)),
    answers=[
        Answer(status=202, description="It will be shown, unless a newer one comes before."),
        UNKNOWN_TASK,
        Answer(status=409, description="The task is not this worker's, or no longer."),
        Answer(status=411, description="The length of the image is not announced."),
        Answer(status=413, description="The image is larger than 25 MiB."),
        Answer(status=415, description="It is no image that can be shown."),
        Answer(status=429, description="The images that wait fill the memory meant for them."),
    ],
)
async def task_output_produced(call: Call) -> web.StreamResponse:
    """Answers as soon as the image has arrived.

    Of each job the newest image is kept: it takes the place of one that still waits. A sender
    that waits for "100 Continue" is refused before it sends anything.
    """
    request, images = call.request, call.service.images
    worker_id, task_id = call.worker_id, call.value(TASK_ID)
    _refuse_other_types(request)
    length = _announced_length(request)
    job_id = await call.service.farm.run(lambda manager: manager.job_of_output(worker_id, task_id))
    try:
        with images.waiting.room_for(length):
            await allow_body(request)
            image = await body_within_time(request)
    except Unavailable as error:
        raise HttpRefusal(
            429, error.message, headers={hdrs.RETRY_AFTER: str(RETRY_SECONDS)}
        ) from None
    _refuse_other_content(image, request.content_type)
    images.offer(job_id, image)
    return empty_answer(202)


def _refuse_other_types(request: web.Request) -> None:
    if request.content_type not in MEDIA_TYPES:
        what = f"{request.content_type} cannot be shown"
        hint = f"send one of {', '.join(MEDIA_TYPES)}"
        raise HttpRefusal(415, what, problems=[Problem("header Content-Type", what, hint)])


def _announced_length(request: web.Request) -> int:
    length = request.content_length
    if length is None:
        what = "The length of the image is not announced"
        hint = "send the header Content-Length"
        raise HttpRefusal(411, what, problems=[Problem("header Content-Length", what, hint)])
    if length > LARGEST_IMAGE_BYTES:
        what = f"The image has {length} bytes; {LARGEST_IMAGE_BYTES} are allowed"
        raise HttpRefusal(413, what, problems=[Problem("", what, "send it with fewer pixels")])
    return length


def _refuse_other_content(image: bytes, announced: str) -> None:
    found = media_type_of(image)
    if found == announced:
        return
    what = f"This is {found}, not {announced}" if found else f"This is not {announced}"
    raise HttpRefusal(415, what, problems=[Problem("", what)])
