"""Accounts of people, their logins and tokens: what is decided about them.

Secrets come here as hashes only. Whoever calls has looked whether a password is right, which takes
too long to be done here.
"""

from __future__ import annotations

from flamenco_core import wire
from flamenco_core.config import Authentication
from flamenco_core.errors import Conflict, NotAllowed, NotFound, one_problem
from flamenco_core.events import AccessChanged, AccountsChanged
from flamenco_core.manager.unit import Unit
from flamenco_core.model.accounts import NewToken, Token, User, UserChange, UserRole
from flamenco_core.rules import accounts as rules
from flamenco_core.store import saved_queries, sessions, tokens, users
from flamenco_core.store.audit import Actor
from flamenco_core.store.users import StoredUser


def add_user(unit: Unit, name: str, role: UserRole, password_hash: str) -> User:
    """Raises `Conflict` if there is one with this name already."""
    name = rules.user_name(name)
    if not users.add(unit.db, name=name, role=role, password_hash=password_hash, now=unit.now):
        raise Conflict(f"There is a user {name!r} already")
    unit.audit("user.add", _subject(name), role=role.value)
    unit.announce(AccountsChanged(users=True))
    return user(unit, name)


def change_user(unit: Unit, name: str, change: UserChange) -> User:
    """Raises `Conflict` if no admin would be left."""
    stored = users.by_name(unit.db, rules.user_name(name))
    role = change.role or stored.role
    is_disabled = stored.is_disabled if change.is_disabled is None else change.is_disabled
    if role is not UserRole.ADMIN or is_disabled:
        _refuse_last_admin(unit, stored)
    users.change(unit.db, stored.id, role=role, is_disabled=is_disabled)
    if is_disabled:
        sessions.end_all(unit.db, stored.id)
    unit.audit("user.change", _subject(stored.name), role=role.value, is_disabled=is_disabled)
    unit.announce(AccessChanged())
    unit.announce(AccountsChanged(users=True))
    return user(unit, stored.name)


def set_password(unit: Unit, name: str, password_hash: str, *, kept_session: str) -> None:
    """Ends all sessions of the user, but the one with this hash."""
    stored = users.by_name(unit.db, rules.user_name(name))
    users.set_password(unit.db, stored.id, password_hash)
    sessions.end_all(unit.db, stored.id, but=kept_session)
    unit.audit("user.password", _subject(stored.name))
    unit.announce(AccessChanged())


def delete_user(unit: Unit, name: str) -> None:
    """Raises `Conflict` if no admin would be left."""
    stored = users.by_name(unit.db, rules.user_name(name))
    _refuse_last_admin(unit, stored)
    users.delete(unit.db, stored.id)
    # Somebody else may get this name one day.
    saved_queries.delete_all(unit.db, Actor.person(stored.name).name)
    unit.audit("user.delete", _subject(stored.name))
    unit.announce(AccessChanged())
    unit.announce(AccountsChanged(users=True, tokens=True))


def log_in(
    unit: Unit,
    name: str,
    *,
    checked_hash: str,
    new_hash: str | None,
    secret_hash: str,
    replaced: str,
    address: str,
) -> None:
    """Begins a session of a user whose password was right when it was checked.

    Raises:
        NotAllowed: if the account was disabled or given another password meanwhile.
    """
    stored = users.find(unit.db, name)
    if stored is None or stored.is_disabled or stored.password_hash != checked_hash:
        raise NotAllowed("This account was changed a moment ago; log in again")
    if new_hash is not None:
        users.set_password(unit.db, stored.id, new_hash)
    if replaced:
        sessions.end(unit.db, replaced)
    ends = rules.session_end(created=unit.now, used=unit.now)
    sessions.add(unit.db, user_id=stored.id, secret_hash=secret_hash, now=unit.now, ends=ends)
    users.logged_in(unit.db, stored.id, now=unit.now)
    unit.audit("user.log-in", _subject(stored.name), address=address)
    unit.announce(AccountsChanged(users=True))


def log_out(unit: Unit, name: str, secret_hash: str, *, is_everywhere: bool) -> None:
    """Ends a session, or all of its user's."""
    if is_everywhere:
        sessions.end_all(unit.db, users.by_name(unit.db, name).id)
    else:
        sessions.end(unit.db, secret_hash)
    unit.audit("user.log-out", _subject(name), is_everywhere=is_everywhere)
    unit.announce(AccessChanged())


def add_token(
    unit: Unit, new: NewToken, *, role: UserRole, made_by: str, secret_hash: str
) -> Token:
    """Makes a token of the user `made_by`, or of a service.

    Raises:
        InvalidInput: if it has no name, or would have expired already.
    """
    name = rules.token_name(new.name)
    if new.expires is not None and new.expires <= unit.now:
        raise one_problem("expires", f"{wire.format_time(new.expires)} is in the past")
    uuid = unit.new_id()
    tokens.add(
        unit.db,
        uuid=uuid,
        user_id=None if new.is_service else users.by_name(unit.db, made_by).id,
        made_by=made_by,
        name=name,
        role=role,
        secret_hash=secret_hash,
        now=unit.now,
        expires=new.expires,
    )
    unit.audit("token.add", uuid, name=name, role=role.value, is_service=new.is_service)
    unit.announce(AccountsChanged(tokens=True))
    return wire.from_json(tokens.shown(unit.db, uuid), Token)


def revoke_token(unit: Unit, uuid: str, *, of_user: str | None) -> None:
    """Raises `NotFound` also for a token of others, if `of_user` says whose it has to be."""
    token = tokens.shown(unit.db, uuid)
    if of_user is not None and (token["is_service"] or token["owner"] != of_user):
        raise NotFound(f"There is no token {uuid}")
    tokens.revoke(unit.db, uuid)
    unit.audit("token.revoke", uuid, name=token["name"], owner=token["owner"])
    unit.announce(AccessChanged())
    unit.announce(AccountsChanged(tokens=True))


def user(unit: Unit, name: str) -> User:
    return wire.from_json(users.shown(unit.db, name), User)


def _refuse_last_admin(unit: Unit, stored: StoredUser) -> None:
    """Nobody could look after the accounts any more. Without accounts in use that is no matter."""
    is_admin = stored.role is UserRole.ADMIN and not stored.is_disabled
    if (
        is_admin
        and unit.config.authentication is Authentication.LOCAL
        and not users.has_admin(unit.db, other_than=stored.id)
    ):
        raise Conflict(rules.refusal_of_last_admin(stored.name))


def _subject(name: str) -> str:
    return f"user:{name}"
