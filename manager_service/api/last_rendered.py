"""The images that were rendered last: of a job, and of the whole farm."""

from __future__ import annotations

import re
from pathlib import Path

from aiohttp import ETag, web

from flamenco_core.errors import NotFound
from flamenco_core.last_rendered import THUMBNAILS, has_thumbnails, thumbnail_file
from flamenco_core.model import JobLastRenderedImageInfo
from manager_service.api.named_things import JOB_ID, UNKNOWN_JOB
from manager_service.json_answers import empty_answer, json_answer
from manager_service.routing import (
    API,
    Answer,
    Call,
    OperationTable,
    Role,
    in_path,
    matching,
    no_content,
    ok,
)

OPERATIONS = OperationTable("jobs")

_NAMES = [thumbnail.name for thumbnail in THUMBNAILS]
_NAME_PATTERN = f"({'|'.join(re.escape(name) for name in _NAMES)})"

NAME = in_path(
    "name", matching(_NAME_PATTERN, f"one of {', '.join(_NAMES)}"), "The thumbnail, by its size."
)

_NOTHING_YET = no_content("Nothing was rendered yet.")
_WHERE = ok(JobLastRenderedImageInfo, "Where the thumbnails are; they may change at any time.")


@OPERATIONS.operation(
    "fetchGlobalLastRenderedInfo",
    "GET",
    "/jobs/last-rendered",
    role=Role.VIEWER,
    summary="The image that the farm rendered last",
    answers=[_WHERE, _NOTHING_YET],
)
async def fetch_global_last_rendered_info(call: Call) -> web.StreamResponse:
    job_id = await call.service.readers.read(lambda reader: reader.last_rendered_job())
    return empty_answer() if job_id is None else await _info(call, job_id)


@OPERATIONS.operation(
    "fetchJobLastRenderedInfo",
    "GET",
    "/jobs/{job_id}/last-rendered",
    role=Role.VIEWER,
    summary="The image that a job rendered last",
    parameters=[JOB_ID],
    answers=[
        _WHERE,
        _NOTHING_YET,
        UNKNOWN_JOB,
    ],
)
async def fetch_job_last_rendered_info(call: Call) -> web.StreamResponse:
    job_id = call.value(JOB_ID)
    await call.service.readers.read(lambda reader: reader.job(job_id))
    return await _info(call, job_id)


@OPERATIONS.operation(
    "fetchJobLastRenderedImage",
    "GET",
    "/jobs/{job_id}/last-rendered/{name}",
    role=Role.VIEWER,
    summary="A thumbnail of the image that a job rendered last",
    parameters=[JOB_ID, NAME],
    answers=[
        Answer(status=200, description="The thumbnail.", media_type="image/jpeg"),
        Answer(status=304, description="It is the one that the browser has."),
        Answer(status=404, description="There is no such job, or nothing was rendered yet."),
    ],
)
async def fetch_job_last_rendered_image(call: Call) -> web.StreamResponse:
    """The name of a thumbnail never changes. Its `ETag` does, with each image."""
    job_id, name, storage = call.value(JOB_ID), call.value(NAME), call.service.config.local_storage
    known = {tag.value for tag in call.request.if_none_match or ()}
    file = thumbnail_file(storage, job_id, name)
    etag, content = await call.service.file_threads.own.run(lambda: _read(file, known))
    headers = {
        # Kept by browsers, but shown only after asking whether it still is the newest.
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    answer = web.Response(headers=headers, status=304 if content is None else 200)
    answer.etag = ETag(etag)
    if content is not None:
        answer.content_type = "image/jpeg"
        answer.body = content
    return answer


async def _info(call: Call, job_id: str) -> web.StreamResponse:
    storage = call.service.config.local_storage
    if not await call.service.file_threads.own.run(lambda: has_thumbnails(storage, job_id)):
        return empty_answer()
    return json_answer(thumbnails_of(job_id))


def thumbnails_of(job_id: str) -> JobLastRenderedImageInfo:
    """Where the thumbnails of a job are."""
    return JobLastRenderedImageInfo(
        base=f"{API}/jobs/{job_id}/last-rendered", suffixes=list(_NAMES)
    )


def _read(file: Path, known: set[str]) -> tuple[str, bytes | None]:
    """The tag of a thumbnail, and what it holds unless the tag is known."""
    try:
        status = file.stat()
        etag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
        return etag, None if etag in known else file.read_bytes()
    except FileNotFoundError:
        raise NotFound("There is no image of this job") from None
