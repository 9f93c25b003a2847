"""Which value a setting has at its submission."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from flamenco_addon.job_values import ExpressionError, JobValues
from flamenco_core.errors import InvalidInput
from flamenco_core.model import AvailableJobSetting, AvailableJobType
from flamenco_core.wire import from_json

LINK = {"showLinkButton": True}


def carry_out(expression: str, settings: JobValues) -> object:
    try:
        return eval(expression, {"settings": settings})
    except ExpressionError:
        raise
    except Exception as error:
        raise ExpressionError(f"cannot be computed: {error}") from error


def values(
    *settings: Mapping[str, Any],
    stored: Mapping[str, Any] | None = None,
    linked: Collection[str] = (),
    decided: Mapping[str, Any] | None = None,
) -> JobValues:
    definitions = [
        from_json({"type": "string", **fields}, AvailableJobSetting) for fields in settings
    ]
    job_type = AvailableJobType(name="a", label="A", settings=definitions, etag="1")
    return JobValues(
        job_type, stored=stored or {}, linked=linked, evaluate=carry_out, decided=decided
    )


@pytest.mark.parametrize(
    ("fields", "linked", "expected"),
    [
        ({"eval": "'new'"}, (), "stored"),
        ({"eval": "'new'", "evalInfo": LINK}, ("x",), "new"),
        ({"eval": "'new'", "evalInfo": LINK}, (), "stored"),
        ({"eval": "'new'", "visible": "hidden"}, (), "new"),
        ({"eval": "'new'", "visible": "web"}, (), "new"),
        ({"eval": "'new'", "visible": "submission"}, (), "stored"),
        ({"eval": "'new'", "editable": False}, (), "new"),
        ({"editable": False, "default": "usual"}, (), "usual"),
        ({"eval": "None", "visible": "hidden", "default": "usual"}, (), "usual"),
        ({"default": "usual"}, (), "stored"),
    ],
)
def test_where_a_value_comes_from(
    fields: dict[str, Any], linked: Collection[str], expected: str
) -> None:
    found = values({"key": "x", **fields}, stored={"x": "stored"}, linked=linked)
    assert found.value("x") == expected


def test_a_text_that_was_never_filled_in_is_computed() -> None:
    assert values({"key": "x", "eval": "'new'"}, stored={"x": ""}).value("x") == "new"


def test_what_the_submission_decides_counts_most() -> None:
    found = values(
        {"key": "frames", "eval": "'1-10'", "evalInfo": LINK},
        {"key": "name", "eval": "settings.frames + '!'", "visible": "hidden"},
        linked={"frames"},
        decided={"frames": "7"},
    )
    assert found.all_values() == {"frames": "7", "name": "7!"}


def test_computed_settings_see_others_in_any_order() -> None:
    found = values(
        {"key": "c", "eval": "settings.b + 'c'", "editable": False},
        {"key": "b", "eval": "settings.a + 'b'", "visible": "hidden"},
        {"key": "a"},
        stored={"a": "a"},
    )
    assert found.all_values() == {"a": "a", "b": "ab", "c": "abc"}


def test_settings_that_depend_on_themselves_are_named() -> None:
    found = values(
        {"key": "a", "eval": "settings.b", "editable": False},
        {"key": "b", "eval": "settings.a", "editable": False},
    )
    with pytest.raises(InvalidInput) as refusal:
        found.all_values()
    assert "a → b → a" in refusal.value.problems[0].what


@pytest.mark.parametrize(
    ("kind", "expression", "expected"),
    [
        ("float", "24", 24.0),
        ("int32", "3.0", 3),
        ("bool", "1", True),
        ("string", "12", "12"),
        ("string", "__import__('pathlib').PurePosixPath('/a', 'b')", "/a/b"),
    ],
)
def test_expressions_give_what_the_setting_means(
    kind: str, expression: str, expected: object
) -> None:
    found = values({"key": "x", "type": kind, "eval": expression, "visible": "hidden"}).value("x")
    assert found == expected
    assert type(found) is type(expected)


def test_all_expressions_that_fail_are_told_together() -> None:
    found = values(
        {"key": "a", "eval": "1 / 0", "visible": "hidden"},
        {"key": "b", "type": "int32", "eval": "'x'", "visible": "hidden"},
        {"key": "c", "default": "fine"},
    )
    with pytest.raises(InvalidInput) as refusal:
        found.all_values()
    problems = {problem.where: problem.what for problem in refusal.value.problems}
    assert problems.keys() == {"settings.a", "settings.b"}
    assert "division by zero" in problems["settings.a"]
    assert "'x'" in problems["settings.b"]


def test_a_setting_without_any_value_is_left_to_the_manager() -> None:
    assert values({"key": "x", "visible": "hidden"}).all_values() == {}


def test_an_expression_cannot_ask_for_settings_that_are_not_there() -> None:
    with pytest.raises(InvalidInput, match="no setting “other”"):
        values({"key": "x", "eval": "settings.other", "visible": "hidden"}).all_values()
