"""The content of a file as an answer: in ranges, conditional, and never as something that runs.

Anybody who can write to the shared storage can put a page with a script there. Only kinds that
are shown without running anything are sent as what they are; the rest is to be saved, and all of
it is held in a sandbox.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from aiohttp import ETag, hdrs, web

from manager_service.byte_ranges import wanted_range
from manager_service.files.roots import Roots
from manager_service.threads import Threads

MEDIA_TYPES: Mapping[str, str] = {
    ".avi": "video/x-msvideo",
    ".bmp": "image/bmp",
    ".exr": "image/x-exr",
    ".flac": "audio/flac",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".log": "text/plain; charset=utf-8",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".txt": "text/plain; charset=utf-8",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
}
"""What browsers show without running anything; SVG and HTML are not among it."""

UNKNOWN_TYPE = "application/octet-stream"

SAFE_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src 'self'; media-src 'self'",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Kept by browsers, but shown only after asking whether it still is the newest.
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "bytes",
}

_PIECE = 256 * 1024
"""Bytes that are read at once."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that may be seen, and how it was when it was opened."""

    path: Path
    stream: IO[bytes]
    size: int
    modified: float
    etag: str


def open_file(roots: Roots, text: str) -> OpenFile:
    """Raises what `Roots.open` raises."""
    path, descriptor = roots.open(text)
    stream = os.fdopen(descriptor, "rb")
    status = os.fstat(descriptor)
    etag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
    return OpenFile(path, stream, status.st_size, status.st_mtime, etag)


async def answer_file(
    request: web.Request, threads: Threads, roots: Roots, text: str
) -> web.StreamResponse:
    """The content of a file, or the part of it that is asked for."""
    file = await threads.run(lambda: open_file(roots, text))
    try:
        return await _answer(request, threads, file)
    finally:
        await threads.run(file.stream.close)


async def _answer(request: web.Request, threads: Threads, file: OpenFile) -> web.StreamResponse:
    answer = web.StreamResponse(headers={**SAFE_HEADERS, **_type_headers(file.path)})
    answer.etag = ETag(file.etag)
    answer.last_modified = file.modified
    if any(tag.value in (file.etag, "*") for tag in request.if_none_match or ()):
        answer.set_status(304)
        await answer.prepare(request)
        return answer
    part = wanted_range(request, file.size) if _is_unchanged(request, file) else None
    start, end = part or (0, file.size)
    if part is not None:
        answer.set_status(206)
        answer.headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{end - 1}/{file.size}"
    answer.content_length = end - start
    await answer.prepare(request)
    if request.method != hdrs.METH_HEAD:
        async for content in _content(threads, file, start, end):
            await answer.write(content)
    await answer.write_eof()
    return answer


async def _content(threads: Threads, file: OpenFile, start: int, end: int) -> AsyncIterator[bytes]:
    await threads.run(lambda: file.stream.seek(start))
    left = end - start
    while left:
        content = await threads.run(lambda: file.stream.read(min(left, _PIECE)))  # noqa: B023
        if not content:
            # It became shorter: the connection has to end early, since a length was promised.
            raise ConnectionResetError(f"{file.path} became shorter while it was sent")
        left -= len(content)
        yield content


def _is_unchanged(request: web.Request, file: OpenFile) -> bool:
    """Whether a part still goes with those that the client has."""
    condition = request.headers.get(hdrs.IF_RANGE)
    if condition is None:
        return True
    if request.if_range is not None:
        return file.modified <= request.if_range.timestamp()
    return condition == f'"{file.etag}"'


def _type_headers(path: Path) -> dict[str, str]:
    media_type = MEDIA_TYPES.get(path.suffix.lower())
    name = quote(path.name, safe="")
    shown = "attachment" if media_type is None else "inline"
    return {
        hdrs.CONTENT_TYPE: media_type or UNKNOWN_TYPE,
        hdrs.CONTENT_DISPOSITION: f"{shown}; filename*=UTF-8''{name}",
    }
