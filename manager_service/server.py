"""The HTTP server in front of a `Service`: routes, pages, start and stop."""

from __future__ import annotations

import asyncio
import logging

from aiohttp import web

from flamenco_core.config import Config
from flamenco_core.version import current_version
from manager_service.api import all_operations, extension
from manager_service.https.state import CertificateState
from manager_service.listen_address import AddressInUse, ListenAddress, parse_listen
from manager_service.listeners import Listeners
from manager_service.logs import ACCESS_LOG
from manager_service.machine_key import MachineKey, remove_key, write_key
from manager_service.network import Network
from manager_service.openapi import openapi_document
from manager_service.pages import add_pages
from manager_service.proxies import TrustedProxies, seeing_through
from manager_service.realtime import socket_io
from manager_service.service import Service
from manager_service.serving import ANY_PATH, LARGEST_JSON_BODY, add_operations, refuse_unknown

logger = logging.getLogger(__name__)

__all__ = ["AddressInUse", "ListenAddress", "Server", "make_app", "parse_listen"]


class Server:
    """A running Manager with its HTTP server."""

    def __init__(self, config: Config, listen: ListenAddress, *, access_log: bool = False) -> None:
        """`listen` is for plain HTTP, or for what leads to HTTPS; raises `InvalidInput`.

        `access_log` writes a line for each request, which costs more than most of them.
        """
        log = logging.getLogger(ACCESS_LOG) if access_log else None
        self._listeners = Listeners(config, listen, access_log=log)
        self.service = Service(config, address=self.listen.url)
        self._has_key = False

    @property
    def listen(self) -> ListenAddress:
        """Where the Manager is served; once it is started, with the real port."""
        return self._listeners.main

    @property
    def plain_listen(self) -> ListenAddress | None:
        """Where plain HTTP only leads to HTTPS."""
        return self._listeners.plain

    @property
    def certificate_state(self) -> CertificateState | None:
        """How the certificate stands; None without HTTPS."""
        return self._listeners.certificate_state

    async def start(self) -> None:
        """Opens the farm and begins to answer requests.

        Raises:
            AddressInUse: another program listens there.
            CertificateRefused: HTTPS is wanted, but not possible with what there is.
            FarmLocked: another program runs this farm.
            StorageError: the farm file or a folder cannot be used.
        """
        try:
            await self._listeners.prepare()
            await self.service.start()
            await self._open_network()
            await self._publish_key()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Answers what was asked, takes nothing more, and closes the farm."""
        # Or the server would wait for the workers that wait for a task, and those who follow.
        self.service.waiting.close()
        await self.service.live.close_followers()
        if self.service.network is not None:
            await self.service.network.stop()
        await self._listeners.close()
        if self._has_key:
            await asyncio.to_thread(remove_key, self.service.config.database_file)
        await self.service.stop()

    async def _open_network(self) -> None:
        service = self.service
        network = service.network = Network(
            self._listeners, service.config, service.farm_id, lambda: service.config.manager_name
        )
        await self._listeners.open(make_app(service))
        network.announce()
        own_urls = network.own_urls()
        service.access.learn_own_urls(own_urls)
        for url in own_urls:
            logger.info("The Manager is reached at %s", url)

    async def _publish_key(self) -> None:
        """Lets commands of this machine and user find this Manager, and be let in."""
        key = MachineKey(self._listeners.local_url, self.service.access.machine_key)
        await asyncio.to_thread(write_key, self.service.config.database_file, key)
        self._has_key = True


def make_app(service: Service) -> web.Application:
    """The routes of a Manager; every path that is none of them gets an answer too."""
    proxies = service.config.trusted_proxies
    app = web.Application(
        client_max_size=LARGEST_JSON_BODY,
        # Only those who have proxies pay for it.
        middlewares=[seeing_through(TrustedProxies(proxies))] if proxies else [],
    )
    operations = list(all_operations())
    add_operations(app, [*operations, socket_io.ROUTE, *extension.DOWNLOADS], service)
    add_pages(
        app,
        openapi_document(
            operations,
            version=current_version().shown,
            has_accounts=service.access.has_accounts,
            session_cookie=service.access.session_cookie,
        ),
    )
    if service.network is not None and service.network.is_discoverable:
        service.network.add_description(app)
    app.router.add_route("*", ANY_PATH, refuse_unknown)
    return app
