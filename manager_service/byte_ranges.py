"""Requests for a part of something: from which byte to which."""

from __future__ import annotations

from aiohttp import hdrs, web

from manager_service.problem_answers import HttpRefusal


def wanted_range(request: web.Request, size: int) -> tuple[int, int] | None:
    """From where to before where of `size` bytes, or None for everything.

    Raises:
        HttpRefusal: 416 if there is nothing there.
    """
    if hdrs.RANGE not in request.headers:
        return None
    try:
        wanted = request.http_range
    except ValueError:
        return None  # several parts at once, or something else: it may be left out of account
    start, end, _ = wanted.indices(size)
    if wanted.start is not None and wanted.start < 0:
        start = max(0, size + wanted.start)
    if start >= end:
        raise HttpRefusal(
            416,
            f"There are {size} bytes, and none of those that are asked for",
            headers={hdrs.CONTENT_RANGE: f"bytes */{size}"},
        )
    return start, end
