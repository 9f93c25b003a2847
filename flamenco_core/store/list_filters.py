"""The kinds of filters that lists have, from the text of a query to a condition in SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from flamenco_core import wire
from flamenco_core.errors import InvalidInput
from flamenco_core.store.database import to_microseconds
from flamenco_core.store.listing import Condition, Filter

_FIRST_YEAR, _LAST_YEAR = 1970, 9000


def exactly(name: str, sql: str, description: str) -> Filter:
    """The column has exactly this text."""
    return Filter(
        name=name,
        description=description,
        conditions=lambda text: [Condition(f"{sql} = :{name}", {name: text})] if text else [],
    )


def containing(name: str, sql: str, description: str) -> Filter:
    """The column contains this text; upper and lower case are the same for A to Z."""

    def conditions(text: str) -> Sequence[Condition]:
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"
        return [Condition(rf"{sql} LIKE :{name} ESCAPE '\'", {name: pattern})] if text else []

    return Filter(name=name, description=description, conditions=conditions)


def any_of(name: str, sql: str, choices: type[StrEnum], description: str) -> Filter:
    """The column has one of the values, which are separated by commas."""

    def conditions(text: str) -> Sequence[Condition]:
        return member_of(name, sql, read_choices(text, choices))

    return Filter(
        name=name,
        description=description,
        conditions=conditions,
        schema={"type": "string", "examples": [",".join(list(choices)[:2])]},
    )


def member_of(name: str, sql: str, values: Iterable[str]) -> list[Condition]:
    """The condition that a column has one of these values; none if there are no values."""
    parameters = {f"{name}_{index}": value for index, value in enumerate(sorted(values))}
    if not parameters:
        return []
    return [Condition(f"{sql} IN ({', '.join(f':{each}' for each in parameters)})", parameters)]


def read_choices(text: str, choices: type[StrEnum]) -> frozenset[str]:
    """Some members of an enum, separated by commas; raises `ValueError`."""
    names = {name.strip() for name in text.split(",") if name.strip()}
    unknown = sorted(names - set(choices))
    if unknown:
        raise ValueError(
            f"{', '.join(unknown)}: no such status; there are {', '.join(sorted(choices))}"
        )
    return frozenset(choices(name).value for name in names)


def at_least(name: str, sql: str, description: str, *, least: int, most: int) -> Filter:
    return _number(name, f"{sql} >= :{name}", description, least, most)


def at_most(name: str, sql: str, description: str, *, least: int, most: int) -> Filter:
    return _number(name, f"{sql} <= :{name}", description, least, most)


def since(name: str, sql: str, description: str) -> Filter:
    """The column's time is this one, or a later one."""
    return _time(name, f"{sql} >= :{name}", description)


def before(name: str, sql: str, description: str) -> Filter:
    """The column's time is before this one."""
    return _time(name, f"{sql} < :{name}", description)


def yes_or_no(name: str, if_true: str, if_false: str, description: str) -> Filter:
    """One condition or the other."""

    def conditions(text: str) -> Sequence[Condition]:
        if text.lower() not in ("true", "false", ""):
            raise ValueError(f"{text!r} is neither true nor false")
        return [Condition(if_true if text.lower() == "true" else if_false)] if text else []

    return Filter(
        name=name, description=description, conditions=conditions, schema={"type": "boolean"}
    )


def read_texts(text: str) -> dict[str, str]:
    """A JSON object of texts; raises `ValueError`."""
    try:
        found: dict[str, str] = wire.from_json_text(text, dict[str, str])
    except InvalidInput as error:
        what = ", ".join(map(str, error.problems)) or error.message
        raise ValueError(f"{what}; write it as a JSON object with texts") from None
    return found


def read_time(text: str) -> datetime:
    """A time with its offset from UTC, or a day, which begins at midnight UTC."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            text += "T00:00:00Z"
        # A plus sign in a query stands for a space unless it is encoded.
        time = wire.parse_time(text.replace(" ", "+"))
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is no time with its offset from UTC, such as 2026-02-03T04:05:06Z, "
            "nor a day such as 2026-02-03"
        ) from None
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        raise ValueError(f"{text!r} is not between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return time


def _time(name: str, sql: str, description: str) -> Filter:
    return _single(
        name,
        sql,
        description,
        lambda text: to_microseconds(read_time(text)),
        {"type": "string", "examples": ["2026-02-03T04:05:06Z", "2026-02-03"]},
    )


def _number(name: str, sql: str, description: str, least: int, most: int) -> Filter:
    def read(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    schema = {"type": "integer", "minimum": least, "maximum": most}
    return _single(name, sql, description, read, schema)


def _single(
    name: str, sql: str, description: str, read: Callable[[str], Any], schema: dict[str, Any]
) -> Filter:
    def conditions(text: str) -> Sequence[Condition]:
        return [Condition(sql, {name: read(text)})] if text else []

    return Filter(name=name, description=description, conditions=conditions, schema=schema)
