"""Finds the Managers of the local network: SSDP, then a question to each that answers.

Blocks for the time it is given. Needs nothing but the standard library, so that the add-on can use
it in Blender's own Python.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from flamenco_core.client import ssdp
from flamenco_core.client.manager_client import ManagerClient
from flamenco_core.errors import FlamencoError

log = logging.getLogger(__name__)

SEARCH_TIME = timedelta(seconds=3)
_AGAIN_SECONDS = 1.0
"""Datagrams get lost, so the question is repeated that often."""
_ASKING_TIME = timedelta(seconds=5)
_MOST_ASKED = 32
_HOPS = 2


@dataclass(frozen=True, slots=True)
class FoundManager:
    """A Manager that answers."""

    url: str
    name: str
    version: str
    farm_id: str
    """The same at each of the farm's addresses; empty for a Manager of Flamenco 3, which has none.
    """

    def __str__(self) -> str:
        return f"{self.name} at {self.url} ({self.version})"


@dataclass(frozen=True, slots=True)
class _Address:
    """An address that some device says it has."""

    url: str
    sender: str
    """Who said so, which tells Managers without an id apart."""


def find_managers(
    *,
    search_time: timedelta = SEARCH_TIME,
    interfaces: Sequence[str] = (),
    also: Iterable[str] = (),
) -> list[FoundManager]:
    """Each farm once, with the first of its addresses that answers; sorted by name.

    `interfaces` are the addresses of this machine to search from, if not all. The Managers at the
    addresses in `also` are found too, if they answer; firewalls often let no search through.
    """
    addresses = dict.fromkeys(_Address(url, url) for url in also)
    addresses |= dict.fromkeys(_search(interfaces, search_time))
    asked = list(addresses)[:_MOST_ASKED]
    with ThreadPoolExecutor(max(len(asked), 1), thread_name_prefix="asking Managers") as pool:
        answers = list(pool.map(_ask, asked))
    found: dict[str, FoundManager] = {}
    for address, manager in zip(asked, answers, strict=True):
        if manager is not None:
            found.setdefault(manager.farm_id or f"at {address.sender}", manager)
    return sorted(found.values(), key=lambda manager: (manager.name, manager.url))


def wait_for_managers(
    *,
    limit: timedelta,
    search: Callable[[], list[FoundManager]] = find_managers,
    pause: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> list[FoundManager]:
    """Searches until there are any, for at most `limit`; `pause` gets seconds."""
    deadline = clock() + limit.total_seconds()
    while True:
        found = search()
        if found or clock() >= deadline:
            return found
        pause(_AGAIN_SECONDS)


def _ask(address: _Address) -> FoundManager | None:
    try:
        with ManagerClient(address.url, timeout=_ASKING_TIME) as client:
            version = client.get_version()
    except FlamencoError as error:
        # What was searched for and has answered ought to be there; of the rest nobody said so.
        log.log(logging.DEBUG if address.sender == address.url else logging.INFO, "%s", error)
        return None
    return FoundManager(address.url, version.name, version.version, version.farm_id or "")


def _search(interfaces: Sequence[str], search_time: timedelta) -> Iterator[_Address]:
    """The addresses in answers, in the order in which they come."""
    deadline = time.monotonic() + search_time.total_seconds()
    question = ssdp.search(wait_seconds=1)
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        sockets = [stack.enter_context(sock) for sock in _sockets(interfaces or _own_addresses())]
        for sock in sockets:
            selector.register(sock, selectors.EVENT_READ, sock)
        ask_at = 0.0
        while (now := time.monotonic()) < deadline:
            if now >= ask_at:
                _send(question, sockets)
                ask_at = now + _AGAIN_SECONDS
            for key, _ in selector.select(max(0.0, min(ask_at, deadline) - now)):
                address = _receive(key.data)
                if address is not None:
                    yield address


def _sockets(interfaces: Iterable[str]) -> Iterator[socket.socket]:
    for interface in interfaces:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _HOPS)
            if interface:
                own = socket.inet_aton(interface)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
            sock.bind((interface, 0))
        except OSError:  # an address that has gone, or that is none of version 4
            sock.close()
        else:
            yield sock


def _own_addresses() -> list[str]:
    """The addresses that the machine's name leads to, before them what the system prefers."""
    addresses = [""]
    with contextlib.suppress(OSError):
        known = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET, socket.SOCK_DGRAM)
        addresses += dict.fromkeys(str(item[4][0]) for item in known)
    return addresses


def _send(question: bytes, sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        with contextlib.suppress(OSError):  # no network there now
            sock.sendto(question, (ssdp.GROUP, ssdp.PORT))


def _receive(sock: socket.socket) -> _Address | None:
    try:
        datagram, (sender, *_) = sock.recvfrom(65536)
    except OSError:
        return None
    message = ssdp.parse(datagram)
    if message is None or message.start_line != ssdp.ANSWER:
        return None
    if message.headers.get("ST") != ssdp.SERVICE_TYPE:
        return None
    url = _base(message.headers.get("LOCATION", ""))
    return _Address(url, str(sender)) if url else None


def _base(location: str) -> str:
    """The address of the Manager whose description is there; empty if that is no address."""
    try:
        parts = urlsplit(location)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname and parts.port != 0)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}/" if is_good else ""
