"""Variables: names in braces that stand for values that differ by platform and audience.

A one-way variable is a value that the Manager fills in: `{blender}` in a task's command becomes
the program that starts Blender on the platform of the worker that gets the task. A two-way
variable is a folder that has another path on each platform; it is also recognised in what is
submitted. `{jobs}`, the folder of the jobs' files, is always there.

The algorithm, which has no other input than the configuration, the audience, the platform and
the text:

**The table** for an audience and a platform. Of a variable's values the last one for the platform
wins, else the last one for all platforms. Two-way values lose their trailing separators; an empty
one is none. Values may name other variables, which are filled in; a loop is an error when the
configuration is loaded. `{jobs}` is the Manager's own path of that folder, translated as in
step 3 below.

**Value → `{name}`** (`VariableTable.abbreviate`; a job's settings and metadata at its submission).
A text that lies in the folder of a two-way variable becomes `{name}` and the rest. Components are
compared as wholes, without regard to case, to which separators are used, and to the prefix that
Windows has for long paths (`\\\\?\\F:\\`). Of several folders the
one with the most components wins; then one whose case is the same; then the first name. The rest
gets forward slashes, so that what is stored is the same wherever it came from.

**`{name}` → value** (`VariableTable.expand`; a task's commands when a worker gets them):

1. One-way placeholders are replaced. A name without a value for the platform stays as it is.
2. Each placeholder of a two-way variable and `{jobs}` is replaced together with the path that it
   begins, which gets the platform's separators. Nothing else does. How far the path goes:
   - where the text up to it holds neither blanks nor quotes (`{shots}/my shot/a.blend`,
     `--output={shots}/a`), it goes on to a double quote, `<`, `>`, `|`, the end of the line, or a
     blank and an option (` --frame=1`);
   - anywhere else the text is code or a line of arguments: up to the closing quote, or to a blank,
     quote, comma, semicolon or parenthesis. There the path has forward slashes on Windows too,
     which reads both, because a backslash means something else to Python and to a shell.
3. A text that begins with the path of a two-way variable on the Manager's own platform, as scripts
   and the Manager may write it, gets the target's path instead. Again the folder with the most
   components wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flamenco_core.errors import Problem
from flamenco_core.model import Audience, ManagerVariable, Platform
from flamenco_core.paths import (
    NEVER_IN_A_PATH,
    PathOnPlatform,
    PathWithVariable,
    StoredPath,
    component_count,
    join,
    rest_below,
    separator_on,
    this_platform,
    with_separator,
    without_trailing_separators,
)

ALL_PLATFORMS = "all"
JOBS = "jobs"
"""The implicit variable."""

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_END_OF_PATH = re.compile(r'["<>|\r\n]|\s+--?[A-Za-z][\w-]*(?=[\s=]|$)')
_END_OF_PATH_IN_CODE = re.compile(r"[\s\"'`,;()<>|]")
_QUOTES = "\"'`"
_BLANK_OR_QUOTE = re.compile(r"[\s\"'`]")


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
    """All configured variables of a farm, by name."""

    by_name: Mapping[str, Variable] = field(default_factory=dict)

    def table(
        self,
        audience: Audience,
        platform: str,
        *,
        job_storage: str = "",
        manager_platform: str | None = None,
    ) -> VariableTable:
        """The variables as an audience on a platform sees them.

        `job_storage` is the Manager's own path of the jobs' files; without it there is no
        `{jobs}`. `manager_platform` is the platform of this program if it is left out.
        """
        manager_platform = manager_platform or this_platform()
        twoway = frozenset(name for name, each in self.by_name.items() if each.is_twoway)
        raw = self._raw(audience, platform)
        values = _filled_in(raw, twoway, platform)
        swaps: tuple[_Swap, ...] = ()
        if (audience, platform) != (Audience.WORKERS, manager_platform):
            # The Manager sees the farm as a worker on its platform does.
            own = _filled_in(
                self._raw(Audience.WORKERS, manager_platform), twoway, manager_platform
            )
            swaps = _swaps(own, values, twoway, ignore_case=manager_platform != Platform.LINUX)
        paths = twoway
        if job_storage:
            jobs = _swapped(job_storage, swaps, platform)
            if jobs is not None or platform == manager_platform:
                paths |= {JOBS}
            # Values that name {jobs} can only be filled in now that it is known.
            values = _filled_in({**raw, JOBS: jobs or job_storage}, paths, platform)
            raw = {**raw, JOBS: job_storage}
        located = _beginning_with_paths(raw, paths)
        return VariableTable(audience, platform, values, twoway, paths, located, swaps)

    def problems(self, *, job_storage: str = "") -> list[Problem]:
        """Loops between variables, each named once.

        `job_storage` is how the folder of the jobs' files is written, which may name variables.
        """
        by_name = self.by_name
        if job_storage:
            by_name = {**by_name, JOBS: Variable((VariableValue(job_storage),))}
        found: dict[frozenset[str], Problem] = {}
        for audience in Audience:
            for platform in sorted({ALL_PLATFORMS, *self._platforms()}):
                for loop in _loops(Variables(by_name)._raw(audience, platform)):
                    what = f"its value names itself through {' → '.join(loop)}"
                    found.setdefault(frozenset(loop), Problem(f"variables.{loop[0]}", what))
        return list(found.values())

    def _raw(self, audience: Audience, platform: str) -> dict[str, str]:
        return {
            name: value
            for name, variable in self.by_name.items()
            if (value := _pick(variable, audience, platform)) is not None
        }

    def _platforms(self) -> Iterator[str]:
        for variable in self.by_name.values():
            for value in variable.values:
                yield from value.platforms


@dataclass(frozen=True, slots=True)
class _Swap:
    """A folder of the Manager, and where it is on the target."""

    own: str
    target: str
    ignore_case: bool


@dataclass(frozen=True, slots=True)
class VariableTable:
    """The variables as one audience on one platform sees them; made by `Variables.table`."""

    audience: Audience
    platform: str
    values: Mapping[str, str]
    """With all variables in them filled in."""
    twoway: frozenset[str]
    _paths: frozenset[str]
    """Those whose values are paths on this platform."""
    _located: frozenset[str]
    """Those whose values begin with such a path."""
    _swaps: tuple[_Swap, ...]

    def as_sent(self) -> dict[str, ManagerVariable]:
        """What a client is told."""
        return {
            name: ManagerVariable(value=value, is_twoway=name in self.twoway)
            for name, value in self.values.items()
        }

    def expand(self, value: Any) -> Any:
        """Replaces placeholders by values in every text in `value`, a text, list or object.

        The keys of objects stay as they are.
        """
        return _in_every_text(value, self._expand)

    def abbreviate(self, value: Any) -> Any:
        """Replaces folders by placeholders in every text in `value`, a text, list or object."""
        return _in_every_text(value, lambda text: str(self.stored(text)))

    def stored(self, text: str) -> StoredPath:
        """The path below the variable that covers most of it; as it is, if none does."""
        given = PathWithVariable.parse(text)
        if given is not None and given.variable in self._paths:
            return given
        best: tuple[tuple[int, bool, str], str] | None = None
        for name in self.twoway:
            value = self.values.get(name, "")
            if not value or "{" in value:
                continue
            rest = rest_below(text, value, ignore_case=True)
            if rest is None:
                continue
            is_exact = rest_below(text, value, ignore_case=False) is not None
            key = (-component_count(value), not is_exact, name)
            if best is None or key < best[0]:
                best = (key, rest)
        if best is None:
            return PathOnPlatform(text, self.platform)
        (_, _, name), rest = best
        end = _end(NEVER_IN_A_PATH, rest)
        return PathWithVariable(name, with_separator(rest[:end], "/") + rest[end:])

    def located(self, path: StoredPath) -> PathOnPlatform:
        """Where a stored path is on this platform."""
        return PathOnPlatform(self._expand(str(path)), self.platform)

    def with_oneway(self, values: Mapping[str, str]) -> VariableTable:
        """The same with other values for one-way variables; names that are none are left out."""
        known = {
            name: value
            for name, value in values.items()
            if name in self.values and name not in self._paths
        }
        return replace(self, values={**self.values, **known}) if known else self

    def missing(self, text: str) -> list[str]:
        """The names in a text's placeholders that have no value here."""
        return [name for name in _PLACEHOLDER.findall(text) if name not in self.values]

    def _expand(self, text: str) -> str:
        filled = _fill(text, self.values, self._paths, self.platform)
        if self._swaps and _first_name(text) not in self._located:
            end = _end(_END_OF_PATH, filled)
            swapped = _swapped(filled[:end], self._swaps, self.platform)
            if swapped is not None:
                return swapped + filled[end:]
        return filled


