"""The settings of a job type: are they well defined, and does a submission fit them?

Both questions are about the form in which settings travel (`AvailableJobSetting`), so that they
are answered alike for job types of every language. Everything that is wrong is found at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.model import AvailableJobSetting, SettingType

INT32_LOWEST = -(2**31)
INT32_HIGHEST = 2**31 - 1

AUTOEVAL_PREFIX = "autoeval_"
"""Flamenco 3's add-on keeps a switch of this name beside each setting that Blender can fill in."""

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPE_NAMES = {
    SettingType.STRING: "text",
    SettingType.INT32: "a whole number",
    SettingType.FLOAT: "a number",
    SettingType.BOOL: "true or false",
}


def filled_in_settings(
    definitions: Sequence[AvailableJobSetting], submitted: Mapping[str, Any]
) -> dict[str, Any]:
    """The submitted settings, checked, with defaults for those that were left out.

    A required text must not be empty. The limits `min` and `max` of `propargs` are inclusive;
    soft limits only concern the user interface.

    Raises:
        InvalidInput: one problem for each thing that is wrong, at `settings.<key>`.
    """
    known = {definition.key: definition for definition in definitions}
    given = {
        key: value
        for key, value in submitted.items()
        if key in known or key.removeprefix(AUTOEVAL_PREFIX) not in known
    }
    problems = list(_unknown_keys(given, known))
    settings: dict[str, Any] = {}
    for definition in definitions:
        where = f"settings.{definition.key}"
        if definition.key in given:
            value = given[definition.key]
            problems.extend(value_problems(definition, value, where=where))
        elif _has_default(definition):
            value = definition.default
        else:
            if definition.required:
                problems.append(
                    Problem(where, "is required and was not given", _wanted(definition))
                )
            continue
        settings[definition.key] = value
    if problems:
        raise InvalidInput("These settings cannot be used", problems=problems)
    return settings


def value_problems(
    definition: AvailableJobSetting, value: object, *, where: str
) -> Iterator[Problem]:
    """What is wrong with a value for this setting."""
    fault = _type_fault(definition.type, value)
    if fault:
        yield Problem(where, fault)
    elif isinstance(value, str):
        if definition.choices is not None and value not in definition.choices:
            yield Problem(where, f"“{_shortened(value)}” is not a choice", _wanted(definition))
        elif definition.required and not value:
            yield Problem(where, "is required and is empty", _wanted(definition))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        lowest, highest = _limits(definition)
        if lowest is not None and value < lowest:
            yield Problem(where, f"{value} is too low", f"the lowest value is {lowest}")
        if highest is not None and value > highest:
            yield Problem(where, f"{value} is too high", f"the highest value is {highest}")


def definition_problems(definitions: Iterable[AvailableJobSetting]) -> Iterator[Problem]:
    """What is wrong with the settings of a job type, at `settings.<key>` or `settings[<n>]`."""
    seen: set[str] = set()
    for position, definition in enumerate(definitions):
        where = f"settings.{definition.key}"
        if not _KEY.fullmatch(definition.key):
            what = f"“{definition.key}” cannot be the key of a setting"
            yield Problem(f"settings[{position}]", what, "use letters, digits and underscores")
        elif definition.key in seen:
            yield Problem(where, "is defined twice", "give each setting its own key")
        seen.add(definition.key)
        yield from _definition_faults(definition, where)


def nearest_name(name: str, known: Iterable[str]) -> str:
    """A hint that names the known name most like this one, or all of them."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if names else ""


def _unknown_keys(
    given: Mapping[str, Any], known: Mapping[str, AvailableJobSetting]
) -> Iterator[Problem]:
    for key in given:
        if key not in known:
            what = "this job type has no such setting"
            yield Problem(f"settings.{_shortened(key)}", what, nearest_name(key, known))


def _definition_faults(definition: AvailableJobSetting, where: str) -> Iterator[Problem]:
    is_text = definition.type is SettingType.STRING
    if definition.subtype is not None and not is_text:
        yield Problem(where, "only a setting of type string can have a subtype")
    if definition.choices is not None:
        if not is_text:
            yield Problem(where, "only a setting of type string can have choices")
        elif not definition.choices:
            yield Problem(where, "its list of choices is empty")
    if _has_default(definition):
        for problem in value_problems(definition, definition.default, where=where):
            yield Problem(where, f"its default does not fit: {problem.what}", problem.hint)
    for name in ("min", "max"):
        limit = (definition.propargs or {}).get(name)
        if limit is not None and _type_fault(SettingType.FLOAT, limit):
            yield Problem(where, f"its limit {name} is not a number")
    lowest, highest = _limits(definition)
    if lowest is not None and highest is not None and lowest > highest:
        yield Problem(where, f"its limits exclude every value: min {lowest}, max {highest}")


def _has_default(definition: AvailableJobSetting) -> bool:
    """An empty text as the default of a required setting only says that it has to be filled in."""
    return definition.default is not None and not (definition.required and definition.default == "")


def _limits(definition: AvailableJobSetting) -> tuple[float | None, float | None]:
    propargs = definition.propargs or {}
    limits = [propargs.get(name) for name in ("min", "max")]
    lowest, highest = (None if _type_fault(SettingType.FLOAT, limit) else limit for limit in limits)
    return lowest, highest


def _type_fault(wanted: SettingType, value: object) -> str:
    """Why the value is not of that type; empty if it is. A bool is not a number here."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    match wanted:
        case SettingType.STRING:
            fits = isinstance(value, str)
        case SettingType.BOOL:
            fits = isinstance(value, bool)
        case SettingType.INT32:
            if isinstance(value, int) and is_whole and not INT32_LOWEST <= value <= INT32_HIGHEST:
                return f"is beyond what 32 bits can hold ({INT32_LOWEST} to {INT32_HIGHEST})"
            fits = is_whole
        case SettingType.FLOAT:
            if isinstance(value, int | float) and not isinstance(value, bool):
                return "" if _is_finite(value) else "must be a finite number"
            fits = False
    return "" if fits else f"must be {_TYPE_NAMES[wanted]}, not {_described(value)}"


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def _wanted(definition: AvailableJobSetting) -> str:
    if definition.choices:
        return f"choose one of {', '.join(definition.choices)}"
    return f"give {_TYPE_NAMES[definition.type]}"


def _described(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {_shortened(str(value))}" if _is_finite(value) else "a huge number"
        case str():
            return f"the text “{_shortened(value)}”"
        case list() | tuple():
            return "a list"
        case _:
            return "an object"


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
