"""Lets this Manager be found, in all the ways there are, while it runs."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

from manager_service.discovery.device import Device
from manager_service.discovery.mdns_service import MdnsService
from manager_service.discovery.ssdp_responder import SsdpResponder
from manager_service.listen_address import ListenAddress
from manager_service.own_urls import IpInterface, own_interfaces

logger = logging.getLogger(__name__)

LOOKING_PERIOD = timedelta(seconds=30)
"""How often it is looked whether the machine has other addresses now, or a port has become free."""
_STOPPING_SECONDS = 3


class Way(Protocol):
    """One protocol by which others find the Manager."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Announcer:
    """Never fails: a farm works without being found, and the log says what does not.

    Follows the addresses of the machine, which may get its network after the Manager has started.
    """

    def __init__(
        self,
        device: Device,
        listen: ListenAddress,
        interfaces: Callable[[], list[str]],
        networks: Callable[[], Sequence[IpInterface]] = own_interfaces,
    ) -> None:
        """`interfaces` tells the addresses of this machine in the networks where the Manager is
        to be found, now; it is asked on a thread, since some systems take long to tell.
        `networks` are all that this machine is in, as far as is known without looking.
        """
        self._device = device
        self._listen = listen
        self._interfaces = interfaces
        self._networks = networks
        self._working: dict[str, Way] = {}
        self._task: asyncio.Task[None] | None = None
        self.problems: dict[str, str] = {}
        """By protocol, why it does not work."""

    def start(self) -> None:
        """Goes on in the background: others on the network are asked, which takes a second."""
        self._task = asyncio.create_task(self._announce(), name="announcing the Manager")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        await self._end()

    async def _announce(self) -> None:
        announced: list[str] = []
        while True:
            try:
                interfaces = await asyncio.to_thread(self._interfaces)
                if interfaces != announced:
                    await self._end()
                    announced = interfaces
                if interfaces:
                    await self._begin(interfaces)
            except Exception as error:  # noqa: BLE001 - systems refuse to tell addresses at times
                logger.warning("What this machine's addresses are is asked again soon: %s", error)
            await asyncio.sleep(LOOKING_PERIOD.total_seconds())

    async def _begin(self, interfaces: list[str]) -> None:
        """Starts what does not work yet."""
        v4 = [address for address in interfaces if ":" not in address]
        ways: dict[str, Way] = {"mDNS": MdnsService(self._device, self._listen, interfaces)}
        if v4:
            ways["SSDP"] = SsdpResponder(self._device, v4, is_local=self._is_in_our_networks)
        for name in ways.keys() - self._working.keys():
            problem = await self._try(name, ways[name])
            if problem and problem != self.problems.get(name):
                logger.warning("Workers do not find this Manager over %s: %s", name, problem)
            self.problems.pop(name, None)
            if problem:
                self.problems[name] = problem

    async def _try(self, name: str, way: Way) -> str:
        """Why it failed; empty if it did not."""
        # Noted first, so that it is ended also if it is interrupted.
        self._working[name] = way
        try:
            await way.start()
        except Exception as error:  # noqa: BLE001 - libraries have errors of their own
            await self._end_one(name)
            return str(error) if isinstance(error, OSError) else repr(error)
        return ""

    def _is_in_our_networks(self, address: str) -> bool:
        return any(_holds(interface, address) for interface in self._networks())

    async def _end(self) -> None:
        for name in list(self._working):
            await self._end_one(name)

    async def _end_one(self, name: str) -> None:
        way = self._working.pop(name)
        try:
            async with asyncio.timeout(_STOPPING_SECONDS):
                await way.stop()
        except Exception as error:  # noqa: BLE001
            logger.debug("Saying good-bye over %s failed: %s", name, error)


def nearest_first(urls: list[str], interfaces: Sequence[IpInterface], asker: str) -> list[str]:
    """Those in the network of whoever asks before the others."""
    own = {str(interface.ip) for interface in interfaces if _holds(interface, asker)}

    def is_far(url: str) -> bool:
        return not any(f"//{ip}:" in url or f"//[{ip}]:" in url for ip in own)

    return sorted(urls, key=is_far)


def _holds(interface: IpInterface, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in interface.network
    except ValueError:  # nobody special
        return False
