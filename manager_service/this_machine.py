"""Whether a request comes from the Manager's own machine, and from nowhere behind it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from aiohttp import HttpVersion11, hdrs, web

from manager_service.own_addresses import host_name

_MARKS_OF_PROXIES = (
    *(hdrs.FORWARDED, hdrs.X_FORWARDED_FOR, hdrs.X_FORWARDED_HOST, hdrs.X_FORWARDED_PROTO),
    *(hdrs.VIA, "X-Real-IP", "X-Forwarded-Server", "X-Forwarded-Port"),
)


def is_from_this_machine(request: web.BaseRequest, *, proxies: Iterable[str] = ()) -> bool:
    """Whether a program or browser on this machine asks for itself.

    The other end of the connection has to be this machine, whatever headers say, and the name that
    was asked for too: a proxy on this machine passes on the name that its own clients used. Where
    it does not, it leaves other marks, speaks HTTP/1.0, or is one of `proxies` (addresses and
    networks).
    """
    peer = _peer(request)
    if peer is None or not peer.is_loopback:
        return False
    if any(peer in ipaddress.ip_network(proxy, strict=False) for proxy in proxies):
        return False
    if request.version < HttpVersion11 or any(
        mark in request.headers for mark in _MARKS_OF_PROXIES
    ):
        return False
    name = host_name(request.headers.get(hdrs.HOST, ""))
    return name == "localhost" or _is_loopback(name)


def _peer(request: web.BaseRequest) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The other end of the connection itself."""
    transport = request.transport
    peer = transport.get_extra_info("peername") if transport is not None else None
    if not isinstance(peer, tuple):
        return None
    try:
        address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
