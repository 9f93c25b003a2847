"""The variables of a configuration file, in the forms of all versions of Flamenco.

- Flamenco 3: `NAME: {is_twoway: true, values: [{platform: linux, value: …}]}`;
- Flamenco 2: the same with `direction: twoway`;
- before that: `NAME: {linux: …}` in `variables` (one-way) and in `path_replacement` (two-way).

All names share one namespace: a name that is there twice, wherever, is a problem that keeps the
Manager from starting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flamenco_core.config.document import Entry
from flamenco_core.config.report import Report, nearest
from flamenco_core.model import Audience, Platform
from flamenco_core.variables import ALL_PLATFORMS, JOBS, Variable, VariableValue

VARIABLES, PATH_REPLACEMENT = "variables", "path_replacement"
_EVERYBODY = "all"
_VARIABLE_KEYS = ("is_twoway", "direction", "values")
_VALUE_KEYS = ("value", "audience", "platform", "platforms")
_PLATFORMS = (*Platform, ALL_PLATFORMS)
_DARWIN_AS_PEOPLE_CALL_IT = ("macos", "osx", "mac", "mac os")
_DIRECTIONS = {"oneway": False, "twoway": True}


def read_variables(root: Mapping[str, Entry], report: Report) -> dict[str, Variable]:
    """All variables of a file by name; what is wrong with them is reported."""
    found: dict[str, Variable] = {}
    places: dict[str, str] = {}
    for section in (VARIABLES, PATH_REPLACEMENT):
        for name, entry in _named(root.get(section), section, report):
            key = f"{section}.{name}"
            if name in places:
                what = f"the name {name} is taken by a variable, on {places[name]}"
                report.problem(entry, key, what, "rename one of them")
                continue
            places[name] = entry.place.rpartition(", ")[2]
            if name == JOBS:
                what = "{jobs} is always the folder of the jobs' files"
                report.problem(entry, key, what, "choose another name")
            elif not name or set(name) & set("{}\r\n"):
                report.problem(entry, key, "is no name for a variable", "leave out braces")
            else:
                is_path = section == PATH_REPLACEMENT
                found[name] = _read_variable(entry, key, report, is_path=is_path)
    return found


def is_by_platform(entry: Entry) -> bool:
    """Whether a variable has the oldest form: `{linux: …, windows: …}`."""
    members = entry.members
    return bool(members) and not set(members or {}) & {*_VARIABLE_KEYS, *_VALUE_KEYS}


def variable_as_written(variable: Variable) -> dict[str, Any]:
    """A variable in Flamenco 3's form."""
    values = []
    for value in variable.values:
        written: dict[str, Any] = {}
        if len(value.platforms) == 1:
            written["platform"] = value.platforms[0]
        else:
            written["platforms"] = list(value.platforms)
        if len(value.audiences) == 1:
            written["audience"] = next(iter(value.audiences)).value
        written["value"] = value.value
        values.append(written)
    return {**({"is_twoway": True} if variable.is_twoway else {}), "values": values}


def _named(section: Entry | None, name: str, report: Report) -> Iterator[tuple[str, Entry]]:
    if section is None:
        return
    if section.members is None:
        report.problem(section, name, "must be a list of variables, each with its values")
        return
    yield from section.members.items()


def _read_variable(entry: Entry, key: str, report: Report, *, is_path: bool) -> Variable:
    members = entry.members
    if not members:
        report.problem(entry, key, "needs a list of values")
        return Variable((), is_twoway=is_path)
    if is_by_platform(entry):
        return Variable(tuple(_values_by_platform(members, key, report)), is_twoway=is_path)
    report.unknown_keys(members, key, _VARIABLE_KEYS)
    is_twoway = _is_twoway(members, key, report) or is_path
    values = members.get("values")
    if values is None or not isinstance(values.value, list):
        report.problem(values or entry, key, "needs a list of values")
        return Variable((), is_twoway=is_twoway)
    read = [
        _read_value(item, f"{key}.values[{index}]", report)
        for index, item in enumerate(values.value)
    ]
    return Variable(tuple(value for value in read if value), is_twoway=is_twoway)


def _values_by_platform(
    members: Mapping[str, Entry], key: str, report: Report
) -> Iterator[VariableValue]:
    """`{linux: …, windows: …}`, as before Flamenco 2.2; empty values are none."""
    for platform, entry in members.items():
        _check_platform(entry, f"{key}.{platform}", platform, report)
        if isinstance(entry.value, (list, dict)):
            report.problem(entry, f"{key}.{platform}", "must be a text")
        elif entry.text and entry.value is not None:
            yield VariableValue(entry.text, (platform,))


def _is_twoway(members: Mapping[str, Entry], key: str, report: Report) -> bool:
    twoway, direction = members.get("is_twoway"), members.get("direction")
    if twoway is not None and not isinstance(twoway.value, bool):
        report.problem(twoway, f"{key}.is_twoway", "must be true or false")
    if direction is not None and direction.value not in _DIRECTIONS:
        report.problem(direction, f"{key}.direction", "must be oneway or twoway")
    if twoway is not None:
        return twoway.value is True
    return direction is not None and _DIRECTIONS.get(str(direction.value), False)


def _read_value(entry: Entry, key: str, report: Report) -> VariableValue | None:
    members = entry.members
    if not members:
        report.problem(entry, key, "must have a platform and a value")
        return None
    report.unknown_keys(members, key, _VALUE_KEYS)
    value = members.get("value")
    if value is None or value.value is None or isinstance(value.value, (list, dict)):
        hint = 'one that is nothing is written ""'
        report.problem(value or entry, key, "needs a value, which must be a text", hint)
        return None
    platforms = _platforms(members, key, report)
    if platforms is None:
        hint = f"add platform: {ALL_PLATFORMS}"
        report.problem(entry, key, "must say for which platform it is", hint)
        return None
    audience = members.get("audience")
    wanted = audience.value if audience is not None else _EVERYBODY
    if wanted in (_EVERYBODY, "", None):
        return VariableValue(value.text, platforms)
    if wanted not in list(Audience):
        known = [_EVERYBODY, *Audience]
        hint = nearest(str(wanted), known) or f"choose of {', '.join(known)}"
        report.problem(audience or entry, key, f"the audience {wanted!r} is not known", hint)
        return None
    return VariableValue(value.text, platforms, frozenset({Audience(wanted)}))


def _platforms(members: Mapping[str, Entry], key: str, report: Report) -> tuple[str, ...] | None:
    """The platforms of `platforms` and `platform`, both of which may be there."""
    found: list[str] = []
    for name in ("platforms", "platform"):
        entry = members.get(name)
        if entry is None or entry.value in (None, "", []):
            continue
        items = entry.value if isinstance(entry.value, list) else [entry]
        for item in items:
            platform = str(item.value)
            _check_platform(item, f"{key}.{name}", platform, report)
            found.append(platform)
    return tuple(dict.fromkeys(found)) or None


def _check_platform(entry: Entry, key: str, platform: str, report: Report) -> None:
    """Refuses what looks like a slip of the pen; warns of any other system that is not known."""
    if platform in _PLATFORMS:
        return
    what = f"the platform {platform!r} is not known"
    hint = nearest(platform, _PLATFORMS)
    if platform.lower() in _DARWIN_AS_PEOPLE_CALL_IT:
        hint = f"did you mean {Platform.DARWIN}?"
    if hint:
        report.problem(entry, key, what, hint)
    else:
        report.warning(entry, key, what, f"known are {', '.join(_PLATFORMS)}")
