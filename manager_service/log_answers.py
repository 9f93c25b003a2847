"""The log of a task as an answer: read and sent piece by piece, or only a part of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from aiohttp import hdrs, web

from flamenco_core.store.task_log_reading import LogPart
from manager_service.byte_ranges import wanted_range
from manager_service.json_answers import empty_answer
from manager_service.reading import ReaderPool

_PIECE = 4 * 2**20
"""Bytes that are read at once. Compressed logs are unpacked from their start for each piece."""


async def answer_log(
    request: web.Request, readers: ReaderPool, parts: Sequence[LogPart]
) -> web.StreamResponse:
    """The logs of these attempts, one after the other, as long as they are now."""
    size = sum(part.size for part in parts)
    if not size:
        return empty_answer()
    wanted = wanted_range(request, size)
    start, end = wanted or (0, size)
    # No browser is to take a log for a page, whatever it looks like.
    answer = web.StreamResponse(
        headers={"X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes"}
    )
    answer.content_type, answer.charset = "text/plain", "utf-8"
    if wanted is not None:
        answer.set_status(206)
        answer.headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{end - 1}/{size}"
    answer.content_length = end - start
    await answer.prepare(request)
    async for content in _content(readers, parts, start, end):
        await answer.write(content)
    await answer.write_eof()
    return answer


async def _content(
    readers: ReaderPool, parts: Sequence[LogPart], start: int, end: int
) -> AsyncIterator[bytes]:
    before = 0
    for part in parts:
        first, last = max(0, start - before), min(part.size, end - before)
        for position in range(first, last, _PIECE):
            stop = min(position + _PIECE, last)
            content = await readers.read(
                lambda reader: reader.task_log_range(part, position, stop)  # noqa: B023
            )
            if len(content) != stop - position:
                # A length was promised, so that the connection has to end early.
                raise ConnectionResetError("the log was removed while it was sent")
            yield content
        before += part.size
