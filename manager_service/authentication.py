"""Who asks: workers say it with HTTP Basic, people with a session or a token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from flamenco_core.errors import NotAllowed
from flamenco_core.manager import Actor
from flamenco_core.model import CallerKind, UserRole
from manager_service.secrets_of_callers import (
    TOKEN_PREFIX,
    basic_credentials,
    bearer_token,
    stored_form,
)

if TYPE_CHECKING:
    from flamenco_core.store.reader import FarmReader


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, and what they may do."""

    kind: CallerKind
    actor: Actor
    """Who changes are put down to."""
    name: str = ""
    """Of the person, service or worker."""
    role: UserRole | None = None
    """None: nothing that needs a role of people."""
    session: str = ""
    """The stored form of the session's secret, if it was by a session that they are known."""
    use: Use | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """That a session or a token was used, for when its last use is stored."""

    key: int
    is_session: bool
    created: datetime | None
    last: datetime | None


def authenticated_worker(header: str, farm: FarmReader) -> str:
    """The UUID of the worker whose credentials stand in an `Authorization` header.

    Raises:
        NotAllowed: if there are none, or they are wrong. An unknown worker is refused like one
            with a wrong secret.
    """
    credentials = basic_credentials(header)
    if credentials is None:
        raise NotAllowed("Only workers may do this, with the UUID and secret they registered with")
    name, secret = credentials
    worker_id = name.lower()
    if not farm.worker_is(worker_id, secret):
        raise NotAllowed("There is no such worker, or its secret is wrong; register again")
    return worker_id


def caller_by_token(header: str, farm: FarmReader, now: datetime) -> Caller | None:
    """Whose token stands in an `Authorization` header; None if it counts for nobody."""
    secret = bearer_token(header)
    if not secret.startswith(TOKEN_PREFIX):
        return None
    token = farm.token(stored_form(secret), now=now)
    if token is None:
        return None
    use = Use(token.id, is_session=False, created=None, last=token.used)
    if token.user is None:
        return Caller(
            CallerKind.SERVICE, Actor.service(token.name), token.name, token.role, use=use
        )
    return Caller(CallerKind.PERSON, Actor.person(token.user), token.user, token.role, use=use)


def caller_by_session(secret: str, farm: FarmReader, now: datetime) -> Caller | None:
    """Whose session a cookie belongs to; None if it is over, or nobody's."""
    key = stored_form(secret)
    session = farm.session(key, now=now)
    if session is None:
        return None
    return Caller(
        CallerKind.PERSON,
        Actor.person(session.user),
        session.user,
        session.role,
        session=key,
        use=Use(session.id, is_session=True, created=session.created, last=session.used),
    )
