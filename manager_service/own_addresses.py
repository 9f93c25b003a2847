"""Keeps web pages of others from using a Manager by way of a browser that may.

A page of any site may make a browser ask for `http://manager:8080/`. What the browser then sends
names the page in `Origin`. A page can hide that by letting its own site's name lead to the
Manager's address (DNS rebinding); then the browser says that name in `Host`. So browsers are
answered only by names that are this Manager's own. An IP address cannot be made to lead elsewhere.
Programs such as workers have no pages of others in them, and may use any name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from aiohttp import hdrs

from flamenco_core.errors import Problem
from manager_service.problem_answers import HttpRefusal

_SITE = "Sec-Fetch-Site"
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})
"""What browsers say there of pages that are not of the very same address."""

_MOST_REMEMBERED = 1000
"""Values of `Host` that were found to be good; each is looked into once."""


class OwnAddresses:
    """What this Manager may be called in requests: IP addresses, `localhost`, this machine's own
    host name with and without its domain or `.local`, and the hosts of `urls`.
    """

    def __init__(self, urls: Iterable[str]) -> None:
        self._origins: set[str] = set()
        self._names = {"localhost", *_forms(socket.gethostname())}
        self._good_hosts: set[str] = set()
        self._knows_domain = False
        self.learn(urls)

    def learn(self, urls: Iterable[str]) -> None:
        """From now on the Manager may be called by the hosts of these, too."""
        for part in map(urlsplit, urls):
            if part.hostname:
                self._origins.add(f"{part.scheme}://{part.netloc.lower()}")
                self._names.add(_plain(part.hostname))

    async def refuse_foreign(self, headers: Mapping[str, str], *, is_safe: bool = False) -> None:
        """Raises `HttpRefusal` (403) for what a page of another site had a browser send.

        `is_safe` requests change nothing: people may follow a link to them from anywhere.
        """
        if not _is_of_a_browser(headers):
            return
        host = headers.get(hdrs.HOST, "")
        if host and host not in self._good_hosts:
            await self._look_into(host)
        origin = headers.get(hdrs.ORIGIN)
        if origin is not None and not self._is_own(origin, host):
            raise HttpRefusal(
                403,
                f"Web pages of {origin} may not use this Manager",
                problems=[
                    Problem(
                        "header Origin",
                        f"the page is of {origin}, the Manager is {host}",
                        "use the Manager's own pages; behind a proxy, set own_url",
                    )
                ],
            )
        if origin is None and not is_safe and headers.get(_SITE) in _FOREIGN_SITES:
            raise HttpRefusal(
                403,
                "Web pages of other sites may not use this Manager",
                problems=[
                    Problem(
                        f"header {_SITE}",
                        "the browser says that a page of another site sends this",
                        "use the Manager's own pages",
                    )
                ],
            )

    def _is_own(self, origin: str, host: str) -> bool:
        origin = origin.lower()
        return origin.partition("://")[2] == host.lower() or origin in self._origins

    async def _look_into(self, host: str) -> None:
        name = host_name(host)
        if not _is_ip_address(name) and name not in self._names:
            await self._learn_domain()
            if name not in self._names:
                raise HttpRefusal(
                    403,
                    f"This Manager does not go by the name {name}",
                    problems=[
                        Problem(
                            "header Host",
                            f"{name} is not a name of this Manager",
                            "use its IP address or host name, or set own_url to the address "
                            "that is used",
                        )
                    ],
                )
        if len(self._good_hosts) < _MOST_REMEMBERED:
            self._good_hosts.add(host)

    async def _learn_domain(self) -> None:
        """Asks the network for this machine's full name, once: the answer can take seconds."""
        if not self._knows_domain:
            self._names |= _forms(await asyncio.to_thread(socket.getfqdn))
            self._knows_domain = True


def _is_of_a_browser(headers: Mapping[str, str]) -> bool:
    """Browsers name the page with whatever could change something, and themselves always."""
    return (
        hdrs.ORIGIN in headers or _SITE in headers or "Mozilla/" in headers.get(hdrs.USER_AGENT, "")
    )


def _forms(name: str) -> set[str]:
    """A machine's name as it is, its first part alone, and that with `.local`."""
    name = _plain(name)
    if not name or _is_ip_address(name):
        return set()
    first = name.partition(".")[0]
    return {name, first, f"{first}.local"}


def _plain(name: str) -> str:
    return name.lower().rstrip(".")


def host_name(host: str) -> str:
    """The name or address in a `Host` header, without the port."""
    if host.startswith("["):
        return _plain(host[1:].partition("]")[0])
    return _plain(host.partition(":")[0])


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
