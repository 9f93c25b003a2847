"""Tokens: what people's programs, and services, show instead of a password."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.errors import Conflict, NotAllowed
from flamenco_core.model import CallerKind, CreatedToken, NewToken, TokenList, UserRole
from flamenco_core.rules.accounts import role_of_new_token
from manager_service.json_answers import empty_answer, json_answer
from manager_service.routing import (
    BOOLEAN,
    UUID,
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    in_path,
    in_query,
    no_content,
    ok,
)
from manager_service.secrets_of_callers import new_token, stored_form

OPERATIONS = OperationTable("accounts")

TOKEN_ID = in_path("token_id", UUID, "The token.")
ALL = in_query(
    "all", BOOLEAN, "Those of everybody, and of services; for admins only.", default=False
)


@OPERATIONS.operation(
    "fetchTokens",
    "GET",
    "/tokens",
    role=Role.VIEWER,
    summary="The caller's tokens",
    parameters=[ALL],
    answers=[ok(TokenList, "Without their secrets, which nobody can tell.")],
)
async def fetch_tokens(call: Call) -> web.StreamResponse:
    service, caller = call.service, call.caller
    owner: str | None = caller.name
    if call.value(ALL):
        if service.access.role_of(caller) is not UserRole.ADMIN:
            raise NotAllowed("The tokens of others are for admins only")
        owner = None
    elif caller.kind is not CallerKind.PERSON:
        return json_answer(TokenList(tokens=[]))
    return json_answer({"tokens": await service.readers.read(lambda reader: reader.tokens(owner))})


@OPERATIONS.operation(
    "addToken",
    "POST",
    "/tokens",
    role=Role.VIEWER,
    is_sensitive=True,
    summary="Make a token",
    body=Body(json=NewToken),
    answers=[
        ok(CreatedToken, "The token, and its secret this once."),
        Answer(status=403, description="The role is too high, or a token was used for this."),
        Answer(status=409, description="The caller has no account."),
    ],
)
async def add_token(call: Call) -> web.StreamResponse:
    """It takes a login: with a token, nobody can make another one that outlives it."""
    caller, new = call.caller, call.body(NewToken)
    if caller.kind is not CallerKind.PERSON and not new.is_service:
        raise Conflict("There is no account that the token could be of; log in first")
    role = call.service.access.role_of(caller) or UserRole.VIEWER
    owner = caller.name or call.request.remote or "unknown"
    return await created(call, new, own_role=role, owner=owner)


@OPERATIONS.operation(
    "revokeToken",
    "DELETE",
    "/tokens/{token_id}",
    role=Role.VIEWER,
    is_sensitive=True,
    summary="Revoke a token",
    parameters=[TOKEN_ID],
    answers=[
        no_content("It counts for nothing from now on."),
        Answer(status=404, description="There is no such token, or it is somebody else's."),
    ],
)
async def revoke_token(call: Call) -> web.StreamResponse:
    """Admins may revoke all tokens, others their own."""
    token_id, caller, actor = call.value(TOKEN_ID), call.caller, call.actor
    is_admin = call.service.access.role_of(caller) is UserRole.ADMIN
    # A service may be called what a user is called, and has no tokens of its own.
    own_name = caller.name if caller.kind is CallerKind.PERSON else ""
    of_user = None if is_admin else own_name
    await call.service.farm.run(
        lambda manager: manager.revoke_token(token_id, of_user=of_user, actor=actor)
    )
    return empty_answer()


async def created(
    call: Call, new: NewToken, *, own_role: UserRole, owner: str
) -> web.StreamResponse:
    """Makes a token with at most `own_role`, and answers with its secret."""
    kind = call.caller.kind
    if kind is CallerKind.SERVICE or (kind is CallerKind.PERSON and not call.caller.session):
        raise NotAllowed("Tokens are made by people who are logged in, not with another token")
    role = role_of_new_token(new.role, own=own_role, is_service=new.is_service)
    secret, actor = new_token(), call.actor
    token = await call.service.farm.run(
        lambda manager: manager.add_token(
            new, role=role, made_by=owner, secret_hash=stored_form(secret), actor=actor
        )
    )
    answer = json_answer(CreatedToken(token=token, secret=secret))
    answer.headers["Cache-Control"] = "no-store"
    return answer