def _in_every_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_in_every_text(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _in_every_text(item, change) for key, item in value.items()}
    return value


def _pick(variable: Variable, audience: Audience, platform: str) -> str | None:
    """The last value for the platform, else the last one for all platforms."""
    for wanted in (platform, ALL_PLATFORMS):
        for value in reversed(variable.values):
            if wanted not in value.platforms or audience not in value.audiences:
                continue
            if value.value or not variable.is_twoway:
                return value.value
    return None


def _filled_in(raw: Mapping[str, str], paths: frozenset[str], platform: str) -> dict[str, str]:
    """The values with the variables in them filled in; what is in a loop stays as it is."""
    done: dict[str, str] = {}

    def fill(name: str, seen: tuple[str, ...]) -> str:
        if name not in done:
            text = raw[name]
            nested = {
                each: fill(each, (*seen, each))
                for each in _PLACEHOLDER.findall(text)
                if each in raw and each not in seen
            }
            text = _fill(text, nested, paths, platform)
            if name in paths:
                text = with_separator(without_trailing_separators(text), separator_on(platform))
            done[name] = text
        return done[name]

    for name in raw:
        fill(name, (name,))
    return done


def _fill(text: str, values: Mapping[str, str], paths: frozenset[str], platform: str) -> str:
    """Steps 1 and 2 of `{name}` → value."""
    if "{" not in text:
        return text

    def plain(match: re.Match[str]) -> str:
        name = match[1]
        return values.get(name, match[0]) if name not in paths else match[0]

    text = _PLACEHOLDER.sub(plain, text)
    places = [each for each in _PLACEHOLDER.finditer(text) if each[1] in paths & values.keys()]
    parts: list[str] = []
    end, is_code = 0, False
    for index, place in enumerate(places):
        limit = places[index + 1].start() if index + 1 < len(places) else len(text)
        before = text[end : place.start()]
        is_code = is_code or bool(_BLANK_OR_QUOTE.search(before))
        end = place.end() + _length_of_path(text[place.end() : limit], before, is_code=is_code)
        separator = "/" if is_code else separator_on(platform)
        parts += [before, join(values[place[1]], text[place.end() : end], separator)]
    return "".join([*parts, text[end:]])


