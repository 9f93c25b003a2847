"""Texts that are sent to the Manager as they are, such as a script."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.errors import one_problem
from manager_service.problem_answers import HttpRefusal
from manager_service.serving import allow_body

LARGEST_TEXT = 2**20
"""Bytes."""


async def body_text(request: web.Request) -> str:
    """The body as text.

    Raises:
        HttpRefusal: 413 if it is too large.
        InvalidInput: it is missing, or not UTF-8.
    """
    too_large = HttpRefusal(413, f"The body may have {LARGEST_TEXT} bytes")
    if (request.content_length or 0) > LARGEST_TEXT:
        raise too_large
    await allow_body(request)
    content = await request.content.read(LARGEST_TEXT + 1)
    while content and len(content) <= LARGEST_TEXT and not request.content.at_eof():
        more = await request.content.read(LARGEST_TEXT + 1 - len(content))
        if not more:
            break
        content += more
    if len(content) > LARGEST_TEXT:
        raise too_large
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise one_problem(
            "", f"the body is not UTF-8: {error.reason} at byte {error.start}"
        ) from None
