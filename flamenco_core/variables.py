"""Variables: names in braces that stand for values that differ by platform and audience.

`{blender}` in a task's command becomes the program that starts Blender on the platform of the
worker that gets the task. What is replaced, and how:

- a placeholder is `{name}`; one without a value for the platform stays as it is;
- the value for the platform wins over the value for all platforms;
- texts are replaced wherever they stand in a parameter, lists and objects included; keys are not;
- values may name other variables; a loop between them is an error when they are loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flamenco_core.errors import Problem
from flamenco_core.model import Audience, ManagerVariable

ALL_PLATFORMS = "all"
_PLACEHOLDER = re.compile(r"\{([^{}\s]+)\}")


@dataclass(frozen=True, slots=True)
class VariableValue:
    """One value of a variable, and for whom it is."""

    value: str
    platforms: tuple[str, ...] = (ALL_PLATFORMS,)
    audiences: frozenset[Audience] = frozenset(Audience)


@dataclass(frozen=True, slots=True)
class Variable:
    values: tuple[VariableValue, ...]
    is_twoway: bool = False


@dataclass(frozen=True, slots=True)
class Variables:
    """All variables of a farm, by name."""

    by_name: Mapping[str, Variable] = field(default_factory=dict)

    def resolved(self, audience: Audience, platform: str) -> dict[str, ManagerVariable]:
        """The variables that have a value for this audience and platform, nested ones expanded."""
        raw = {
            name: value
            for name, variable in self.by_name.items()
            if (value := _pick(variable, audience, platform)) is not None
        }
        return {
            name: ManagerVariable(
                value=_expand(value, raw, seen=(name,)), is_twoway=self.by_name[name].is_twoway
            )
            for name, value in raw.items()
        }

    def problems(self) -> list[Problem]:
        """Loops between variables, each named once."""
        found: dict[frozenset[str], Problem] = {}
        for audience in Audience:
            for platform in sorted(self._platforms()):
                raw = {
                    name: value
                    for name, variable in self.by_name.items()
                    if (value := _pick(variable, audience, platform)) is not None
                }
                for loop in _loops(raw):
                    what = f"its value names itself through {' → '.join(loop)}"
                    found.setdefault(frozenset(loop), Problem(f"variables.{loop[0]}", what))
        return list(found.values())

    def _platforms(self) -> set[str]:
        return {
            platform
            for variable in self.by_name.values()
            for value in variable.values
            for platform in value.platforms
        }


def expand(value: Any, variables: Mapping[str, ManagerVariable]) -> Any:
    """Replaces the placeholders in every text inside `value` (text, list or object)."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(
            lambda match: variables[match[1]].value if match[1] in variables else match[0], value
        )
    if isinstance(value, list):
        return [expand(item, variables) for item in value]
    if isinstance(value, dict):
        return {key: expand(item, variables) for key, item in value.items()}
    return value


def _pick(variable: Variable, audience: Audience, platform: str) -> str | None:
    """The last value for the platform, else the last one for all platforms."""
    for wanted in (platform, ALL_PLATFORMS):
        for value in reversed(variable.values):
            if wanted in value.platforms and audience in value.audiences:
                return value.value
    return None


def _expand(text: str, raw: Mapping[str, str], *, seen: tuple[str, ...]) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name not in raw or name in seen:
            return match[0]
        return _expand(raw[name], raw, seen=(*seen, name))

    return _PLACEHOLDER.sub(replace, text)


def _loops(raw: Mapping[str, str]) -> Iterable[list[str]]:
    names = {
        name: [n for n in _PLACEHOLDER.findall(text) if n in raw] for name, text in raw.items()
    }
    for start in raw:
        path = _path_back(start, start, names, set())
        if path:
            yield [start, *path]


def _path_back(
    here: str, goal: str, names: Mapping[str, list[str]], visited: set[str]
) -> list[str] | None:
    for name in names[here]:
        if name == goal:
            return [name]
        if name not in visited:
            visited.add(name)
            rest = _path_back(name, goal, names, visited)
            if rest:
                return [name, *rest]
    return None
