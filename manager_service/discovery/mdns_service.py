"""Names this Manager in the local network's own name service (mDNS, DNS-SD).

Browsers for such services show it under the farm's name; in its texts stand the farm's id and its
address as a whole.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flamenco_core.version import current_version
from manager_service.discovery.device import Device
from manager_service.listen_address import ListenAddress

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncZeroconf

SERVICE_TYPE = "_flamenco._tcp.local."
_LONGEST_NAME = 60
"""Bytes; a label of the DNS has at most 63, and a number may be added to tell two apart."""


class MdnsService:
    def __init__(self, device: Device, listen: ListenAddress, interfaces: Sequence[str]) -> None:
        """`interfaces` are the addresses of this machine at which the Manager can be reached."""
        self._device = device
        self._listen = listen
        self._interfaces = list(interfaces)
        self._mdns: AsyncZeroconf | None = None

    async def start(self) -> None:
        """Raises `OSError`."""
        from zeroconf import IPVersion
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

        urls = self._device.urls("")
        info = AsyncServiceInfo(
            SERVICE_TYPE,
            f"{_label(self._device.name())}.{SERVICE_TYPE}",
            port=self._listen.port,
            server=f"{socket.gethostname().partition('.')[0]}.local.",
            parsed_addresses=self._interfaces,
            properties={
                "id": self._device.farm_id,
                "name": self._device.name(),
                "version": current_version().tag.removeprefix("v"),
                "url": urls[0] if urls else "",
                "path": "/",
            },
        )
        has_v6 = any(":" in address for address in self._interfaces)
        version = IPVersion.All if has_v6 else IPVersion.V4Only
        self._mdns = AsyncZeroconf(interfaces=self._interfaces, ip_version=version)
        # Waits until it is sure that no other farm has this name, else takes another.
        registered = await self._mdns.async_register_service(info, allow_name_change=True)
        await registered

    async def stop(self) -> None:
        """Takes the name back."""
        if self._mdns is not None:
            await self._mdns.async_unregister_all_services()
            await self._mdns.async_close()
            self._mdns = None


def _label(name: str) -> str:
    """The name as one label: dots would end it."""
    cut = name.replace(".", " ").encode()[:_LONGEST_NAME].decode("utf-8", "ignore").strip()
    return cut or "Flamenco"
