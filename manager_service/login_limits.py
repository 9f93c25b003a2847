"""How often somebody may try passwords: each failure of an account or an address delays the next.

An attempt counts as failed from its beginning until it has succeeded, so that many at the same
moment are not a way around it. Nothing tells accounts that exist from names that do not.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from flamenco_core.errors import Problem
from manager_service.problem_answers import HttpRefusal

_MOST_REMEMBERED = 10_000
"""Accounts and addresses; the one that failed longest ago is forgotten first."""

_V6_NETWORK_BITS = 64
"""Whoever has one address of a network of this size usually has all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How failures of one account or address are answered."""

    free: int
    """So many come without any delay."""
    longest: float
    """Seconds to which the delay doubles, from one second."""
    forgotten_after: float
    """Seconds without a failure after which nothing counts any more."""

    def delay_after(self, failures: int) -> float:
        """Seconds before the next attempt."""
        beyond = failures - self.free
        return 0.0 if beyond < 0 else min(self.longest, 2.0 ** min(beyond, 60))


# The delay of an account is short, or strangers could keep its owner out. Many people may share an
# address behind a proxy or a gateway.
OF_ACCOUNTS = Allowance(free=5, longest=60, forgotten_after=3600)
OF_ADDRESSES = Allowance(free=20, longest=900, forgotten_after=3600)


@dataclass(slots=True)
class _Record:
    failures: int
    last: float


class LoginLimits:
    """Attempts of the last while, by account and by address. For the event loop only."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._records: OrderedDict[tuple[str, str], _Record] = OrderedDict()

    def attempt(self, address: str, account: str = "") -> None:
        """Notes an attempt, which fails unless `succeeded` follows.

        Raises:
            HttpRefusal: 429 with `Retry-After`, if it comes too soon; it is not noted then.
        """
        keys = _keys(address, account)
        wait = max(self._wait(*key) for key in keys)
        if wait > 0:
            raise _too_many(wait)
        for key, _ in keys:
            record = self._records.pop(key, None) or _Record(0, 0.0)
            record.failures += 1
            record.last = self._clock()
            self._records[key] = record
        while len(self._records) > _MOST_REMEMBERED:
            self._records.popitem(last=False)

    def succeeded(self, address: str, account: str = "") -> None:
        """Takes an attempt back; of the account, all failures are forgotten."""
        for key, _ in _keys(address, account):
            record = self._records.get(key)
            if record is not None:
                record.failures -= 1
                if record.failures <= 0 or key[0] == "account":
                    del self._records[key]

    def __len__(self) -> int:
        return len(self._records)

    def _wait(self, key: tuple[str, str], allowance: Allowance) -> float:
        record = self._records.get(key)
        if record is None:
            return 0.0
        age = self._clock() - record.last
        if age > allowance.forgotten_after:
            del self._records[key]
            return 0.0
        return allowance.delay_after(record.failures) - age


def _keys(address: str, account: str) -> list[tuple[tuple[str, str], Allowance]]:
    keys = [(("address", _network(address)), OF_ADDRESSES)]
    if account:
        keys.append((("account", account), OF_ACCOUNTS))
    return keys


def _network(address: str) -> str:
    """What counts as one address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), _V6_NETWORK_BITS), strict=False))


def _too_many(wait: float) -> HttpRefusal:
    seconds = math.ceil(wait)
    return HttpRefusal(
        429,
        f"Too many failed attempts; try again in {seconds} s",
        problems=[
            Problem("", "too many failed attempts", "an admin can set a new password meanwhile")
        ],
        headers={"Retry-After": str(seconds)},
    )
