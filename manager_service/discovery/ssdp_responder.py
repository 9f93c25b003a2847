"""Answers SSDP searches, and says when the Manager comes and goes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from email.utils import formatdate
from typing import cast

from flamenco_core.client import ssdp
from manager_service.discovery.device import Device

logger = logging.getLogger(__name__)

MAX_AGE = timedelta(hours=1)
"""How long others may remember what they were told."""
_NOTICE_PERIOD = MAX_AGE / 3
_HOPS = 2
_LONGEST_DELAY = 0.2
"""Seconds. All devices in a network answer the same question, so each waits a little; but workers
of Flamenco 3 take whoever is first, and people wait for them."""
_MOST_PENDING = 100
"""Answers that are not sent yet; more searches than that are not answered."""
_ROOT_DEVICE = "upnp:rootdevice"
_ALL = "ssdp:all"
_IP_MULTICAST_ALL = 49
"""Linux: whether a socket hears of groups that only others have joined. Python has no name for it.
"""


class SsdpResponder(asyncio.DatagramProtocol):
    """Listens on the networks of `interfaces` (IPv4 addresses of this machine)."""

    def __init__(
        self,
        device: Device,
        interfaces: Sequence[str],
        *,
        is_local: Callable[[str], bool],
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`is_local` says whether an address is in our networks: nobody else is answered, or the
        answers could be made to flood a stranger who did not ask.
        """
        self._device = device
        self._interfaces = interfaces
        self._is_local = is_local
        self._chance = chance
        self._transport: asyncio.DatagramTransport | None = None
        self._closed = asyncio.Event()
        self._pending: set[asyncio.TimerHandle] = set()
        self._notices: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises `OSError` if the port is held by a program that does not share it."""
        loop = asyncio.get_running_loop()
        sock = _listening_socket(self._interfaces)
        try:
            await loop.create_datagram_endpoint(lambda: self, sock=sock)
        except BaseException:
            sock.close()
            raise
        self._notices = asyncio.create_task(self._notify_now_and_then(), name="SSDP notices")

    async def stop(self) -> None:
        """Says good-bye."""
        if self._notices is not None:
            self._notices.cancel()
            await asyncio.wait([self._notices])
            self._notices = None
            self._notify("ssdp:byebye")
        for handle in self._pending:
            handle.cancel()
        self._pending.clear()
        if self._transport is not None:
            self._transport.close()
            self._transport = None
            await self._closed.wait()  # only then is the socket closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11 does not derive its own transports from this class.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = ssdp.parse(data)
        if message is None or message.start_line != ssdp.SEARCH:
            return
        if message.headers.get("MAN", "").strip('"') != "ssdp:discover":
            return
        if len(self._pending) >= _MOST_PENDING or not self._is_local(addr[0]):
            return
        answers = list(self._answers(message.headers.get("ST", ""), addr[0]))
        if answers:
            self._send_soon(answers, addr, _seconds(message.headers.get("MX", "")))

    def error_received(self, exc: Exception) -> None:
        """Somebody who asked has gone."""
        logger.debug("SSDP: %s", exc)

    def _send_soon(self, answers: list[bytes], address: tuple[str, int], wait: float) -> None:
        def send() -> None:
            self._pending.discard(handle)
            if self._transport is not None:
                for answer in answers:
                    self._transport.sendto(answer, address)

        delay = min(wait, _LONGEST_DELAY) * self._chance()
        handle = asyncio.get_running_loop().call_later(delay, send)
        self._pending.add(handle)

    def _answers(self, target: str, asker: str) -> Iterator[bytes]:
        urls = self._device.urls(asker)
        for found, usn in self._identities(target):
            # Workers use the first address that answers, so that all of them are named; of those
            # who want anything at all, none wants more than one.
            for url in urls if found == ssdp.SERVICE_TYPE else urls[:1]:
                headers = {
                    **self._headers(url),
                    "ST": found,
                    "USN": usn,
                    "DATE": formatdate(usegmt=True),
                    "EXT": "",
                }
                yield ssdp.Message(ssdp.ANSWER, headers).encode()

    def _identities(self, target: str) -> Iterator[tuple[str, str]]:
        """ST and USN of all that we are and that was asked for. Our own device comes first."""
        own, shared = f"uuid:{self._device.uuid}", f"uuid:{ssdp.SHARED_DEVICE}"
        if target in (_ALL, _ROOT_DEVICE):
            yield _ROOT_DEVICE, f"{own}::{_ROOT_DEVICE}"
        for device in dict.fromkeys((own, shared)):
            if target == device or (target == _ALL and device == own):
                yield device, device
        if target in (_ALL, ssdp.SERVICE_TYPE):
            for device in dict.fromkeys((own, shared)):
                yield ssdp.SERVICE_TYPE, f"{device}::{ssdp.SERVICE_TYPE}"

    def _headers(self, url: str) -> dict[str, str]:
        return {
            "CACHE-CONTROL": f"max-age={int(MAX_AGE.total_seconds())}",
            "LOCATION": f"{url}{ssdp.DESCRIPTION_PATH}",
            "SERVER": self._device.server,
            ssdp.NAME_HEADER: ssdp.encoded_name(self._device.name()),
        }

    async def _notify_now_and_then(self) -> None:
        while True:
            self._notify("ssdp:alive")
            await asyncio.sleep(_NOTICE_PERIOD.total_seconds() * (1 - 0.2 * self._chance()))

    def _notify(self, kind: str) -> None:
        own = f"uuid:{self._device.uuid}"
        for interface in self._interfaces:
            urls = self._device.urls(interface)
            for target in (_ROOT_DEVICE, own, ssdp.SERVICE_TYPE):
                headers = {
                    "HOST": f"{ssdp.GROUP}:{ssdp.PORT}",
                    "NT": target,
                    "NTS": kind,
                    "USN": own if target == own else f"{own}::{target}",
                }
                if kind == "ssdp:alive":
                    headers |= self._headers(urls[0] if urls else "/")
                _multicast(ssdp.Message(ssdp.NOTIFY, headers).encode(), interface)


def _listening_socket(interfaces: Sequence[str]) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "darwin":  # there the other option does not let programs share a group
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sys.platform == "linux":
            sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        sock.bind(("", ssdp.PORT))
        for interface in interfaces:
            member = socket.inet_aton(ssdp.GROUP) + socket.inet_aton(interface)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    except BaseException:
        sock.close()
        raise
    return sock


def _multicast(datagram: bytes, interface: str) -> None:
    """A datagram is handed over at once or not at all, so that this does not block."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        contextlib.suppress(OSError),  # the network has gone, and those in it know
    ):
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _HOPS)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        sock.bind((interface, 0))
        sock.sendto(datagram, (ssdp.GROUP, ssdp.PORT))


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() else 0.0
