"""Deleting jobs, one or many, and what that would remove."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from aiohttp import web

from flamenco_core import wire
from flamenco_core.config import Config
from flamenco_core.errors import NotFound, one_problem
from flamenco_core.manager import removal
from flamenco_core.model import Error, JobDeletionInfo, JobMassDeletionSelection
from flamenco_core.model.jobs import JobMassDeletionInfo
from flamenco_core.store import removal as stored_removal
from flamenco_core.store.reader import FarmReader
from manager_service.api.named_things import JOB_ID, UNKNOWN_JOB
from manager_service.folder_sizes import measure
from manager_service.json_answers import empty_answer, json_answer
from manager_service.problem_answers import HttpRefusal
from manager_service.routing import (
    BOOLEAN,
    Answer,
    Body,
    Call,
    Kind,
    OperationTable,
    Role,
    in_query,
    no_content,
    ok,
)
from manager_service.service import Service

OPERATIONS = OperationTable("jobs")

LEAVE_FILES = in_query(
    "leave_files",
    BOOLEAN,
    "Forget the job and leave its files where they are; not in Flamenco 3.",
    default=False,
)


def _read_time(text: str) -> datetime | None:
    try:
        return wire.parse_time(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time such as 2026-02-03T04:05:06Z: {error}") from None


LAST_UPDATED = in_query(
    "last_updated_max",
    Kind(_read_time, {"type": "string", "format": "date-time"}),
    "Finished jobs that have not changed since are meant; it has to be given.",
    default=None,
)

MOST_JOBS = 1000
"""Jobs that a preview counts; more are deleted all the same."""
JOBS_NAMED = 100
_JOBS_AT_ONCE = 50

_ILLEGAL_MOVE = Answer(status=409, description="The job's present status does not allow it.")


@OPERATIONS.operation(
    "deleteJobMass",
    "DELETE",
    "/jobs/mass-delete",
    role=Role.WRANGLER,
    summary="Delete finished jobs that have not changed for long",
    body=Body(json=JobMassDeletionSelection),
    answers=[
        no_content("They are being removed."),
        Answer(status=416, description="There is no such job.", json=Error),
    ],
)
async def delete_job_mass(call: Call) -> web.StreamResponse:
    """Only jobs that are completed, failed or cancelled are deleted; see `deleteJob`.

    The time is rounded up to a whole second.
    """
    time, actor = call.body(JobMassDeletionSelection).last_updated_max, call.actor
    if time is None:
        raise one_problem("last_updated_max", "is missing", "say up to which time jobs are meant")
    farm = call.service.farm
    if not await farm.run(lambda manager: manager.delete_finished_jobs(time, actor=actor)):
        raise HttpRefusal(416, f"No finished job has been unchanged since {time.isoformat()}")
    while await farm.run(lambda manager: manager.delete_finished_jobs(time, actor=actor)):
        pass
    return empty_answer()


@OPERATIONS.operation(
    "deleteJob",
    "DELETE",
    "/jobs/{job_id}",
    role=Role.ARTIST,
    summary="Delete a job",
    parameters=[JOB_ID, LEAVE_FILES],
    answers=[no_content("It is being removed."), UNKNOWN_JOB, _ILLEGAL_MOVE],
)
async def delete_job(call: Call) -> web.StreamResponse:
    """Stops the job, then removes its tasks, its logs and its Shaman checkout.

    What it rendered stays. If its files cannot be erased, the job stays in the list and says so;
    deleting it again tries once more.
    """
    job_id, leave_files = call.value(JOB_ID), call.value(LEAVE_FILES)
    actor = call.actor
    await call.service.farm.run(
        lambda manager: manager.delete_job(job_id, leave_files=leave_files, actor=actor)
    )
    return empty_answer()


@OPERATIONS.operation(
    "deleteJobWhatWouldItDo",
    "GET",
    "/jobs/{job_id}/what-would-delete-do",
    role=Role.VIEWER,
    summary="What deleting a job would remove",
    parameters=[JOB_ID],
    answers=[ok(JobDeletionInfo, "What would go, and what would stay."), UNKNOWN_JOB],
)
async def delete_job_what_would_it_do(call: Call) -> web.StreamResponse:
    service, job_id = call.service, call.value(JOB_ID)
    info = await service.readers.read(
        lambda reader: removal.what_deletion_would_do(reader.connection, service.config, job_id)
    )
    folders = [Path(folder) for folder in info.folders or []]
    sizes = await service.file_threads.checkouts.run(lambda: measure(folders))
    return json_answer(
        replace(info, files=sizes.files, bytes=sizes.bytes, is_all_counted=sizes.is_complete)
    )


@OPERATIONS.operation(
    "deleteJobMassWhatWouldItDo",
    "GET",
    "/jobs/what-would-mass-delete-do",
    role=Role.VIEWER,
    summary="What deleting finished jobs together would remove",
    parameters=[LAST_UPDATED],
    answers=[ok(JobMassDeletionInfo, "What would go, and what would stay.")],
)
async def delete_job_mass_what_would_it_do(call: Call) -> web.StreamResponse:
    """Looks at no more than a thousand jobs and a hundred thousand files."""
    time, service = call.value(LAST_UPDATED), call.service
    if time is None:
        raise one_problem(
            "query last_updated_max", "is missing", "say up to which time jobs are meant"
        )
    until = removal.until_whole_second(time)
    found = await service.readers.read(
        lambda reader: stored_removal.finished_before(reader.connection, until, limit=MOST_JOBS + 1)
    )
    foreseen = await _foresee(service, found[:MOST_JOBS])
    infos = [info for _, info in foreseen]
    folders = [Path(folder) for info in infos for folder in info.folders or []]
    sizes = await service.file_threads.checkouts.run(lambda: measure(folders))
    return json_answer(
        JobMassDeletionInfo(
            jobs=len(infos),
            tasks=sum(info.tasks or 0 for info in infos),
            shaman_checkouts=sum(info.shaman_checkout for info in infos),
            folders=sizes.folders,
            files=sizes.files,
            bytes=sizes.bytes,
            is_all_counted=sizes.is_complete and len(found) <= MOST_JOBS,
            kept=removal.KEPT,
            job_ids=[job_id for job_id, _ in foreseen[:JOBS_NAMED]],
        )
    )


async def _foresee(service: Service, job_ids: Sequence[str]) -> list[tuple[str, JobDeletionInfo]]:
    """What deleting each of these jobs would remove; those that are gone by now are left out."""
    foreseen: list[tuple[str, JobDeletionInfo]] = []
    for start in range(0, len(job_ids), _JOBS_AT_ONCE):
        piece = job_ids[start : start + _JOBS_AT_ONCE]
        foreseen += await service.readers.read(partial(_foreseen, service.config, piece))
    return foreseen


def _foreseen(
    config: Config, job_ids: Sequence[str], reader: FarmReader
) -> list[tuple[str, JobDeletionInfo]]:
    found = []
    for job_id in job_ids:
        with contextlib.suppress(NotFound):
            info = removal.what_deletion_would_do(reader.connection, config, job_id)
            found.append((job_id, info))
    return found
