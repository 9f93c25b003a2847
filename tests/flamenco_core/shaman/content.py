"""Test content for the store: bytes, their identity, and a store filled with them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from flamenco_core.model import (
    ShamanCheckout,
    ShamanFileSpec,
    ShamanRequirementsRequest,
)
from flamenco_core.shaman import ShamanStore


class SteppedClock:
    """A clock that moves only when it is told to; it starts at the present, like file times."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, step: timedelta) -> None:
        self.now += step


def spec(content: bytes, path: str = "file.bin") -> ShamanFileSpec:
    return ShamanFileSpec(sha=hashlib.sha256(content).hexdigest(), size=len(content), path=path)


def put(store: ShamanStore, content: bytes, path: str = "file.bin") -> ShamanFileSpec:
    """Store `content`; returns what names it in a checkout at `path`."""
    file = spec(content, path)
    with store.receive(file.sha, file.size, can_defer=False) as upload:
        upload.write(content)
        upload.finish()
    return file


def wanted(*files: ShamanFileSpec) -> ShamanRequirementsRequest:
    return ShamanRequirementsRequest(files=list(files))


def checkout_of(path: str, *files: ShamanFileSpec) -> ShamanCheckout:
    return ShamanCheckout(files=list(files), checkoutPath=path)
