"""What a task asks of a worker beyond its type: keys and values, so that a new kind is data.

A worker says at sign-on what it has (`device` is `gpu`, `memory_gb` is `64`, `blender` is
`4.5.2`). A task asks with a value that must be there, `gpu`, or with a comparison, `>=16`,
`>=4.2`, `<5.1`, `!=windows`. Numbers and versions are compared part by part, so that 4.10 is newer
than 4.9; a capability that is not there meets nothing. Where a worker has several of a kind, it
says so with commas (`device` is `cpu, gpu, optix`): one of them has to fit, and `!=` excludes all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Version = tuple[int, ...]

_OPERATORS = (">=", "<=", "!=", ">", "<", "=")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")
_HOLDS: Mapping[str, Callable[[Version, Version], bool]] = {
    ">=": lambda has, wanted: has >= wanted,
    "<=": lambda has, wanted: has <= wanted,
    ">": lambda has, wanted: has > wanted,
    "<": lambda has, wanted: has < wanted,
}


def meets(requirements: Mapping[str, str], capabilities: Mapping[str, str]) -> bool:
    """Whether a worker with these capabilities can take a task with these requirements."""
    return not lacking(requirements, capabilities)


def lacking(requirements: Mapping[str, str], capabilities: Mapping[str, str]) -> list[str]:
    """The requirements that are not met, as people read them: `memory_gb >=16`."""
    return [
        f"{key} {wanted}"
        for key, wanted in requirements.items()
        if not _is_met(wanted, capabilities.get(key))
    ]


def requirement_problem(wanted: str) -> str:
    """What is wrong with a requirement's value; empty if nothing is."""
    operator, value = _split(wanted)
    if not value:
        return "asks for nothing; write a value such as gpu, or a comparison such as >=16"
    if operator in _HOLDS and _version(value) is None:
        return f"{operator} compares numbers and versions such as 16 or 4.2, not {value!r}"
    return ""


def _is_met(wanted: str, has: str | None) -> bool:
    if has is None:
        return False
    operator, value = _split(wanted)
    each = {has, *(part.strip() for part in has.split(","))}
    if operator == "!=":
        return value not in each
    return any(_holds(operator, one, value) for one in each)


def _holds(operator: str, has: str, value: str) -> bool:
    if operator == "=":
        return has == value
    has_version, wanted_version = _version(has), _version(value)
    if has_version is None or wanted_version is None:
        return False
    length = max(len(has_version), len(wanted_version))
    return _HOLDS[operator](_padded(has_version, length), _padded(wanted_version, length))


def _split(wanted: str) -> tuple[str, str]:
    text = wanted.strip()
    operator = next((each for each in _OPERATORS if text.startswith(each)), "")
    return operator or "=", text.removeprefix(operator).strip()


def _version(text: str) -> Version | None:
    if not _VERSION.fullmatch(text):
        return None
    return tuple(int(part) for part in text.split("."))


def _padded(version: Version, length: int) -> Version:
    return version + (0,) * (length - len(version))
