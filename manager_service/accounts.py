"""Logging in and out, and passwords: what takes more than one step between request and farm."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from flamenco_core.config import Authentication, Config
from flamenco_core.errors import Conflict, NotAllowed, Problem
from flamenco_core.manager import Actor
from flamenco_core.model import CallerKind, Login, PasswordChange
from flamenco_core.rules.accounts import LONGEST_NAME, refuse_weak_password
from manager_service.authentication import Caller
from manager_service.login_limits import LoginLimits
from manager_service.passwords import Passwords
from manager_service.problem_answers import HttpRefusal
from manager_service.secrets_of_callers import new_secret, stored_form

if TYPE_CHECKING:
    from manager_service.reading import ReaderPool
    from manager_service.write_thread import WriteThread

logger = logging.getLogger(__name__)


NO_ADMIN = "there is no admin who could log in"
MAKE_ADMIN = "make one with: flamenco-manager user add NAME --role admin"


class Accounts:
    """Checks passwords, at a pace that guessing does not get far with."""

    def __init__(
        self,
        farm: WriteThread,
        readers: ReaderPool,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.passwords = Passwords()
        self.limits = LoginLimits(monotonic)
        self._farm = farm
        self._readers = readers

    async def log_in(self, login: Login, *, address: str, replaced: str) -> tuple[str, str]:
        """Begins a session; returns the user's name and the session's secret.

        `replaced` is the stored form of the secret of a session that ends by it.

        Raises:
            HttpRefusal: 401 if name or password are wrong, which of them is not said; 429 if
                there were too many attempts.
            Unavailable: if too many people log in at the same moment.
        """
        # Cut off: no user has a longer one, and it is remembered for a while.
        name = login.name.strip().lower()[: LONGEST_NAME + 1]
        checked_hash, new_hash = await self._check(name, login.password, address)
        secret = new_secret()
        try:
            await self._farm.run(
                lambda manager: manager.log_in(
                    name,
                    checked_hash=checked_hash,
                    new_hash=new_hash,
                    secret_hash=stored_form(secret),
                    replaced=replaced,
                    address=address,
                    actor=Actor.person(name),
                )
            )
        except NotAllowed:
            raise wrong_login() from None
        logger.info("%s logged in from %s", name, address)
        return name, secret

    async def change_password(
        self, caller: Caller, change: PasswordChange, *, address: str
    ) -> None:
        """Gives callers another password of their own; their other sessions end.

        Raises:
            Conflict: if the caller has no account.
            InvalidInput: if the new password cannot be used.
            HttpRefusal: as `log_in`, if the current password is wrong.
        """
        if caller.kind is not CallerKind.PERSON:
            raise Conflict("There is no account to change the password of; log in first")
        refuse_weak_password(change.new_password, name=caller.name, where="new_password")
        await self._check(caller.name, change.current_password, address)
        new_hash = await self.passwords.hashed(change.new_password)
        await self._farm.run(
            lambda manager: manager.set_password(
                caller.name, new_hash, kept_session=caller.session, actor=caller.actor
            )
        )

    async def hashed(self, password: str, *, name: str) -> str:
        """The hash of a new password; raises `InvalidInput` if it cannot be used."""
        refuse_weak_password(password, name=name.strip().lower())
        return await self.passwords.hashed(password)

    async def objections(self, wanted: Config, running: Config) -> list[Problem]:
        """Why a configuration cannot be taken over: it would shut everybody out."""
        is_new = wanted.authentication is not running.authentication
        if not is_new or wanted.authentication is Authentication.NONE:
            return []
        if await self._readers.read(lambda reader: reader.has_admin()):
            return []
        return [Problem("authentication", NO_ADMIN, MAKE_ADMIN)]

    async def _check(self, name: str, password: str, address: str) -> tuple[str, str | None]:
        """The stored hash that a password fits, and a better one if it is too weak."""
        self.limits.attempt(address, name)
        user = await self._readers.read(lambda reader: reader.user(name))
        stored = user.password_hash if user else None
        is_right, new_hash = await self.passwords.is_right(password, stored)
        if user is None or not is_right or user.is_disabled:
            # A name that nobody has may be a password that was typed in the wrong field.
            who = name if user else "a user who does not exist"
            logger.warning("A login from %s as %s failed", address, who)
            raise wrong_login()
        self.limits.succeeded(address, name)
        return user.password_hash, new_hash


def wrong_login() -> HttpRefusal:
    """The one answer to every login that fails."""
    what = "the name or the password is wrong, or the account is disabled"
    return HttpRefusal(
        401,
        "The login failed",
        problems=[Problem("", what)],
        headers={"WWW-Authenticate": 'Bearer realm="Flamenco Manager"'},
    )
