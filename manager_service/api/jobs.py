"""Job types, and jobs from their submission on."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from flamenco_core.errors import Conflict, NotFound
from flamenco_core.manager.people import refuse_compiling_without_queueing
from flamenco_core.manager.submission import with_variables
from flamenco_core.manager.submission_keys import KEY_PATTERN, submission_key
from flamenco_core.model import (
    Audience,
    AvailableJobType,
    AvailableJobTypes,
    Job,
    JobPriorityChange,
    JobStatusChange,
    JobTagChange,
    SubmittedJob,
)
from flamenco_core.store.reader import FarmReader
from manager_service.api.named_things import JOB_ID, UNKNOWN_JOB
from manager_service.json_answers import empty_answer, encoded_answer, json_answer
from manager_service.routing import (
    TEXT,
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    in_header,
    in_path,
    in_query,
    matching,
    no_content,
    ok,
)

OPERATIONS = OperationTable("jobs")

TYPE_NAME = in_path("typeName", TEXT, "The job type's name, such as simple-blender-render.")

PLATFORM = in_query(
    "platform",
    TEXT,
    "Fill in the variables in settings and metadata, as users on this platform see them.",
    default="",
)
IDEMPOTENCY_KEY = in_header(
    "Idempotency-Key",
    matching(KEY_PATTERN, "1 to 255 visible ASCII characters"),
    "Makes this request one that can be sent again: the same key gives the same job.",
    default="",
)

_WRONG_ETAG = Answer(status=412, description="The job type has changed; fetch it again.")
_ILLEGAL_MOVE = Answer(status=409, description="The job's present status does not allow it.")


@OPERATIONS.operation(
    "getJobTypes",
    "GET",
    "/jobs/types",
    role=Role.VIEWER,
    summary="All job types",
    answers=[ok(AvailableJobTypes, "The job types, by name.")],
)
async def get_job_types(call: Call) -> web.StreamResponse:
    submissions = call.service.submissions
    found = await submissions.threads.run(submissions.compiler.available)
    return json_answer(AvailableJobTypes(job_types=found))


@OPERATIONS.operation(
    "getJobType",
    "GET",
    "/jobs/type/{typeName}",
    role=Role.VIEWER,
    summary="One job type",
    parameters=[TYPE_NAME],
    answers=[
        ok(AvailableJobType, "The job type."),
        Answer(status=404, description="There is no such job type."),
    ],
)
async def get_job_type(call: Call) -> web.StreamResponse:
    submissions, name = call.service.submissions, call.value(TYPE_NAME)
    return json_answer(await submissions.threads.run(lambda: submissions.compiler.get(name)))


@OPERATIONS.operation(
    "submitJob",
    "POST",
    "/jobs",
    role=Role.ARTIST,
    summary="Submit a job",
    parameters=[IDEMPOTENCY_KEY],
    body=Body(json=SubmittedJob),
    answers=[
        ok(Job, "The job, stored."),
        _WRONG_ETAG,
        Answer(
            status=409,
            description="The job of this key is deleted already, or its checkout is being removed.",
        ),
        Answer(status=422, description="The key was used for another submission."),
    ],
)
async def submit_job(call: Call) -> web.StreamResponse:
    """Checks the settings, compiles the job into tasks and stores it; answers once it is on disk.

    A submission that cannot be used is refused with all its problems, and nothing is stored.
    Send an `Idempotency-Key` of your own (a new UUID, say) to be able to send the same request
    again when its answer was lost: the same key gives the same job, for a week.
    """
    service, text = call.service, call.value(IDEMPOTENCY_KEY)
    key = submission_key(text, call.body(SubmittedJob)) if text else None
    job_id = await service.submissions.submit(submitted(call), call.actor, key=key)
    service.note_use_of_checkout(call.body(SubmittedJob))
    try:
        return encoded_answer(await service.readers.read_json(lambda reader: reader.job(job_id)))
    except NotFound:
        raise Conflict(
            f"Job {job_id}, which was submitted with this Idempotency-Key, is deleted; "
            "make up a new key to submit it again"
        ) from None


@OPERATIONS.operation(
    "submitJobCheck",
    "POST",
    "/jobs/check",
    role=Role.ARTIST,
    summary="Check a job without submitting it",
    body=Body(json=SubmittedJob),
    answers=[no_content("It would be accepted."), _WRONG_ETAG],
)
async def submit_job_check(call: Call) -> web.StreamResponse:
    await call.service.submissions.compile(submitted(call))
    return empty_answer()


def submitted(call: Call) -> SubmittedJob:
    """The job in a body, with what it keeps: paths that mean the same on every platform."""
    return with_variables(call.body(SubmittedJob), call.service.config)


@OPERATIONS.operation(
    "fetchJob",
    "GET",
    "/jobs/{job_id}",
    role=Role.VIEWER,
    summary="One job",
    parameters=[JOB_ID, PLATFORM],
    answers=[ok(Job, "The job."), UNKNOWN_JOB],
)
async def fetch_job(call: Call) -> web.StreamResponse:
    job_id, platform = call.value(JOB_ID), call.value(PLATFORM)

    def read(reader: FarmReader) -> dict[str, Any]:
        job = reader.job(job_id)
        if platform:
            table = call.service.config.variables_for(Audience.USERS, platform)
            job |= {key: table.expand(job[key]) for key in ("settings", "metadata")}
        return job

    return encoded_answer(await call.service.readers.read_json(read))


@OPERATIONS.operation(
    "setJobStatus",
    "POST",
    "/jobs/{job_id}/setstatus",
    role=Role.ARTIST,
    summary="Cancel, pause or requeue a job",
    parameters=[JOB_ID],
    body=Body(json=JobStatusChange),
    answers=[no_content("The change has begun."), UNKNOWN_JOB, _ILLEGAL_MOVE],
)
async def set_job_status(call: Call) -> web.StreamResponse:
    """Ask for `cancel-requested`, `pause-requested` or `requeueing`.

    Not in Flamenco 3: `compile_again` with the latter makes all tasks anew, as the job type makes
    them now; the answer comes when they are stored.
    """
    job_id, change = call.value(JOB_ID), call.body(JobStatusChange)
    actor = call.actor
    if change.compile_again:
        refuse_compiling_without_queueing(change)
        await call.service.submissions.compile_again(job_id, actor)
        return empty_answer()
    await call.service.farm.run(lambda manager: manager.set_job_status(job_id, change, actor=actor))
    return empty_answer()


@OPERATIONS.operation(
    "setJobPriority",
    "POST",
    "/jobs/{job_id}/setpriority",
    role=Role.ARTIST,
    summary="Change the priority of a job",
    parameters=[JOB_ID],
    body=Body(json=JobPriorityChange),
    answers=[no_content(), UNKNOWN_JOB],
)
async def set_job_priority(call: Call) -> web.StreamResponse:
    job_id, change = call.value(JOB_ID), call.body(JobPriorityChange)
    actor = call.actor
    await call.service.farm.run(
        lambda manager: manager.set_job_priority(job_id, change, actor=actor)
    )
    return empty_answer()


@OPERATIONS.operation(
    "setJobTag",
    "POST",
    "/jobs/{job_id}/settag",
    role=Role.ARTIST,
    summary="Say which workers a job may run on, by their tag",
    parameters=[JOB_ID],
    body=Body(json=JobTagChange),
    answers=[no_content("What runs already goes on."), UNKNOWN_JOB, _ILLEGAL_MOVE],
)
async def set_job_tag(call: Call) -> web.StreamResponse:
    """By the tag's id or its name; with neither, the job may run on any worker."""
    job_id, change = call.value(JOB_ID), call.body(JobTagChange)
    actor = call.actor
    await call.service.farm.run(lambda manager: manager.set_job_tag(job_id, change, actor=actor))
    return empty_answer()
