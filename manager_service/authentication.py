"""Who asks: workers say it with HTTP Basic; people on a trusted network do not sign in."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from flamenco_core.errors import NotAllowed
from flamenco_core.manager import Actor

if TYPE_CHECKING:
    from aiohttp import web

    from flamenco_core.store.reader import FarmReader


def authenticated_worker(header: str, farm: FarmReader) -> str:
    """The UUID of the worker whose credentials stand in an `Authorization` header.

    Raises:
        NotAllowed: if there are none, or they are wrong. An unknown worker is refused like one
            with a wrong secret.
    """
    name, secret = _basic_credentials(header)
    worker_id = name.lower()
    if not farm.worker_is(worker_id, secret):
        raise NotAllowed("There is no such worker, or its secret is wrong; register again")
    return worker_id


def actor_of(request: web.Request) -> Actor:
    """The person that asks for a change: the address is all that is known of them."""
    return Actor.person(request.remote or "unknown")


def _basic_credentials(header: str) -> tuple[str, str]:
    scheme, _, token = header.partition(" ")
    name, colon, secret = "", "", ""
    if scheme.lower() == "basic":
        try:
            name, colon, secret = base64.b64decode(token, validate=True).decode().partition(":")
        except ValueError:
            colon = ""  # neither Base64 nor UTF-8: as good as nothing
    if not colon:
        raise NotAllowed("Only workers may do this, with the UUID and secret they registered with")
    return name, secret
