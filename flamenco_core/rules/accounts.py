"""Accounts: what names and passwords have to be, who may do what, when sessions and tokens end."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta

from flamenco_core.errors import InvalidInput, NotAllowed, Problem, one_problem
from flamenco_core.model.accounts import UserRole
from flamenco_core.model.actions import ActionChoice, UserAction

SHORTEST_PASSWORD = 12
"""Characters."""
LONGEST_PASSWORD = 1024
"""Characters. A longer one is refused, not cut off."""
_FEWEST_DIFFERENT = 4

LONGEST_NAME = 64
_USER_NAME = re.compile(rf"[a-z0-9][a-z0-9._@-]{{0,{LONGEST_NAME - 1}}}")

SESSION_IDLE = timedelta(days=3)
"""A session that nobody used for so long is over: it outlives a weekend."""
SESSION_LIFETIME = timedelta(days=30)
"""So long after the login it is over in any case."""

USE_IS_NOTED_AFTER = timedelta(minutes=5)
"""How old "last used" may become, so that not every request of a session writes."""

_RANKS = {role: rank for rank, role in enumerate(UserRole)}


def may(role: UserRole, needed: UserRole) -> bool:
    """Whether somebody with `role` may do what needs `needed`."""
    return _RANKS[role] >= _RANKS[needed]


def lower_of(one: UserRole, other: UserRole) -> UserRole:
    """What a token with one role may do for an owner with the other."""
    return min(one, other, key=_RANKS.__getitem__)


def user_choices(*, is_disabled: bool, last_admin: str = "") -> list[ActionChoice]:
    """What admins may do with an account now; `last_admin` says why it must stay an admin's."""
    refusals = dict.fromkeys(UserAction, "")
    if last_admin:
        stays = (UserAction.SET_ROLE, UserAction.DISABLE, UserAction.DELETE)
        refusals.update(dict.fromkeys(stays, last_admin))
    if is_disabled:
        refusals[UserAction.DISABLE] = "The account is disabled already"
    else:
        refusals[UserAction.ENABLE] = "The account is not disabled"
    return [
        ActionChoice(action=action, is_possible=not reason, reason=reason or None)
        for action, reason in refusals.items()
    ]


def refusal_of_last_admin(name: str) -> str:
    """Why the account of the one admin who can log in stays as it is while accounts are in use."""
    return f"{name!r} is the only admin who can log in; make somebody else an admin first"


def user_name(text: str) -> str:
    """A user's name as it is stored and compared. Raises `InvalidInput`."""
    name = text.strip().lower()
    if not _USER_NAME.fullmatch(name):
        raise one_problem(
            "name",
            f"{text[:LONGEST_NAME]!r} cannot be the name of a user",
            f"use up to {LONGEST_NAME} letters from a to z, digits, and . _ @ -, "
            "with a letter or a digit first",
        )
    return name


def token_name(text: str) -> str:
    """What a token is called. Raises `InvalidInput`."""
    name = text.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise one_problem(
            "name", "a token needs a name", f"say in up to {LONGEST_NAME} characters what it is for"
        )
    return name


def normal_password(password: str) -> str:
    """The same for every keyboard and system, which spell some letters in different ways."""
    return unicodedata.normalize("NFC", password)


def refuse_weak_password(password: str, *, name: str, where: str = "password") -> None:
    """Raises `InvalidInput` with all that is wrong with a new password; never with itself."""
    password = normal_password(password)
    problems = []
    if len(password) < SHORTEST_PASSWORD:
        what = f"the password has fewer than {SHORTEST_PASSWORD} characters"
        problems.append(Problem(where, what, "several words make a good one"))
    elif len(set(password)) < _FEWEST_DIFFERENT:
        problems.append(Problem(where, "the password repeats too few different characters"))
    if len(password) > LONGEST_PASSWORD:
        what = f"the password has more than {LONGEST_PASSWORD} characters"
        problems.append(Problem(where, what))
    if password.strip().lower() == name:
        problems.append(Problem(where, "the password is the name of the user"))
    if problems:
        raise InvalidInput("This password cannot be used", problems=problems)


def role_of_new_token(wanted: UserRole | None, *, own: UserRole, is_service: bool) -> UserRole:
    """The role of a token that somebody with the role `own` makes.

    Raises:
        NotAllowed: if it would be more than its maker has, or is for a service and its maker no
            admin.
    """
    if is_service and own is not UserRole.ADMIN:
        raise NotAllowed(f"Tokens of services are made by admins only; your role is {own}")
    role = wanted or own
    if not may(own, role):
        raise NotAllowed(f"A token cannot have the role {role}, since your own is {own} only")
    return role


def session_end(*, created: datetime, used: datetime) -> datetime:
    """When a session is over that is not used again."""
    return min(created + SESSION_LIFETIME, used + SESSION_IDLE)
