"""The content store: each file of a project is sent once, and jobs get folders of links.

Hashing and writing happen on threads; the event loop only moves pieces.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from email.header import decode_header, make_header

from aiohttp import StreamReader, web

from flamenco_core.errors import Conflict, Problem
from flamenco_core.model import (
    ShamanCheckout,
    ShamanCheckoutResult,
    ShamanRequirementsRequest,
    ShamanRequirementsResponse,
    ShamanSingleFileStatus,
)
from flamenco_core.shaman import ContentMismatch, ShamanStore, Upload
from flamenco_core.store.removal import is_checkout_used
from manager_service.json_answers import empty_answer, encoded_answer, json_answer
from manager_service.problem_answers import HttpRefusal
from manager_service.routing import (
    BOOLEAN,
    Answer,
    Body,
    Call,
    Kind,
    OperationTable,
    Role,
    in_header,
    in_path,
    matching,
    no_content,
    ok,
    whole_number,
)
from manager_service.serving import allow_body

logger = logging.getLogger(__name__)

OPERATIONS = OperationTable("shaman")

LONGEST_SILENCE = timedelta(minutes=2)
"""Between two pieces of a file that is being sent."""

PIECE_BYTES = 2**20
"""What is collected before it goes to a thread: the hand-over costs as much as hashing 100 KB."""


def _read_encoded_word(value: str) -> str:
    """A file name as HTTP headers carry it, RFC 2047."""
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError) as error:
        raise ValueError(f"is not a name encoded by RFC 2047: {error}") from None


CHECKSUM = in_path(
    "checksum",
    matching("[0-9a-f]{64}", "a SHA-256 sum in lower-case hexadecimal"),
    "The file's SHA-256 sum, in lower-case hexadecimal.",
)
FILE_SIZE = in_path("filesize", whole_number(0), "The file's size in bytes.")
CAN_DEFER = in_header(
    "X-Shaman-Can-Defer-Upload",
    BOOLEAN,
    "Whether the sender would rather send something else while somebody else sends this file.",
    default=False,
)
ORIGINAL_NAME = in_header(
    "X-Shaman-Original-Filename",
    Kind(_read_encoded_word, {"type": "string"}),
    "The file's name at the sender, encoded by RFC 2047; for the log only.",
    default="",
)

_SHAMAN_OFF = Answer(status=503, description="Shaman is not enabled on this Manager.")


@OPERATIONS.operation(
    "shamanCheckoutRequirements",
    "POST",
    "/shaman/checkout/requirements",
    role=Role.ARTIST,
    summary="Which of these files still have to be sent",
    body=Body(json=ShamanRequirementsRequest),
    answers=[ok(ShamanRequirementsResponse, "The files that are not stored yet."), _SHAMAN_OFF],
)
async def shaman_checkout_requirements(call: Call) -> web.StreamResponse:
    store, request = _store(call), call.body(ShamanRequirementsRequest)
    return encoded_answer(
        await call.service.file_threads.checkouts.run_json(lambda: store.requirements(request))
    )


@OPERATIONS.operation(
    "shamanCheckout",
    "POST",
    "/shaman/checkout/create",
    role=Role.ARTIST,
    summary="Make a folder in which a job finds its files",
    body=Body(json=ShamanCheckout),
    answers=[
        ok(ShamanCheckoutResult, "The folder made; its path may differ from the one asked for."),
        Answer(status=409, description="No free name was found for the folder."),
        Answer(status=424, description="Some of the files are not stored; they are listed."),
        _SHAMAN_OFF,
    ],
)
async def shaman_checkout(call: Call) -> web.StreamResponse:
    store, checkout = _store(call), call.body(ShamanCheckout)
    return json_answer(
        await call.service.file_threads.checkouts.run(lambda: store.checkout(checkout))
    )


@OPERATIONS.operation(
    "eraseShamanCheckout",
    "POST",
    "/shaman/checkout/erase",
    role=Role.ARTIST,
    summary="Remove a folder that was made for a job that was not submitted after all",
    body=Body(json=ShamanCheckoutResult),
    answers=[
        no_content("The folder is gone."),
        Answer(status=404, description="There is no such folder."),
        Answer(
            status=409,
            description="A job uses it, or is being submitted; it goes when the job is deleted.",
        ),
        _SHAMAN_OFF,
    ],
)
async def erase_shaman_checkout(call: Call) -> web.StreamResponse:
    store, path, service = _store(call), call.body(ShamanCheckoutResult).checkoutPath, call.service
    with service.submissions.checkouts.erasing(path):
        if await service.readers.read(lambda reader: is_checkout_used(reader.connection, path)):
            raise Conflict(f"A job uses the checkout {path!r}; it goes when the job is deleted")
        await service.file_threads.checkouts.run(lambda: store.erase_checkout(path))
    return empty_answer()


@OPERATIONS.operation(
    "shamanFileStoreCheck",
    "GET",
    "/shaman/files/{checksum}/{filesize}",
    role=Role.ARTIST,
    summary="Whether a file is stored",
    parameters=[CHECKSUM, FILE_SIZE],
    answers=[ok(ShamanSingleFileStatus, "Stored, on its way, or unknown."), _SHAMAN_OFF],
)
async def shaman_file_store_check(call: Call) -> web.StreamResponse:
    store, sha, size = _store(call), call.value(CHECKSUM), call.value(FILE_SIZE)
    status = await call.service.file_threads.storage.run(lambda: store.status(sha, size))
    return json_answer(ShamanSingleFileStatus(status=status))


@OPERATIONS.operation(
    "shamanFileStore",
    "POST",
    "/shaman/files/{checksum}/{filesize}",
    role=Role.ARTIST,
    summary="Send a file",
    parameters=[CHECKSUM, FILE_SIZE, CAN_DEFER, ORIGINAL_NAME],
    body=Body(media_type="application/octet-stream"),
    answers=[
        no_content("Stored."),
        Answer(status=208, description="It was stored already, or somebody else was quicker."),
        Answer(status=417, description="What was sent is not the file that was announced."),
        Answer(status=425, description="Somebody else is sending it; ask again later."),
        _SHAMAN_OFF,
    ],
)
async def shaman_file_store(call: Call) -> web.StreamResponse:
    """Answers once the file is on disk. A sender that waits for "100 Continue" is refused before
    it sends anything if the file is not wanted.
    """
    store, request = _store(call), call.request
    sha, size, can_defer = call.value(CHECKSUM), call.value(FILE_SIZE), call.value(CAN_DEFER)
    if request.content_length is not None and request.content_length != size:
        raise ContentMismatch(
            "filesize",
            f"The file was announced with {size} bytes, "
            f"but the body of this request has {request.content_length}",
        )
    threads = call.service.file_threads.storage
    upload = await threads.run(lambda: store.receive(sha, size, can_defer))
    try:
        await allow_body(request)
        async for piece in _pieces(request.content):
            await _write(call, upload, piece)
        await threads.run(upload.finish)
    finally:
        await threads.run(upload.abort)
    logger.debug("Stored %s (%d bytes) as %s", call.value(ORIGINAL_NAME) or "a file", size, sha)
    return empty_answer()


async def _write(call: Call, upload: Upload, piece: bytes) -> None:
    await call.service.file_threads.storage.run(lambda: upload.write(piece))


async def _pieces(content: StreamReader) -> AsyncIterator[bytes]:
    """The body in pieces worth a hand-over to a thread."""
    collected = bytearray()
    while chunk := await _next_chunk(content):
        collected += chunk
        if len(collected) >= PIECE_BYTES:
            yield bytes(collected)
            collected.clear()
    if collected:
        yield bytes(collected)


async def _next_chunk(content: StreamReader) -> bytes:
    """What has arrived; nothing at the end. A sender that stops in the middle is let go."""
    try:
        async with asyncio.timeout(LONGEST_SILENCE.total_seconds()):
            return await content.readany()
    except TimeoutError:
        what = f"Nothing more of the file came for {LONGEST_SILENCE.total_seconds():g} seconds"
        raise HttpRefusal(408, what) from None


def _store(call: Call) -> ShamanStore:
    store = call.service.shaman
    if store is None:
        raise HttpRefusal(
            503,
            "Shaman is not enabled on this Manager",
            problems=[Problem("", "Shaman is off", "copy the files to the shared storage instead")],
        )
    return store