def _length_of_path(rest: str, before: str, *, is_code: bool) -> int:
    """How much of `rest`, which follows a placeholder, belongs to its path."""
    if not is_code:
        return _end(_END_OF_PATH, rest)
    quote = before[-1:]
    if quote and quote in _QUOTES:
        return _end(re.compile(rf"{quote}|[\r\n]"), rest)
    return _end(_END_OF_PATH_IN_CODE, rest)


def _end(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.search(text)
    return match.start() if match else len(text)


def _first_name(text: str) -> str:
    """The name in the placeholder that a text begins with; empty if it begins with none."""
    match = _PLACEHOLDER.match(text)
    return match[1] if match else ""


def _beginning_with_paths(raw: Mapping[str, str], paths: frozenset[str]) -> frozenset[str]:
    found = {name for name in paths if name in raw}
    while more := {name for name, text in raw.items() if _first_name(text) in found} - found:
        found |= more
    return frozenset(found)


def _swaps(
    own: Mapping[str, str],
    target: Mapping[str, str],
    twoway: frozenset[str],
    *,
    ignore_case: bool,
) -> tuple[_Swap, ...]:
    """The folders that both the Manager and the target have, the deepest first."""
    shared = [
        (name, own[name])
        for name in sorted(twoway)
        if name in own and name in target and "{" not in own[name] + target[name]
    ]
    shared.sort(key=lambda each: -component_count(each[1]))
    return tuple(_Swap(value, target[name], ignore_case) for name, value in shared)


def _swapped(text: str, swaps: Iterable[_Swap], platform: str) -> str | None:
    for swap in swaps:
        rest = rest_below(text, swap.own, ignore_case=swap.ignore_case)
        if rest is not None:
            return join(swap.target, rest, separator_on(platform))
    return None


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
