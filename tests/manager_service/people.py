"""A farm with accounts, and what people show to be let in."""

from __future__ import annotations

import hashlib
import sqlite3
from functools import cache
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from flamenco_core.config import Authentication
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import NewToken, UserRole
from manager_service.login_limits import LoginLimits
from manager_service.passwords import Passwords
from tests.manager_service.running_manager import Reply, RunningManager

PASSWORD = "correct horse battery staple"


QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""Good for tests only: with the real one, each login takes a tenth of a second and more."""


@cache
def password_hash() -> str:
    """Of `PASSWORD`, computed once for all tests."""
    return QUICK_HASHER.hash(PASSWORD)


def add_people(home: Path, **roles: str) -> None:
    """Makes accounts on a farm that is not running: names and roles; the password is the same."""
    with Manager.open(home / "flamenco-manager.sqlite") as farm:
        for name, role in roles.items():
            farm.add_user(name, UserRole(role), password_hash(), actor=MANAGER)


def add_token(home: Path, owner: str, role: str, *, is_service: bool = False) -> str:
    """Makes a token on a farm that is not running; returns its secret."""
    secret = f"flamenco_{owner}-{role}-{is_service}"
    with Manager.open(home / "flamenco-manager.sqlite") as farm:
        farm.add_token(
            NewToken(name=f"token of {owner}", is_service=is_service),
            role=UserRole(role),
            made_by=owner,
            secret_hash=hashlib.sha256(secret.encode()).hexdigest(),
            actor=MANAGER,
        )
    return secret


class GuardedManager(RunningManager):
    """A running Manager that people have to log in to."""

    def __init__(self, home: Path, **settings: Any) -> None:
        super().__init__(home, authentication=Authentication.LOCAL, **settings)
        self.server.service.accounts.passwords = Passwords(QUICK_HASHER)

    def log_in(self, name: str, password: str = PASSWORD, **more: Any) -> Reply:
        return self.post("/login", {"name": name, "password": password}, **more)

    def session(self, name: str, password: str = PASSWORD) -> dict[str, str]:
        """The headers of a browser in which somebody has logged in."""
        reply = self.log_in(name, password)
        assert reply.status == 200, reply
        return {"Cookie": cookie_pair(reply)}

    def sql(self, statement: str, *parameters: Any) -> list[Any]:
        """Looks into the farm's file, or moves times in it, behind the Manager's back."""
        db = sqlite3.connect(self.config.database_file, timeout=20)
        try:
            with db:
                return db.execute(statement, parameters).fetchall()
        finally:
            db.close()


def stop_the_clock_of_logins(manager: RunningManager) -> None:
    """Who has to wait after failures waits for ever, however long the machine pauses meanwhile."""
    manager.server.service.accounts.limits = LoginLimits(lambda: 0.0)


def cookie_pair(reply: Reply) -> str:
    """What a browser would send back of the cookie in an answer."""
    name, morsel = next(iter(SimpleCookie(reply.headers["Set-Cookie"]).items()))
    return f"{name}={morsel.value}"


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}
