"""How this Manager is reached, and how others find it: one place for the server and the API."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Sequence

from aiohttp import hdrs, web

from flamenco_core.client import ssdp
from flamenco_core.config import Config
from flamenco_core.model import CertificateReport, NetworkReport
from manager_service.discovery.announcer import Announcer, nearest_first
from manager_service.discovery.device import Device, description
from manager_service.https.state import CertificateState
from manager_service.listeners import Listeners
from manager_service.own_urls import IpInterface, OwnUrls, own_interfaces, reachable
from manager_service.routing import Role
from manager_service.serving import declare_role

logger = logging.getLogger(__name__)


class Network:
    """Starts with the listeners open, since only then the port is known."""

    def __init__(
        self, listeners: Listeners, config: Config, farm_id: str, name: Callable[[], str]
    ) -> None:
        """`name` is what the farm is called, now."""
        self._listeners = listeners
        self._config = config
        device_id = config.ssdp_device_uuid or farm_id
        self._device = Device(device_id, farm_id, name, self._urls_for)
        self._announcer: Announcer | None = None
        self._interfaces: Sequence[IpInterface] = ()
        """As they were when it was looked last; each search of others is answered by these."""

    @property
    def is_discoverable(self) -> bool:
        """Whether others are to find the Manager by themselves."""
        listen = self._listeners.main
        is_reached_by_others = listen.is_everywhere or _is_for_others(listen.host)
        return self._config.autodiscoverable and (
            is_reached_by_others or bool(self._config.discovery_interfaces)
        )

    def own_urls(self) -> list[str]:
        """Where others reach this Manager, the best address first."""
        return self._known_ways().all(own_interfaces())

    def report(self) -> NetworkReport:
        """All of it, for people."""
        problems = self._announcer.problems if self._announcer else {}
        return NetworkReport(
            urls=self.own_urls(),
            is_discoverable=self.is_discoverable,
            device_id=self._device.uuid,
            discovery_problems=[f"{name}: {problem}" for name, problem in problems.items()],
            certificate=_certificate_report(self.certificate),
        )

    @property
    def certificate(self) -> CertificateState | None:
        """None without HTTPS."""
        return self._listeners.certificate_state

    def announce(self) -> None:
        """Lets others find the Manager, if that is wanted."""
        if self.is_discoverable:
            self._announcer = Announcer(
                self._device,
                self._listeners.main,
                self._discovery_interfaces,
                lambda: self._interfaces,
            )
            self._announcer.start()

    def add_description(self, app: web.Application) -> None:
        """What answers those who follow the address in an answer of SSDP."""

        async def describe(_request: web.Request) -> web.Response:
            return web.Response(body=description(self._device), content_type="text/xml")

        path = f"/{ssdp.DESCRIPTION_PATH}"
        declare_role(app, hdrs.METH_GET, path, Role.ANYONE)
        app.router.add_get(path, describe)

    async def stop(self) -> None:
        if self._announcer is not None:
            await self._announcer.stop()
            self._announcer = None

    def _urls_for(self, asker: str) -> list[str]:
        interfaces = self._interfaces or own_interfaces()
        return nearest_first(self._known_ways().all(interfaces), interfaces, asker)

    def _known_ways(self) -> OwnUrls:
        listen, tls = self._listeners.main, self._config.tls
        names: tuple[str, ...] = (tls.acme_name,) if tls.acme_name else ()
        state = self.certificate
        if not names and state is not None and state.facts is not None:
            names = state.facts.names
        return OwnUrls(listen, own_url=self._config.own_url, names=names)

    def _discovery_interfaces(self) -> list[str]:
        """None while the machine is in no network. To be called on a thread."""
        self._interfaces = own_interfaces()
        if self._config.discovery_interfaces:
            return list(self._config.discovery_interfaces)
        listen = self._listeners.main
        if listen.is_everywhere:
            found = reachable(interface.ip for interface in self._interfaces)
        else:
            found = [listen.host]
        return [address for address in found if _is_for_others(address)]


def _certificate_report(state: CertificateState | None) -> CertificateReport | None:
    if state is None:
        return None
    facts = state.facts
    return CertificateReport(
        names=list(facts.names) if facts else [],
        issuer=facts.issuer if facts else None,
        not_after=facts.not_after if facts else None,
        problem=state.problem or None,
        next_attempt=state.next_attempt,
    )


def _is_for_others(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name: where it leads is not known here
