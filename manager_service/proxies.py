"""Who really asks, when a reverse proxy passes the request on.

A proxy says in headers who it got a request from, and by which scheme and name. Anybody can send
such headers, so only those of the proxies in `trusted_proxies` count, and of a chain of them only
what they themselves can have seen.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from flamenco_core.errors import Problem
from manager_service.problem_answers import HttpRefusal, answer_for

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware
    from multidict import CIMultiDict, CIMultiDictProxy

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_SCHEMES = ("http", "https")
CLIENT = web.RequestKey("client", str)
"""Under this key the request, as the access log gets it, has the address of who really asks."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from before the proxies; empty where they do not say."""

    client: str
    scheme: str = ""
    host: str = ""


class TrustedProxies:
    """The proxies at these addresses and networks are believed."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def origin(self, request: web.Request) -> Origin | None:
        """None if no trusted proxy passed the request on.

        Raises:
            HttpRefusal: (400) the headers contradict each other, as when a client sends the one
                form to a proxy that only sets the other.
        """
        peer = _address(request.remote or "")
        if peer is None or not self._is_trusted(peer):
            return None
        by_x = self._from_x_headers(request.headers, peer)
        by_standard = self._from_forwarded(request.forwarded, peer)
        if by_x and by_standard and by_x.client != by_standard.client:
            hint = "let the proxy set one of them and clear the other"
            raise HttpRefusal(
                400,
                "The proxy's headers Forwarded and X-Forwarded-For contradict each other",
                problems=[Problem("header Forwarded", "names another client", hint)],
            )
        return by_x or by_standard

    def _from_x_headers(self, headers: CIMultiDictProxy[str], peer: IpAddress) -> Origin | None:
        chain = _listed(headers, hdrs.X_FORWARDED_FOR)
        scheme = _listed(headers, hdrs.X_FORWARDED_PROTO)
        host = _listed(headers, hdrs.X_FORWARDED_HOST)
        if not (chain or scheme or host):
            return None
        client, place = self._client(chain, peer)
        # Of proxies that each add their own, the one counts that the client spoke to.
        place = place if len(scheme) == len(chain) else -1
        return Origin(str(client), _known_scheme(scheme[place:][:1]), host[-1] if host else "")

    def _from_forwarded(
        self, elements: Sequence[Mapping[str, str]], peer: IpAddress
    ) -> Origin | None:
        if not elements:
            return None
        client, element = self._client([item.get("for", "") for item in elements], peer)
        said = elements[element]
        return Origin(str(client), _known_scheme([said.get("proto", "")]), said.get("host", ""))

    def _client(self, chain: Sequence[str], peer: IpAddress) -> tuple[IpAddress, int]:
        """The last one that is no proxy of ours, and its place in the chain.

        Whatever stands before it was sent by it, and may be made up.
        """
        client = peer
        for place in range(len(chain) - 1, -1, -1):
            said = _address(chain[place])
            if said is None:  # `unknown`, or a name that the proxy made up: the proxy it is
                return client, place
            client = said
            if not self._is_trusted(said):
                return client, place
        return client, 0

    def _is_trusted(self, address: IpAddress) -> bool:
        return any(address in network for network in self._networks)


def seeing_through(proxies: TrustedProxies) -> Middleware:
    """A middleware that shows all that follows the request as the first proxy got it."""

    @web.middleware
    async def see_through(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            origin = proxies.origin(request)
        except HttpRefusal as error:
            return answer_for(error, request)
        if origin is None:
            return await handler(request)
        request[CLIENT] = origin.client
        headers: CIMultiDict[str] = request.headers.copy()
        if origin.host:
            headers[hdrs.HOST] = origin.host
        scheme = origin.scheme or request.scheme
        return await handler(request.clone(remote=origin.client, scheme=scheme, headers=headers))

    return see_through


def _listed(headers: CIMultiDictProxy[str], name: str) -> list[str]:
    """The items of a header that may be there several times, each with several."""
    lines = headers.getall(name, [])
    return [item for line in lines for item in (part.strip() for part in line.split(",")) if item]


def _known_scheme(schemes: Sequence[str]) -> str:
    scheme = schemes[0].lower() if schemes else ""
    return scheme if scheme in _SCHEMES else ""


def _address(text: str) -> IpAddress | None:
    """An IP address with or without a port; None if it is none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
