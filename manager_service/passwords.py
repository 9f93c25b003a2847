"""Passwords to Argon2 hashes and back to yes or no, on a thread: each takes a tenth of a second."""

from __future__ import annotations

import asyncio
import base64
import secrets
from functools import cached_property
from typing import TYPE_CHECKING

from flamenco_core.errors import Unavailable
from flamenco_core.rules.accounts import LONGEST_PASSWORD, normal_password
from manager_service.threads import Threads

if TYPE_CHECKING:
    from argon2 import PasswordHasher

_MOST_WAITING = 30
"""Passwords that may wait to be checked. Whoever sends more keeps others out at most for the time
that these take, and not for ever."""


class Passwords:
    """Hashes one password at a time: each needs 64 MiB while it is computed."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """`hasher` takes the place of `new_hasher()`."""
        self._given_hasher = hasher
        self._threads = Threads("passwords", 1)
        self._waiting = 0

    async def hashed(self, password: str) -> str:
        """The hash to store. Raises `Unavailable` if too many wait."""
        self._enter()
        try:
            return await self._threads.run(lambda: hash_password(password, self._hasher))
        finally:
            self._waiting -= 1

    async def is_right(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Whether a password fits a stored hash, and a new hash if the stored one is too weak.

        Without a stored hash (no such user) the answer is no, after the same work.

        Raises:
            Unavailable: if too many wait.
        """
        self._enter()
        try:
            return await self._threads.run(lambda: self._check(password, stored))
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.close)

    def _enter(self) -> None:
        if self._waiting >= _MOST_WAITING:
            raise Unavailable("Too many people are logging in at this moment")
        self._waiting += 1

    @cached_property
    def _hasher(self) -> PasswordHasher:
        return self._given_hasher or new_hasher()

    @cached_property
    def _nobodys(self) -> str:
        """What an unknown user's password is checked against, to take as long as a known one's.

        It looks like a hash, but is of no password: computing one would take time once more.
        """
        of = self._hasher
        salt, digest = (_unpadded(secrets.token_bytes(n)) for n in (of.salt_len, of.hash_len))
        costs = f"m={of.memory_cost},t={of.time_cost},p={of.parallelism}"
        return f"$argon2id$v=19${costs}${salt}${digest}"

    def _check(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        from argon2.exceptions import InvalidHashError, VerificationError

        password = normal_password(password)
        if len(password) > LONGEST_PASSWORD:
            password, stored = "", None
        try:
            self._hasher.verify(stored or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False, None
        if stored is None:
            return False, None
        is_weak = self._hasher.check_needs_rehash(stored)
        return True, self._hasher.hash(password) if is_weak else None


def _unpadded(content: bytes) -> str:
    return base64.b64encode(content).decode().rstrip("=")


def new_hasher() -> PasswordHasher:
    """Argon2id with the second recommended option of RFC 9106: 64 MiB, three passes."""
    from argon2 import PasswordHasher
    from argon2.profiles import RFC_9106_LOW_MEMORY

    return PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


def hash_password(password: str, hasher: PasswordHasher | None = None) -> str:
    """The hash to store of a password that was found good; takes a tenth of a second."""
    return (hasher or new_hasher()).hash(normal_password(password))
