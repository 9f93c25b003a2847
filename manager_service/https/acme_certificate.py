"""A certificate that the Manager gets and renews by itself."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Callable, MutableMapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flamenco_core.errors import FlamencoError
from manager_service.https.acme_client import AcmeAuthority, AcmeClient, AcmeFailed, AcmeStopped
from manager_service.https.acme_store import AcmeStore, new_key
from manager_service.https.certificates import LoadedCertificate
from manager_service.https.renewal import renewal_time, retry_delay
from manager_service.https.state import CertificateState
from manager_service.https.switch import CertificateSwitch
from manager_service.threads import Threads

logger = logging.getLogger(__name__)

_LONGEST_SLEEP = timedelta(minutes=10)
"""Machines sleep and their clocks are set, so that no wait is trusted for longer than this."""


class AcmeCertificate:
    """Asks `authority` for a certificate for `name`, and for a new one when that grows old."""

    def __init__(
        self,
        name: str,
        authority: AcmeAuthority,
        switch: CertificateSwitch,
        *,
        home: Path,
        challenges: MutableMapping[str, str],
        now: Callable[[], datetime] = lambda: datetime.now(tz=UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._name = name
        self._authority = authority
        self._switch = switch
        self._store = AcmeStore(home, authority.directory_url)
        self._challenges = challenges
        self._now = now
        self._chance = chance
        self._state = CertificateState()
        self._failures = 0
        self._threads = Threads("certificate", 1)
        self._stopping = threading.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> CertificateState:
        return self._state

    async def prepare(self) -> None:
        kept = await self._threads.run(lambda: self._store.certificate(self._name))
        if kept is not None:
            self._take(kept)

    def follow(self) -> None:
        self._task = asyncio.create_task(self._renew_for_ever(), name="renewing the certificate")

    async def stop(self) -> None:
        self._stopping.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        await asyncio.to_thread(self._threads.close)

    async def _renew_for_ever(self) -> None:
        while True:
            await self._wait_until(self._state.next_attempt or self._now())
            try:
                self._take(await self._threads.run(self._obtain))
            except AcmeStopped:
                return
            except AcmeFailed as error:
                self._failed(str(error), wait=error.wait)
            except (FlamencoError, OSError) as error:
                self._failed(str(error))
            except Exception:
                logger.exception("Asking for a certificate failed unexpectedly")
                self._failed("an unexpected error; the log has it")

    def _obtain(self) -> LoadedCertificate:
        """On the thread: each certificate has a key of its own."""
        account = self._store.account_key()
        client = AcmeClient(self._authority, account, self._challenges, self._stopping)
        key = new_key()
        chain = client.obtain(self._name, key)
        return self._store.keep(self._name, chain, key)

    def _take(self, loaded: LoadedCertificate) -> None:
        self._failures = 0
        self._switch.use(loaded.context)
        facts = loaded.facts
        next_attempt = renewal_time(facts, self._chance())
        self._state = CertificateState(facts=facts, next_attempt=next_attempt)
        logger.info(
            "HTTPS with the certificate for %s by %s, good until %s, to be renewed on %s",
            self._name,
            facts.issuer,
            f"{facts.not_after:%Y-%m-%d}",
            f"{next_attempt:%Y-%m-%d}",
        )

    def _failed(self, reason: str, *, wait: timedelta = timedelta(0)) -> None:
        self._failures += 1
        delay = retry_delay(self._failures, self._chance(), at_least=wait)
        self._state = replace(self._state, problem=reason, next_attempt=self._now() + delay)
        logger.warning(
            "No certificate for %s yet: %s. The next attempt is in %d minutes",
            self._name,
            reason,
            delay.total_seconds() // 60,
        )

    async def _wait_until(self, when: datetime) -> None:
        while (left := when - self._now()) > timedelta(0):
            await asyncio.sleep(min(left, _LONGEST_SLEEP).total_seconds())
