"""What `listen` answers while the Manager itself is served over HTTPS.

It sends browsers on to HTTPS, and answers a certificate authority that checks a name. Nothing of
the Manager can be used here, so that no credentials travel in the clear twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from flamenco_core.errors import Problem
from manager_service.listen_address import ListenAddress
from manager_service.problem_answers import refusal

CHALLENGE_PATH = "/.well-known/acme-challenge/"

_REDIRECTED = (hdrs.METH_GET, hdrs.METH_HEAD)
_NOT_READY_SECONDS = "60"


class SecureAddress:
    """Where the Manager is found over HTTPS, for somebody who called it by a certain name."""

    def __init__(self, listen: ListenAddress, *, own_url: str, name: str) -> None:
        """`own_url` wins if it is an `https` one, then `name` (the one of the certificate), then
        the name that the client used.
        """
        self._listen = listen
        self._own_url = own_url if urlsplit(own_url).scheme == "https" else ""
        self._name = name

    def for_host(self, host: str) -> str:
        """Without a path or slash at its end; empty if `host` is no host."""
        if self._own_url:
            parts = urlsplit(self._own_url)
            return f"{parts.scheme}://{parts.netloc}"
        try:
            name = self._name or urlsplit(f"//{host}").hostname
        except ValueError:
            return ""
        return self._listen.url_at(name).rstrip("/") if name else ""


def plain_app(
    secure: SecureAddress, challenges: Mapping[str, str], not_ready: Callable[[], str]
) -> web.Application:
    """`challenges` are the answers to a certificate authority, by path; `not_ready` says why
    HTTPS is not there yet, if it is not.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.startswith(CHALLENGE_PATH):
            return _answer_challenge(request, challenges)
        reason = not_ready()
        if reason:
            headers = {"Retry-After": _NOT_READY_SECONDS}
            return refusal(503, f"HTTPS is not ready yet: {reason}", headers=headers)
        base = secure.for_host(request.headers.get(hdrs.HOST, ""))
        if not base:
            return refusal(400, "The request says no host that it is for")
        if request.method not in _REDIRECTED:
            hint = f"use {base}/"
            return refusal(
                400,
                f"This Manager is used over HTTPS: {hint}",
                problems=[Problem("", "the request came over plain HTTP", hint)],
            )
        # Not a lasting redirect: browsers would keep to it after HTTPS was switched off.
        location = f"{base}{request.rel_url.raw_path_qs}"
        return web.Response(status=302, headers={"Location": location})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def _answer_challenge(request: web.Request, challenges: Mapping[str, str]) -> web.Response:
    text = challenges.get(request.path)
    if text is None or request.method not in _REDIRECTED:
        return refusal(404, "No certificate is being asked for with this token")
    return web.Response(text=text, content_type="text/plain")
