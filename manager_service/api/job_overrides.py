"""The RNA overrides of jobs: lines of Python that are carried out before each render."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.errors import InvalidInput
from flamenco_core.manager import people
from flamenco_core.model.jobs import JobRnaOverrides
from manager_service.api.named_things import JOB_ID, UNKNOWN_JOB
from manager_service.json_answers import json_answer
from manager_service.problem_answers import HttpRefusal
from manager_service.routing import (
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    ok,
)

OPERATIONS = OperationTable("jobs")


@OPERATIONS.operation(
    "fetchJobRnaOverrides",
    "GET",
    "/jobs/{job_id}/rna-overrides",
    role=Role.VIEWER,
    summary="What is carried out before each render of a job",
    parameters=[JOB_ID],
    answers=[ok(JobRnaOverrides, "The lines; none for most jobs."), UNKNOWN_JOB],
)
async def fetch_job_rna_overrides(call: Call) -> web.StreamResponse:
    job_id = call.value(JOB_ID)
    lines = await call.service.readers.read(
        lambda reader: people.rna_overrides(reader.connection, job_id)
    )
    return json_answer(JobRnaOverrides(rna_overrides=lines))


@OPERATIONS.operation(
    "setJobRnaOverrides",
    "PUT",
    "/jobs/{job_id}/rna-overrides",
    role=Role.ARTIST,
    summary="Say what is carried out before each render of a job",
    parameters=[JOB_ID],
    body=Body(json=JobRnaOverrides),
    answers=[
        ok(JobRnaOverrides, "The lines as they are kept, for all tasks handed out from now on."),
        UNKNOWN_JOB,
        Answer(status=409, description="The job is being deleted, or archived."),
        Answer(
            status=422, description="They are no valid Python; the problem has line and column."
        ),
    ],
)
async def set_job_rna_overrides(call: Call) -> web.StreamResponse:
    job_id, wanted = call.value(JOB_ID), call.body(JobRnaOverrides).rna_overrides
    actor = call.actor
    try:
        kept = await call.service.farm.run(
            lambda manager: manager.set_rna_overrides(job_id, wanted, actor=actor)
        )
    except InvalidInput as error:
        raise HttpRefusal(422, error.message, problems=error.problems) from None
    return json_answer(JobRnaOverrides(rna_overrides=kept))
