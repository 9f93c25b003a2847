"""Readers of single values: from an entry of the file to what `Config` holds.

Each raises `InvalidInput` with a sentence that continues the setting's name.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from flamenco_core.config.document import Entry, is_unicode
from flamenco_core.durations import parse_duration
from flamenco_core.errors import InvalidInput, one_problem
from flamenco_core.statuses import WorkerStatus

_Member = TypeVar("_Member", bound=StrEnum)
_HIGHEST_PORT = 65535
_SHARED_DEVICE_UUID = "7401c189-ef69-434b-b4d8-56d00075faf5"
"""Flamenco 2's default, which tells no Manager from another."""
_EARLIER_WORKER_STATUSES = {"timeout": WorkerStatus.ERROR, "shutdown": WorkerStatus.OFFLINE}
_ZERO = re.compile(r"[+-]?0")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_DOMAIN_NAME = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,62}"
)


def text(entry: Entry) -> str:
    value = text_or_nothing(entry)
    if not value:
        raise one_problem("", "must be a text")
    return value


def text_or_nothing(entry: Entry) -> str:
    """A text without the blanks around it; empty if there is nothing."""
    value = exact_text(entry).strip()
    if any(unicodedata.category(character) == "Cc" for character in value):
        # No file can be called that, and no description of a Manager on the network may have it.
        raise one_problem("", "has a line break or another control character")
    return value


def exact_text(entry: Entry) -> str:
    """A text as it is written: `42` and `on` are texts too. Empty if there is nothing."""
    if isinstance(entry.value, (list, dict)) or not is_unicode(entry.text):
        raise one_problem("", "must be a text")
    return "" if entry.value is None else entry.text


def topic_beginning(entry: Entry) -> str:
    """What an MQTT topic that is published can begin with."""
    value = exact_text(entry)
    if any(character in "+#\0" for character in value):
        raise one_problem("", "has a + or #, which stand for any topic in MQTT", "leave it out")
    return value


def path(entry: Entry) -> Path:
    return Path(text(entry))


def path_or_nothing(entry: Entry) -> Path | None:
    written = text_or_nothing(entry)
    return Path(written) if written else None


def boolean(entry: Entry) -> bool:
    if not isinstance(entry.value, bool):
        raise one_problem("", "must be true or false")
    return entry.value


def duration(entry: Entry) -> timedelta:
    """A length of time with its unit, from zero upwards; zero has to have one too."""
    length = any_duration(entry)
    if length < timedelta(0):
        raise one_problem("", "cannot be less than no time")
    return length


def any_duration(entry: Entry) -> timedelta:
    if isinstance(entry.value, bool) or not entry.text:
        raise one_problem("", "must be a length of time", "such as 90s, 10m or 1h30m")
    if _ZERO.fullmatch(entry.text.strip()):
        raise one_problem("", f"“{entry.text}” has no unit", "write 0s")
    return parse_duration(entry.text)


@dataclass(frozen=True, slots=True)
class count:  # noqa: N801 - used like the functions here
    """A whole number within bounds."""

    least: int
    most: int = 1_000_000

    def __call__(self, entry: Entry) -> int:
        value = entry.value
        if type(value) is not int or not self.least <= value <= self.most:
            raise one_problem("", f"must be a whole number from {self.least} to {self.most}")
        return value


def one_of(kind: type[_Member]) -> Callable[[Entry], _Member]:
    def read(entry: Entry) -> _Member:
        try:
            return kind(entry.text)
        except ValueError:
            names = ", ".join(member.value for member in kind)
            raise one_problem("", f"cannot be {entry.text!r}", f"choose of {names}") from None

    return read


def worker_status(entry: Entry) -> WorkerStatus:
    """A worker's status by its name, or by the one it had in Flamenco 2."""
    earlier = _EARLIER_WORKER_STATUSES.get(entry.text)
    return earlier or one_of(WorkerStatus)(entry)


def listed(read: Callable[[Entry], object]) -> Callable[[Entry], tuple[object, ...]]:
    """A list whose items are read by `read`; a single value counts as a list of one."""

    def read_all(entry: Entry) -> tuple[object, ...]:
        if entry.value is None:
            return ()
        items = entry.value if isinstance(entry.value, list) else [entry]
        return tuple(read(item) for item in items)

    return read_all


