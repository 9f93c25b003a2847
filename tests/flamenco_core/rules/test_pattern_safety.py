"""Regular expressions that could take for ever are told from those that people need."""

from __future__ import annotations

import re

import pytest

from flamenco_core.errors import InvalidInput
from flamenco_core.rules.failure_classes import BUILT_IN, parse_failure_classes
from flamenco_core.rules.pattern_safety import repeats_a_repetition


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(a|b|ab)*c",
        r"(?:\w+\s?)*x",
        "((a*)b){3,}c",
        "(?=(a+)+)x",
        "(?P<name>a+?)+?",
        "(a?){20}b",
        "x(y|(a*)*)z",
    ],
)
def test_a_repetition_of_a_repetition_or_a_choice_is_found(pattern: str) -> None:
    assert repeats_a_repetition(re.compile(pattern, re.IGNORECASE))


@pytest.mark.parametrize(
    "pattern",
    [
        "cannot .* texture .* server",
        r"texture \d+ timed out",
        "^Traceback",
        r"(\d+ )?x",
        "(ab)+",
        "(?i:x)+",
        "(foo|bar) x*",
        "[a-z]+(err|warn)",
        r"(\d{1,3}\.){3}\d+",
        "(a++)+",
        "(?!ab*)c",
        *(each.pattern for known in BUILT_IN for each in known.patterns),
    ],
)
def test_what_people_need_is_not_mistaken_for_one(pattern: str) -> None:
    assert not repeats_a_repetition(re.compile(pattern, re.IGNORECASE))


def test_such_a_pattern_of_a_studio_is_refused_with_its_line() -> None:
    text = "slow:\n  patterns: ['fine', '(a+)+b']\n  policy: fatal\n  sentence: It is slow.\n"
    with pytest.raises(InvalidInput) as refused:
        parse_failure_classes(text, name="failure-classes.yaml")
    (problem,) = refused.value.problems
    assert problem.where == "failure-classes.yaml, line 2"
    assert "slow.patterns has '(a+)+b', which could take for ever" in problem.what
