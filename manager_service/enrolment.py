"""Which workers may register: those that know the enrolment secret, if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from flamenco_core.errors import Problem
from flamenco_core.model import UserRole
from flamenco_core.rules.accounts import may
from manager_service.problem_answers import HttpRefusal
from manager_service.secrets_of_callers import are_equal, basic_credentials, bearer_token

if TYPE_CHECKING:
    from manager_service.service import Service


def refuse_stranger(service: Service, request: web.BaseRequest) -> None:
    """Lets a worker register, or raises `HttpRefusal` (401, 429).

    The secret comes as the password of HTTP Basic, with any user name, or as a Bearer token. A
    wrangler's login or token does as well. With neither accounts nor a secret, everybody may.
    """
    secret = service.config.worker_registration_secret
    if not secret and not service.access.has_accounts:
        return
    header = request.headers.get(hdrs.AUTHORIZATION, "")
    basic = basic_credentials(header)
    # Flamenco 3's workers send Basic without a name and a password before they are registered.
    given = basic[1] if basic else bearer_token(header)
    if not given:
        caller = service.access.identify(request)  # by a cookie, if at all
        if caller.role is not None and may(caller.role, UserRole.WRANGLER):
            return
        raise _refusal(secret, "the enrolment secret is missing")
    address = request.remote or ""
    service.accounts.limits.attempt(address)
    if secret and are_equal(given, secret):
        service.accounts.limits.succeeded(address)
        return
    caller = service.access.identify(request)
    if caller.role is not None and may(caller.role, UserRole.WRANGLER):
        service.accounts.limits.succeeded(address)
        return
    raise _refusal(secret, "this is not the enrolment secret")


def _refusal(secret: str, what: str) -> HttpRefusal:
    if secret:
        hint = "give the worker the Manager's worker_registration_secret"
    else:
        what = "the Manager has no enrolment secret, so that no worker can register by itself"
        hint = "set worker_registration_secret in the Manager's configuration and the worker's"
    return HttpRefusal(
        401,
        "This worker may not register",
        problems=[Problem("header Authorization", what, hint)],
        headers={hdrs.WWW_AUTHENTICATE: 'Bearer realm="Flamenco Manager, workers"'},
    )
