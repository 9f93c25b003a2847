"""A certificate from files that somebody else renews: followed as they change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flamenco_core.file_stamp import FileStamp
from manager_service.https.certificates import (
    CertificateRefused,
    LoadedCertificate,
    date_warnings,
    key_warnings,
    load_certificate,
)
from manager_service.https.state import CertificateState
from manager_service.https.switch import CertificateSwitch

logger = logging.getLogger(__name__)

EXPIRY_WARNING = timedelta(days=14)
_WARNING_PERIOD = timedelta(days=1)

Stamp = tuple[FileStamp | None, ...]
"""Of certificate and key."""


class OwnCertificate:
    """Loads the files, and loads them again when they change.

    Files that cannot be used are refused with a line in the log, and the last good certificate
    stays. Certificate and key are written one after the other, so a change counts once it has
    been the same for one look.
    """

    def __init__(
        self,
        certificate_file: Path,
        key_file: Path,
        switch: CertificateSwitch,
        *,
        period: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(tz=UTC),
    ) -> None:
        self._certificate_file = certificate_file
        self._key_file = key_file
        self._switch = switch
        self._period = period
        self._now = now
        self._state = CertificateState()
        self._loaded_stamp: Stamp = ()
        self._warned_at: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> CertificateState:
        return self._state

    async def prepare(self) -> None:
        self._loaded_stamp = await asyncio.to_thread(self._stamp)
        self._take(await asyncio.to_thread(self._load))
        for warning in await asyncio.to_thread(lambda: list(key_warnings(self._key_file))):
            logger.warning("HTTPS: %s", warning)

    def follow(self) -> None:
        self._task = asyncio.create_task(self._follow(), name="following the certificate")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _follow(self) -> None:
        seen = self._loaded_stamp
        while True:
            await asyncio.sleep(self._period.total_seconds())
            self._warn_of_expiry()
            stamp = await asyncio.to_thread(self._stamp)
            if stamp == seen and stamp != self._loaded_stamp:
                self._loaded_stamp = stamp
                await self._load_again()
            seen = stamp

    async def _load_again(self) -> None:
        try:
            self._take(await asyncio.to_thread(self._load))
        except CertificateRefused as refused:
            self._state = replace(self._state, problem=str(refused))
            logger.warning("The new certificate is refused, the old one stays in use: %s", refused)
        except Exception:
            self._state = replace(self._state, problem="an unexpected error; the log has it")
            logger.exception("The new certificate cannot be used, the old one stays in use")

    def _load(self) -> LoadedCertificate:
        return load_certificate(self._certificate_file, self._key_file)

    def _take(self, loaded: LoadedCertificate) -> None:
        self._switch.use(loaded.context)
        self._state = CertificateState(facts=loaded.facts)
        self._warned_at = None
        logger.info(
            "HTTPS with the certificate for %s, good until %s",
            ", ".join(loaded.facts.names) or "no name at all",
            f"{loaded.facts.not_after:%Y-%m-%d}",
        )
        self._warn_of_expiry()

    def _warn_of_expiry(self) -> None:
        facts, now = self._state.facts, self._now()
        if facts is None or (self._warned_at and now - self._warned_at < _WARNING_PERIOD):
            return
        warnings: Iterable[str] = list(date_warnings(facts, now))
        if not warnings and facts.not_after - now < EXPIRY_WARNING:
            warnings = [f"the certificate expires on {facts.not_after:%Y-%m-%d}"]
        for warning in warnings:
            self._warned_at = now
            logger.warning("HTTPS: %s; put a new one to %s", warning, self._certificate_file)

    def _stamp(self) -> Stamp:
        return tuple(map(FileStamp.of, (self._certificate_file, self._key_file)))
