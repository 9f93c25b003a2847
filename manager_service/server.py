"""The HTTP server in front of a `Service`: routes, pages, start and stop."""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass

from aiohttp import web

from flamenco_core.config import Config
from flamenco_core.errors import FlamencoError, InvalidInput, Problem
from flamenco_core.version import current_version
from manager_service.api import all_operations
from manager_service.openapi import openapi_document
from manager_service.pages import add_pages
from manager_service.service import Service
from manager_service.serving import LARGEST_JSON_BODY, add_operations, refuse_unknown

logger = logging.getLogger(__name__)

_LINGERING_SECONDS = 60
"""How long the rest of a refused upload is read and thrown away. A client that only looks for an
answer after it has sent everything would else find the connection broken, and no answer."""

_STOPPING_SECONDS = 10
"""How long requests may go on once the server stops."""


class AddressInUse(FlamencoError):
    """Another program listens where this Manager should."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen; an empty host is every address of this machine."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address that a person on this machine can open."""
        host = self.host if self.host not in ("", "0.0.0.0", "::") else "localhost"
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"


def parse_listen(text: str) -> ListenAddress:
    """Reads `host:port`, `:port` or `[v6 address]:port`; raises `InvalidInput`."""
    host, colon, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        what = f"{text!r} is not host:port, such as localhost:8080 or :8080"
        raise InvalidInput(what, problems=[Problem("listen", what)])
    return ListenAddress(host, int(port))


class Server:
    """A running Manager with its HTTP server."""

    def __init__(self, config: Config, listen: ListenAddress) -> None:
        self.listen = listen
        self.service = Service(config, address=listen.url)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Opens the farm and begins to answer requests; `listen` then has the real port.

        Raises:
            AddressInUse: another program listens there.
            FarmLocked: another program runs this farm.
            StorageError: the farm file or a folder cannot be used.
        """
        try:
            await self.service.start()
            await self._serve()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Answers what was asked, takes nothing more, and closes the farm."""
        # Or the server would wait for the workers that wait for a task.
        self.service.waiting.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self.service.stop()

    async def _serve(self) -> None:
        runner = self._runner = web.AppRunner(
            make_app(self.service),
            access_log=None,  # it would cost more than most requests
            handle_signals=False,
            handler_cancellation=True,  # a worker that waits for a task may go away
            lingering_time=_LINGERING_SECONDS,
            shutdown_timeout=_STOPPING_SECONDS,
        )
        await runner.setup()
        site = web.TCPSite(runner, self.listen.host or None, self.listen.port)
        try:
            await site.start()
        except OSError as error:
            raise _listen_error(error, self.listen) from error
        port = runner.addresses[0][1]
        self.listen = ListenAddress(self.listen.host, port)


def make_app(service: Service) -> web.Application:
    """The routes of a Manager; every path that is none of them gets an answer too."""
    app = web.Application(client_max_size=LARGEST_JSON_BODY)
    operations = list(all_operations())
    add_operations(app, operations, service)
    add_pages(app, openapi_document(operations, version=current_version().shown))
    app.router.add_route("*", "/{unknown:.*}", refuse_unknown)
    return app


def _listen_error(error: OSError, listen: ListenAddress) -> FlamencoError:
    where = f"{listen.host or 'every address'}, port {listen.port}"
    if error.errno == errno.EADDRINUSE:
        return AddressInUse(
            f"Another program already listens on {where}; stop it, or choose another port "
            "with --listen"
        )
    return AddressInUse(f"Cannot listen on {where}: {error.strerror or error}")
