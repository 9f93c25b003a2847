"""What admins do with accounts."""

from __future__ import annotations

from aiohttp import web

from flamenco_core.model import (
    CreatedToken,
    NewPassword,
    NewToken,
    NewUser,
    User,
    UserChange,
    UserList,
)
from flamenco_core.rules.accounts import refusal_of_last_admin, user_choices
from manager_service.api.tokens import created
from manager_service.json_answers import empty_answer, json_answer
from manager_service.routing import (
    TEXT,
    Answer,
    Body,
    Call,
    OperationTable,
    Role,
    in_path,
    no_content,
    ok,
)

OPERATIONS = OperationTable("accounts")

NAME = in_path("name", TEXT, "The name of a user.")

_NO_SUCH_USER = Answer(status=404, description="There is no such user.")
_LAST_ADMIN = Answer(status=409, description="Nobody would be left who could look after accounts.")


@OPERATIONS.operation(
    "fetchUsers",
    "GET",
    "/users",
    role=Role.ADMIN,
    summary="All users",
    answers=[ok(UserList, "By name, each with what may be done with it.")],
)
async def fetch_users(call: Call) -> web.StreamResponse:
    users = await call.service.readers.read(lambda reader: reader.users())
    admins = [user["name"] for user in users if user["role"] == "admin" and not user["is_disabled"]]
    only = admins[0] if call.service.access.has_accounts and len(admins) == 1 else ""
    for user in users:
        user["actions"] = user_choices(
            is_disabled=user["is_disabled"],
            last_admin=refusal_of_last_admin(only) if user["name"] == only else "",
        )
    return json_answer({"users": users})


@OPERATIONS.operation(
    "addUser",
    "POST",
    "/users",
    role=Role.ADMIN,
    is_sensitive=True,
    summary="Make an account",
    body=Body(json=NewUser),
    answers=[ok(User, "The user."), Answer(status=409, description="The name is in use.")],
)
async def add_user(call: Call) -> web.StreamResponse:
    new, actor = call.body(NewUser), call.actor
    password_hash = await call.service.accounts.hashed(new.password, name=new.name)
    user = await call.service.farm.run(
        lambda manager: manager.add_user(new.name, new.role, password_hash, actor=actor)
    )
    return json_answer(user)


@OPERATIONS.operation(
    "changeUser",
    "PUT",
    "/users/{name}",
    role=Role.ADMIN,
    is_sensitive=True,
    summary="Change a user's role, disable or enable the account",
    parameters=[NAME],
    body=Body(json=UserChange),
    answers=[ok(User, "The user, changed."), _NO_SUCH_USER, _LAST_ADMIN],
)
async def change_user(call: Call) -> web.StreamResponse:
    """Counts at once, also for what is open. Disabling ends all sessions."""
    name, change, actor = call.value(NAME), call.body(UserChange), call.actor
    user = await call.service.farm.run(
        lambda manager: manager.change_user(name, change, actor=actor)
    )
    return json_answer(user)


@OPERATIONS.operation(
    "deleteUser",
    "DELETE",
    "/users/{name}",
    role=Role.ADMIN,
    is_sensitive=True,
    summary="Delete an account",
    parameters=[NAME],
    answers=[no_content("Gone, with all sessions and tokens."), _NO_SUCH_USER, _LAST_ADMIN],
)
async def delete_user(call: Call) -> web.StreamResponse:
    name, actor = call.value(NAME), call.actor
    await call.service.farm.run(lambda manager: manager.delete_user(name, actor=actor))
    return empty_answer()


@OPERATIONS.operation(
    "resetPassword",
    "POST",
    "/users/{name}/password",
    role=Role.ADMIN,
    is_sensitive=True,
    summary="Give a user another password",
    parameters=[NAME],
    body=Body(json=NewPassword),
    answers=[no_content("Changed; all sessions of the user have ended."), _NO_SUCH_USER],
)
async def reset_password(call: Call) -> web.StreamResponse:
    """Tokens of the user stay; they are revoked one by one."""
    name, actor = call.value(NAME), call.actor
    password_hash = await call.service.accounts.hashed(call.body(NewPassword).password, name=name)
    await call.service.farm.run(
        lambda manager: manager.set_password(name, password_hash, actor=actor)
    )
    return empty_answer()


@OPERATIONS.operation(
    "addTokenForUser",
    "POST",
    "/users/{name}/tokens",
    role=Role.ADMIN,
    is_sensitive=True,
    summary="Make a token for somebody else",
    parameters=[NAME],
    body=Body(json=NewToken),
    answers=[ok(CreatedToken, "The token, and its secret this once."), _NO_SUCH_USER],
)
async def add_token_for_user(call: Call) -> web.StreamResponse:
    """With at most the user's role. For accounts of machines, mostly: people make their own."""
    name = call.value(NAME).strip().lower()
    user = await call.service.readers.read(lambda reader: reader.existing_user(name))
    return await created(call, call.body(NewToken), own_role=user.role, owner=user.name)
