"""What people do with their own account: log in and out, see who they are, change the password."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.errors import Conflict
from flamenco_core.manager import Actor
from flamenco_core.model import CallerKind, Login, PasswordChange, WhoAmI
from flamenco_core.rules.accounts import SESSION_LIFETIME
from manager_service.authentication import Caller
from manager_service.json_answers import empty_answer, json_answer
from manager_service.routing import (
    BOOLEAN,
    LARGEST_OF_STRANGERS,
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    in_query,
    no_content,
    ok,
)
from manager_service.secrets_of_callers import stored_form

OPERATIONS = OperationTable("accounts")

EVERYWHERE = in_query(
    "everywhere", BOOLEAN, "End all sessions of the same person, not only this one.", default=False
)

_TOO_MANY = Answer(
    status=429, description="Too many attempts have failed; `Retry-After` says when to go on."
)


@OPERATIONS.operation(
    "logIn",
    "POST",
    "/login",
    role=Role.ANYONE,
    summary="Log in",
    body=Body(json=Login, largest=LARGEST_OF_STRANGERS),
    answers=[
        ok(WhoAmI, "Logged in; the answer's cookie says so from now on."),
        Answer(status=401, description="The name or the password is wrong."),
        Answer(status=409, description="This Manager has no accounts: it trusts everybody."),
        _TOO_MANY,
    ],
)
async def log_in(call: Call) -> web.StreamResponse:
    """For browsers. Programs use tokens."""
    service, request = call.service, call.request
    if not service.access.has_accounts:
        raise Conflict("Nobody logs in here: this Manager trusts everybody in the network")
    before = request.cookies.get(service.access.cookie_name(request), "")
    name, secret = await service.accounts.log_in(
        call.body(Login),
        address=request.remote or "",
        replaced=stored_form(before) if before else "",
    )
    user = await service.readers.read(lambda reader: reader.user(name))
    role = user.role if user else None
    caller = Caller(CallerKind.PERSON, Actor.person(name), name, role)
    answer = json_answer(_who(call, caller))
    answer.set_cookie(
        service.access.cookie_name(request),
        secret,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="Strict",
        secure=request.secure,
        path="/",
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


@OPERATIONS.operation(
    "logOut",
    "POST",
    "/logout",
    role=Role.ANYONE,
    summary="Log out",
    parameters=[EVERYWHERE],
    answers=[no_content("Nobody is logged in any more with this cookie.")],
)
async def log_out(call: Call) -> web.StreamResponse:
    """Ends the session of the request's cookie, if it has one. Tokens are revoked instead."""
    access, is_everywhere = call.service.access, call.value(EVERYWHERE)
    caller = access.identify(call.request)
    if caller.session or (is_everywhere and caller.kind is CallerKind.PERSON):
        await call.service.farm.run(
            lambda manager: manager.log_out(
                caller.name, caller.session, is_everywhere=is_everywhere, actor=caller.actor
            )
        )
    answer = empty_answer()
    answer.del_cookie(
        access.cookie_name(call.request),
        path="/",
        secure=call.request.secure,
        httponly=True,
        samesite="Strict",
    )
    return answer


@OPERATIONS.operation(
    "whoAmI",
    "GET",
    "/whoami",
    role=Role.ANYONE,
    summary="Who the caller is to this Manager",
    answers=[ok(WhoAmI, "Also whether people have to log in at all.")],
)
async def who_am_i(call: Call) -> web.StreamResponse:
    answer = json_answer(_who(call, call.service.access.identify(call.request)))
    answer.headers["Cache-Control"] = "no-store"
    return answer


@OPERATIONS.operation(
    "changeOwnPassword",
    "POST",
    "/whoami/password",
    role=Role.VIEWER,
    summary="Change one's own password",
    body=Body(json=PasswordChange),
    answers=[
        no_content("Changed; all other sessions of the same person have ended."),
        Answer(status=401, description="The current password is wrong."),
        Answer(status=409, description="The caller has no account."),
        _TOO_MANY,
    ],
)
async def change_own_password(call: Call) -> web.StreamResponse:
    await call.service.accounts.change_password(
        call.caller, call.body(PasswordChange), address=call.request.remote or ""
    )
    return empty_answer()


def _who(call: Call, caller: Caller) -> WhoAmI:
    access = call.service.access
    return WhoAmI(
        authentication=call.service.config.authentication.value,
        kind=caller.kind,
        name=caller.name or None,
        role=access.role_of(caller),
        actor=caller.actor.name,
        sensitive_refusal=access.why_not_sensitive(call.request, caller) or None,
    )