@dataclass(frozen=True, slots=True)
class named:  # noqa: N801 - used like the functions here
    """Values by names, each read by `read`."""

    read: Callable[[Entry], object]

    def __call__(self, entry: Entry) -> dict[str, object]:
        if entry.members is None:
            raise one_problem("", "must be names with values", "write each as name: value")
        found: dict[str, object] = {}
        for name, member in entry.members.items():
            if not name.strip():
                raise one_problem("", "has a value without a name")
            try:
                found[name.strip()] = self.read(member)
            except InvalidInput as error:
                what, hint = reason(error)
                raise one_problem("", f"has a value of {name} that {what}", hint) from error
        return found


def listen_address(entry: Entry) -> str:
    """`host:port`, `:port` or `[v6 address]:port`."""
    written = text(entry)
    host, colon, port = written.rpartition(":")
    is_bare_v6 = ":" in host and not (host.startswith("[") and host.endswith("]"))
    if not colon or not port.isascii() or not port.isdigit() or int(port) > _HIGHEST_PORT:
        raise one_problem("", f"{written!r} is not host:port", "such as :8080 or localhost:8080")
    if is_bare_v6:
        raise one_problem("", f"{written!r} is not host:port", f"write [{host}]:{port}")
    return written


def listen_address_or_nothing(entry: Entry) -> str:
    return listen_address(entry) if text_or_nothing(entry) else ""


def device_uuid(entry: Entry) -> str:
    """What identifies a device in a network; empty for the one that all Managers had."""
    written = text_or_nothing(entry)
    try:
        device = str(uuid.UUID(written)) if written else ""
    except ValueError:
        raise one_problem("", f"{written!r} is no UUID") from None
    return "" if device == _SHARED_DEVICE_UUID else device


def url(*schemes: str) -> Callable[[Entry], str]:
    """An address with one of these schemes; empty if there is nothing."""

    def read(entry: Entry) -> str:
        written = text_or_nothing(entry)
        if not written:
            return ""
        try:
            parts = urlsplit(written)
            known = parts.scheme in schemes and bool(parts.hostname) and (parts.port or 0) >= 0
        except ValueError:  # a port that is no number, a bracket that is not closed
            known = False
        if not known:
            hint = " or ".join(f"{scheme}://host" for scheme in schemes)
            raise one_problem("", f"{written!r} is not an address", f"such as {hint}")
        return written

    return read


def network(entry: Entry) -> str:
    """An IP address or network: `10.0.0.7`, `10.0.0.0/8`."""
    written = text(entry)
    try:
        return str(ipaddress.ip_network(written))
    except ValueError as error:
        raise one_problem("", f"{written!r} is no address or network: {error}") from None


def ip_address(entry: Entry) -> str:
    written = text(entry)
    try:
        return str(ipaddress.ip_address(written))
    except ValueError:
        raise one_problem("", f"{written!r} is no IP address") from None


def base64url(entry: Entry) -> str:
    """A key as it is handed out by those who know it: letters, digits, `-` and `_`."""
    written = text_or_nothing(entry).rstrip("=")
    if not _BASE64URL.fullmatch(written):
        raise one_problem("", "is not base64url: letters, digits, - and _")
    return written


def domain_name(entry: Entry) -> str:
    """A name of the public DNS, in lower case; empty if there is nothing."""
    written = text_or_nothing(entry).lower().rstrip(".")
    if written and not _DOMAIN_NAME.fullmatch(written):
        hint = "such as farm.example.com, without https:// and port"
        raise one_problem("", f"{written!r} is no domain name", hint)
    return written


def time_zone(entry: Entry) -> str:
    """The name of a time zone, such as `Europe/Amsterdam`; empty for the machine's own."""
    import zoneinfo

    name = text_or_nothing(entry)
    try:
        if name:
            zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        hint = "such as Europe/Amsterdam"
        raise one_problem("", f"{name!r} is not a known time zone", hint) from error
    return name


def reason(error: InvalidInput) -> tuple[str, str]:
    """What is wrong and what to do, of an error that a reader raised."""
    first = error.problems[0]
    return first.what, first.hint
