"""Lets this Manager be found, in all the ways there are, while it runs."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from manager_service.discovery.device import Device
from manager_service.discovery.mdns_service import MdnsService
from manager_service.discovery.ssdp_responder import SsdpResponder
from manager_service.listen_address import ListenAddress
from manager_service.own_urls import IpInterface, own_interfaces

logger = logging.getLogger(__name__)

_STOPPING_SECONDS = 3


class Announcer:
    """Never fails: a farm works without being found, and the log says what does not."""

    def __init__(self, device: Device, listen: ListenAddress, interfaces: Sequence[str]) -> None:
        """`interfaces` are addresses of this machine in the networks where it can be found."""
        v4 = [address for address in interfaces if ":" not in address]
        self._ssdp = SsdpResponder(device, v4, is_local=is_in_our_networks)
        self._mdns = MdnsService(device, listen, interfaces)
        self._tasks: list[asyncio.Task[None]] = []
        self.problems: dict[str, str] = {}
        """By protocol, why it does not work."""

    def start(self) -> None:
        """Goes on in the background: others on the network are asked, which takes a second."""
        for name, starting in (("SSDP", self._ssdp.start()), ("mDNS", self._mdns.start())):
            self._tasks.append(asyncio.create_task(self._try(name, starting), name=name))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for name, stopping in (("SSDP", self._ssdp.stop()), ("mDNS", self._mdns.stop())):
            try:
                async with asyncio.timeout(_STOPPING_SECONDS):
                    await stopping
            except (OSError, TimeoutError) as error:
                logger.debug("Saying good-bye over %s failed: %s", name, error)

    async def _try(self, name: str, starting: Coroutine[Any, Any, None]) -> None:
        try:
            await starting
        except OSError as error:
            self.problems[name] = str(error)
            logger.warning("Workers do not find this Manager over %s: %s", name, error)
        except Exception as error:
            self.problems[name] = f"{type(error).__name__}: {error}"
            logger.exception("Workers do not find this Manager over %s", name)


def is_in_our_networks(address: str) -> bool:
    """Whether it is an address of a network that this machine is in."""
    return any(_holds(interface, address) for interface in own_interfaces())


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
