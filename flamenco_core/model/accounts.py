"""People's accounts, their tokens, and who somebody is to the Manager."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from flamenco_core.model.actions import ActionChoice


class UserRole(StrEnum):
    """What a person may do; each role may do what those before it may."""

    VIEWER = "viewer"
    """Look."""
    ARTIST = "artist"
    """Submit jobs, and steer them."""
    WRANGLER = "wrangler"
    """Look after the workers."""
    ADMIN = "admin"
    """Look after the Manager itself, and the accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChange:
    current_password: str = field(repr=False)
    new_password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassword:
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    name: str
    """Small and capital letters make no difference."""
    password: str = field(repr=False)
    role: UserRole = UserRole.ARTIST


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """What is to be different; what is absent stays as it is."""

    role: UserRole | None = None
    is_disabled: bool | None = None
    """Nobody can log in to a disabled account, and its tokens are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    name: str
    role: UserRole
    is_disabled: bool
    created: datetime
    last_login: datetime | None = None
    actions: list[ActionChoice] | None = None
    """What admins may do with the account now, and why not the rest; in lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserList:
    users: list[User]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    name: str
    """What it is for, such as the machine or the program that uses it."""
    role: UserRole | None = None
    """At most the role of who makes it, which is what absent means."""
    expires: datetime | None = None
    """Absent: never."""
    is_service: bool = False
    """Of a program rather than a person: stays when people go. Only admins make these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    id: str
    name: str
    role: UserRole
    """Never more than its owner may do at the time of its use."""
    is_service: bool
    owner: str
    """The person it acts for; of a service's token, the admin who made it."""
    created: datetime
    expires: datetime | None = None
    last_used: datetime | None = None
    """To within five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedToken:
    token: Token
    secret: str = field(repr=False)
    """For `Authorization: Bearer …`. It is shown this once; nothing can tell it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenList:
    tokens: list[Token]


class CallerKind(StrEnum):
    """How somebody is known."""

    ANONYMOUS = "anonymous"
    """Not at all."""
    PERSON = "person"
    """By an account."""
    SERVICE = "service"
    """A program, by a token of its own."""
    WORKER = "worker"
    """A worker, by what it registered with."""
    THIS_MACHINE = "this-machine"
    """By the key that only this Manager's own machine and user can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoAmI:
    authentication: str
    """`none`: everybody in the network is trusted. `local`: by accounts of this Manager."""
    kind: CallerKind
    name: str | None = None
    role: UserRole | None = None
    """What the caller may do; absent if nothing without logging in."""
    actor: str | None = None
    """The caller as `submitted_by` of jobs and the audit log name people: `person:ana`, or the
    address of the computer where there are no accounts."""
    sensitive_refusal: str | None = None
    """Why operations marked `x-sensitive` are refused to the caller, whatever their role; absent if
    the role decides."""
