"""The sockets of a Manager: plain HTTP alone, or HTTPS with plain HTTP that leads to it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta

from aiohttp import web

from flamenco_core.config import Config
from flamenco_core.errors import InvalidInput, Problem
from manager_service.https.acme_certificate import AcmeCertificate
from manager_service.https.acme_client import AcmeAuthority
from manager_service.https.own_files import OwnCertificate
from manager_service.https.plain_http import SecureAddress, plain_app
from manager_service.https.state import CertificateSource, CertificateState
from manager_service.https.switch import CertificateSwitch
from manager_service.listen_address import ListenAddress, listen_error, parse_listen
from manager_service.logs import AccessLogger

logger = logging.getLogger(__name__)

_LINGERING_SECONDS = 60
"""How long the rest of a refused upload is read and thrown away. A client that only looks for an
answer after it has sent everything would else find the connection broken, and no answer."""

CERTIFICATE_PERIOD = timedelta(seconds=10)
"""How often the files of a certificate are looked at."""

_STOPPING_SECONDS = 10
"""How long requests may go on once the server stops."""

_IDLE_SECONDS = 180
"""How long a connection may go without a whole request before it is closed. Longer than reverse
proxies and workers keep one for later, so that it is they who close it."""


class Listeners:
    """Opens the sockets, and keeps the certificate in order while they are open."""

    def __init__(
        self, config: Config, listen: ListenAddress, *, access_log: logging.Logger | None = None
    ) -> None:
        """Raises `InvalidInput` for an address that is none."""
        self._access_log = access_log
        self._config = config
        self._runners: list[web.AppRunner] = []
        self._certificate: CertificateSource | None = None
        self._switch = CertificateSwitch()
        self._challenges: dict[str, str] = {}
        self.plain: ListenAddress | None = None
        """Where plain HTTP leads to HTTPS, if it does."""
        self.main = listen
        """Where the Manager itself is served."""
        self._local: ListenAddress | None = None
        if config.tls.is_wanted:
            self.main, self.plain = _https_addresses(config, listen)
            self._certificate = self._certificate_source(config)

    @property
    def certificate_state(self) -> CertificateState | None:
        """None without HTTPS."""
        return self._certificate.state if self._certificate else None

    @property
    def local_url(self) -> str:
        """Where programs of this machine reach it, whatever names its certificate is for."""
        return (self._local or self.main).url

    async def prepare(self) -> None:
        """Reads the certificate; raises `CertificateRefused`."""
        if self._certificate is not None:
            await self._certificate.prepare()

    async def open(self, app: web.Application) -> None:
        """Begins to answer; `main` and `plain` then have the real ports.

        Raises:
            AddressInUse: another program listens there.
        """
        self.main = await self._listen(app, self.main)
        if self.main.scheme == "https":
            self._local = await self._listen_locally(self._runners[0])
        if self.plain is not None:
            secure = SecureAddress(
                self.main, own_url=self._config.own_url, name=self._config.tls.acme_name
            )
            leading_on = plain_app(secure, self._challenges, self._why_not_ready)
            self.plain = await self._listen(leading_on, self.plain)
        if self._certificate is not None:
            self._certificate.follow()

    async def close(self) -> None:
        """Answers what was asked and takes nothing more."""
        if self._certificate is not None:
            await self._certificate.stop()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        self._runners.clear()

    async def _listen(self, app: web.Application, listen: ListenAddress) -> ListenAddress:
        runner = web.AppRunner(
            app,
            access_log=self._access_log,
            access_log_class=AccessLogger,
            handle_signals=False,
            keepalive_timeout=_IDLE_SECONDS,
            handler_cancellation=True,  # a worker that waits for a task may go away
            lingering_time=_LINGERING_SECONDS,
            shutdown_timeout=_STOPPING_SECONDS,
        )
        self._runners.append(runner)
        await runner.setup()
        context = self._switch.context if listen.scheme == "https" else None
        site = web.TCPSite(runner, listen.host or None, listen.port, ssl_context=context)
        try:
            await site.start()
        except OSError as error:
            raise listen_error(error, listen) from error
        return listen.with_port(runner.addresses[0][1])

    async def _listen_locally(self, runner: web.AppRunner) -> ListenAddress:
        """Plain HTTP that never leaves this machine."""
        local = ListenAddress("127.0.0.1", 0)
        try:
            await web.TCPSite(runner, local.host, local.port).start()
        except OSError as error:
            raise listen_error(error, local) from error
        return local.with_port(runner.addresses[-1][1])

    def _certificate_source(self, config: Config) -> CertificateSource:
        tls = config.tls
        if tls.key is not None and tls.certificate is not None:
            return OwnCertificate(
                config.absolute(tls.certificate),
                config.absolute(tls.key),
                self._switch,
                period=CERTIFICATE_PERIOD,
            )
        return AcmeCertificate(
            tls.acme_name,
            AcmeAuthority(
                tls.acme_directory_url,
                email=tls.acme_email,
                key_id=tls.acme_key_id,
                hmac_key=tls.acme_hmac_key,
            ),
            self._switch,
            home=config.home,
            challenges=self._challenges,
        )

    def _why_not_ready(self) -> str:
        if self._switch.has_certificate:
            return ""
        state = self.certificate_state
        return (state and state.problem) or "the certificate is being asked for"


def _https_addresses(
    config: Config, listen: ListenAddress
) -> tuple[ListenAddress, ListenAddress | None]:
    """Where HTTPS is, and where plain HTTP leads to it. Without an address of its own, HTTPS takes
    the place of `listen`.
    """
    if not config.tls.listen:
        secure, plain = replace(listen, scheme="https"), None
    else:
        secure = parse_listen(config.tls.listen, scheme="https", setting="listen_https")
        is_same = secure.port == listen.port != 0 and secure.host == listen.host
        plain = None if is_same else listen
    if plain is None and config.tls.acme_name:
        what = "leaves no address for plain HTTP, over which acme_domain_name is checked"
        hint = "set it to an address other than listen, such as :443"
        raise InvalidInput(f"listen_https {what}", problems=[Problem("listen_https", what, hint)])
    return secure, plain
