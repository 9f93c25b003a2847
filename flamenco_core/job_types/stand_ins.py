"""What stands in for texts that are missing, so that a job type can look at the other settings.

A submission lacks a required text, and something is wrong that only the job type's script sees:
both are to be told at once. So the script is tried with a stand-in. What it says of that does not
count, and numbers and choices have none, since other settings may be measured by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flamenco_core.errors import Problem
from flamenco_core.model import AvailableJobSetting, SettingType

STAND_IN = "1"
"""A file name, a frame range, a word: as many kinds of texts as possible."""

_PREFIX = "settings."


def stand_ins(
    definitions: Sequence[AvailableJobSetting],
    given: Mapping[str, Any],
    problems: Iterable[Problem],
) -> dict[str, str] | None:
    """What to try a script with beside the given settings; None if more is wrong than that."""
    wrong = {
        problem.where.removeprefix(_PREFIX)
        for problem in problems
        if problem.where.startswith(_PREFIX)
    }
    missing = {
        definition.key
        for definition in definitions
        if definition.type is SettingType.STRING
        and definition.required
        and definition.choices is None
        and not given.get(definition.key)
    }
    return dict.fromkeys(sorted(wrong), STAND_IN) if wrong <= missing else None


def of_other_settings(problems: Iterable[Problem], stood_in: Mapping[str, str]) -> list[Problem]:
    """What a script found in settings that were really given."""
    return [
        problem
        for problem in problems
        if problem.where.startswith(_PREFIX) and problem.where.removeprefix(_PREFIX) not in stood_in
    ]
