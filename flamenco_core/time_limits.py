"""How long programs of tasks may be silent, stand still, run, and take to quit.

A worker has limits of its own, and a job can have others in its metadata: `limits.silence` with
`30m`, say. They reach the worker as the parameter `limits` of each command, which other workers
pass over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

from flamenco_core.durations import parse_duration
from flamenco_core.errors import InvalidInput, Problem, one_problem
from flamenco_core.failure_share import FAILED_TASKS_KEY

PARAMETER = "limits"
"""Of commands."""
METADATA_PREFIX = "limits."
"""Of keys in a job's metadata."""
NO_LIMIT = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """`None` stands for no limit."""

    silence: timedelta | None = None
    """Without a line of output."""
    progress: timedelta | None = None
    """Without a new frame or sample of one; loading the file counts as standing still."""
    total: timedelta | None = None
    """From the start of a program to its end."""
    quitting: timedelta | None = None
    """From the last frame to the end of Blender; it is ended then, and the frames count."""

    def changed_by(self, changes: Mapping[str, timedelta | None]) -> TimeLimits:
        """The same with other values for some of the limits, by their names."""
        return replace(self, **changes)


LIMIT_NAMES = tuple(field.name for field in fields(TimeLimits))


def parse_limits(
    values: Any, *, where: str = PARAMETER, besides: Sequence[str] = ()
) -> dict[str, timedelta | None]:
    """Limits by their names, from durations such as `30m`, or `off`.

    `besides` are names that others read at the same place, for the hint at wrong ones.

    Raises:
        InvalidInput: with every problem, placed at `where` and the name.
    """
    if not isinstance(values, Mapping):
        raise one_problem(where, "must have the names of limits as its keys", _known(besides))
    problems: list[Problem] = []
    limits: dict[str, timedelta | None] = {}
    for name, value in values.items():
        place = f"{where}.{name}" if where else str(name)
        if name not in LIMIT_NAMES:
            problems.append(Problem(place, "there is no such limit", _known(besides)))
            continue
        try:
            limits[name] = _limit(value, place)
        except InvalidInput as error:
            problems.extend(error.problems)
    if problems:
        raise InvalidInput("The time limits cannot be used", problems=problems)
    return limits


def limits_of_job(metadata: Mapping[str, Any]) -> dict[str, str]:
    """The limits in a job's metadata by their names, as they stand there.

    Without the one that is the Manager's: workers of any age would not know it.
    """
    return {
        key.removeprefix(METADATA_PREFIX): value
        for key, value in metadata.items()
        if key.startswith(METADATA_PREFIX) and key != FAILED_TASKS_KEY
    }


def _known(besides: Sequence[str]) -> str:
    return f"there are {', '.join((*LIMIT_NAMES, *besides))}"


def _limit(value: Any, place: str) -> timedelta | None:
    # YAML makes False of a plain `off`.
    if value is None or value is False or (isinstance(value, str) and value.lower() == NO_LIMIT):
        return None
    try:
        limit = parse_duration(value, where=place)
    except InvalidInput as error:
        (problem,) = error.problems
        raise InvalidInput(
            error.message,
            problems=[Problem(place, problem.what, f"{problem.hint}, or {NO_LIMIT}")],
        ) from error
    if limit <= timedelta(0):
        problem = Problem(place, "must be longer than nothing", f"write {NO_LIMIT} for no limit")
        raise InvalidInput("The time limits cannot be used", problems=[problem])
    return limit
