"""The Manager itself: version, configuration, errors, and whom values are meant for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flamenco_core.statuses import FarmStatus


class Platform(StrEnum):
    """The operating systems that paths and programs are told apart by, named as in Go."""

    LINUX = "linux"
    WINDOWS = "windows"
    DARWIN = "darwin"


class Audience(StrEnum):
    """Whom the value of a variable is meant for."""

    WORKERS = "workers"
    USERS = "users"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlamencoVersion:
    version: str
    shortversion: str
    name: str
    git: str
    farm_id: str | None = None
    """What tells this farm from others; Managers of Flamenco 3 have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedStorageLocation:
    location: str
    audience: Audience
    platform: str
    shamanEnabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerVariable:
    value: str
    is_twoway: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerConfiguration:
    storageLocation: str
    shamanEnabled: bool
    isFirstRun: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmStatusReport:
    status: FarmStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorProblem:
    """One entry of `Error.problems`; see `flamenco_core.errors.Problem`."""

    where: str
    what: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """The one shape of every error answer."""

    code: int
    """The HTTP status once more."""
    message: str
    problems: list[ErrorProblem]
