"""`ETag` and `If-Match`: whoever changes something says which state of it they looked at."""

from __future__ import annotations

from typing import TypeVar

from aiohttp import hdrs, web

from manager_service.routing import Kind, in_header
from manager_service.settings.live_configuration import ANY_ETAG

_Answer = TypeVar("_Answer", bound=web.StreamResponse)


def _read_etag(value: str) -> str:
    tag = value.strip()
    if "," in tag or tag.startswith("W/"):
        raise ValueError(f'{value!r} is not one strong etag such as "3f2a"')
    return tag.strip('"')


IF_MATCH = in_header(
    hdrs.IF_MATCH,
    Kind(_read_etag, {"type": "string"}),
    "The `ETag` that came with what is to be changed; 412 if it has changed since. Without it, "
    "whatever is there now is changed.",
    default=ANY_ETAG,
)


def with_etag(answer: _Answer, etag: str) -> _Answer:
    """The answer with the header."""
    answer.headers[hdrs.ETAG] = f'"{etag}"'
    return answer
