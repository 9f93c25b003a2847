"""Texts that are sent to the Manager as they are, such as a script."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.errors import one_problem
from manager_service.problem_answers import HttpRefusal
from manager_service.serving import allow_body, body_within_time

LARGEST_TEXT = 2**20
"""Bytes."""


async def body_text(request: web.Request) -> str:
    """The body as text.

    Raises:
        HttpRefusal: 413 if it is too large, 408 if it does not come in time.
        InvalidInput: it is missing, or not UTF-8.
    """
    too_large = HttpRefusal(413, f"The body may have {LARGEST_TEXT} bytes")
    if (request.content_length or 0) > LARGEST_TEXT:
        raise too_large
    await allow_body(request)
    try:
        # A body that comes in chunks does not say beforehand how long it is.
        content = await body_within_time(request.clone(client_max_size=LARGEST_TEXT))
    except web.HTTPRequestEntityTooLarge:
        raise too_large from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise one_problem(
            "", f"the body is not UTF-8: {error.reason} at byte {error.start}"
        ) from None
