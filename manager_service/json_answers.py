"""Successful answers: JSON from the model's types, or bytes that are JSON already."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from flamenco_core import wire


def json_answer(value: Any, *, status: int = 200) -> web.Response:
    """A value of the model, or JSON-ready data, as the body."""
    return encoded_answer(orjson.dumps(wire.to_json(value)), status=status)


def encoded_answer(content: bytes, *, status: int = 200) -> web.Response:
    """JSON that is encoded already."""
    return web.Response(status=status, body=content, content_type="application/json")


def text_answer(content: str) -> web.Response:
    """A text that no browser takes for a page, whatever it looks like."""
    headers = {"X-Content-Type-Options": "nosniff"}
    return web.Response(text=content, content_type="text/plain", charset="utf-8", headers=headers)


def empty_answer(status: int = 204) -> web.Response:
    return web.Response(status=status)
