"""Files on their way into the content store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ShamanFileStatus(StrEnum):
    UNKNOWN = "unknown"
    UPLOADING = "uploading"
    STORED = "stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanFileSpec:
    """What the fields may hold is checked with all files at once, by the content store."""

    sha: str
    """SHA-256 in lower-case hexadecimal."""
    size: int
    """Bytes."""
    path: str
    """Where the file goes in the checkout: relative, with forward slashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanRequirementsRequest:
    files: list[ShamanFileSpec]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanFileSpecWithStatus:
    sha: str
    size: int
    path: str
    status: ShamanFileStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanRequirementsResponse:
    files: list[ShamanFileSpecWithStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanSingleFileStatus:
    status: ShamanFileStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanCheckout:
    files: list[ShamanFileSpec]
    checkoutPath: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShamanCheckoutResult:
    checkoutPath: str
