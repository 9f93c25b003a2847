"""Durations as text, in the notation of Go that Flamenco's configuration uses.

`1h30m`, `90s`, `1.5h` and `500ms` can be read; what is written is what Go writes: `1h30m0s`,
`10m0s`, `1.5s`, `500ms`. A number without a unit is refused, since nobody can tell whether it
means seconds or minutes. Only zero may stand alone.
"""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

from flamenco_core.errors import InvalidInput, one_problem

LONGEST_DURATION = timedelta(microseconds=(2**63 - 1) // 1000)
"""Some 292 years: what Go can count in nanoseconds."""

_MAX_TEXT = 100
_HOW_TO_WRITE = "write it with units, such as 90s, 10m or 1h30m"
_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,  # U+03BC, the Greek letter
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_AMOUNT = r"[0-9]+\.?[0-9]*|\.[0-9]+"
_UNIT = "|".join(_NANOSECONDS)
_PART = re.compile(rf"(?P<amount>{_AMOUNT})(?P<unit>{_UNIT})")
_WHOLE = re.compile(rf"(?P<sign>[+-]?)(?P<parts>(?:(?:{_AMOUNT})(?:{_UNIT}))+)")
_BARE_NUMBER = re.compile(rf"[+-]?(?:{_AMOUNT})")


def parse_duration(value: str | float, *, where: str = "") -> timedelta:
    """Reads a duration.

    A number, as YAML makes of `task_timeout: 10`, is accepted as an argument only to be refused
    with a sentence that says how to write it.

    Raises:
        InvalidInput: placed at `where`, if it is malformed, lacks a unit, is longer than
            `LONGEST_DURATION` or finer than a microsecond.
    """
    text = value.strip() if isinstance(value, str) else str(value)
    if len(text) > _MAX_TEXT:
        raise one_problem(where, "this is too long to be a duration", _HOW_TO_WRITE)
    if isinstance(value, str) and text in {"0", "+0", "-0"}:
        return timedelta(0)
    if not isinstance(value, str) or _BARE_NUMBER.fullmatch(text):
        raise _bare_number(text, where)
    match = _WHOLE.fullmatch(text)
    if match is None:
        raise one_problem(where, f"“{text}” is not a duration", _HOW_TO_WRITE)
    nanoseconds = sum(
        Fraction(part["amount"].rstrip(".")) * _NANOSECONDS[part["unit"]]
        for part in _PART.finditer(match["parts"])
    )
    microseconds = Fraction(nanoseconds, 1000)
    if microseconds > LONGEST_DURATION // timedelta(microseconds=1):
        raise one_problem(where, f"“{text}” is longer than 292 years")
    if microseconds.denominator != 1:
        raise one_problem(where, f"“{text}” is finer than a microsecond")
    length = timedelta(microseconds=int(microseconds))
    return -length if match["sign"] == "-" else length


def format_duration(duration: timedelta) -> str:
    """Writes a duration as Go does; `parse_duration` reads it back to the same value."""
    if duration < timedelta(0):
        return f"-{format_duration(-duration)}"
    total = duration // timedelta(microseconds=1)
    if total == 0:
        return "0s"
    if total < 1_000:
        return f"{total}µs"
    if total < 1_000_000:
        return f"{_decimal(total, 1_000)}ms"
    minutes, seconds = divmod(total, 60_000_000)
    text = f"{_decimal(seconds, 1_000_000)}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}"
    return text


def _decimal(value: int, unit: int) -> str:
    """`value / unit` without rounding and without needless zeros; `unit` is a power of ten."""
    whole, fraction = divmod(value, unit)
    digits = f"{fraction:0{len(str(unit)) - 1}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def _bare_number(text: str, where: str) -> InvalidInput:
    hint = f"write {text}s, {text}m or {text}h" if _BARE_NUMBER.fullmatch(text) else _HOW_TO_WRITE
    return one_problem(where, f"“{text}” has no unit", hint)
