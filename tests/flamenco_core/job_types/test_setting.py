"""Checking settings against their definitions, and the definitions themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.errors import InvalidInput, Problem
from flamenco_core.job_types.setting import definition_problems, filled_in_settings
from flamenco_core.model import AvailableJobSetting, SettingSubtype, SettingType


def setting(key: str = "it", kind: str = "string", **others: Any) -> AvailableJobSetting:
    return AvailableJobSetting(key=key, type=SettingType(kind), **others)


def problems_with(definition: AvailableJobSetting, value: object) -> list[Problem]:
    try:
        filled_in_settings([definition], {definition.key: value})
    except InvalidInput as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        (setting(), "text"),
        (setting(), ""),
        (setting(kind="int32"), 2**31 - 1),
        (setting(kind="int32"), -(2**31)),
        (setting(kind="float"), 24),
        (setting(kind="float"), 23.976),
        (setting(kind="bool"), False),
        (setting(kind="bool", required=True), False),
        (setting(kind="int32", required=True), 0),
        (setting(choices=["a", "b"]), "b"),
        (setting(kind="int32", propargs={"min": 0, "max": 32}), 0),
        (setting(kind="int32", propargs={"min": 0, "max": 32}), 32),
        (setting(kind="int32", propargs={"soft_min": 5, "soft_max": 6, "precision": "x"}), 1),
        (setting(kind="float", propargs={"min": 0.5}), 1),
    ],
)
def test_values_that_fit_are_kept_as_they_are(
    definition: AvailableJobSetting, value: object
) -> None:
    settings = filled_in_settings([definition], {"it": value})
    assert settings == {"it": value}
    assert type(settings["it"]) is type(value)


@pytest.mark.parametrize(
    ("definition", "value", "what"),
    [
        (setting(), 3, "must be text, not the number 3"),
        (setting(), None, "must be text, not null"),
        (setting(), ["a"], "must be text, not a list"),
        (setting(required=True), "", "is required and is empty"),
        (setting(kind="int32"), True, "must be a whole number, not true"),
        (setting(kind="int32"), 1.0, "must be a whole number, not the number 1.0"),
        (setting(kind="int32"), "1", "must be a whole number, not the text “1”"),
        (setting(kind="int32"), 2**31, "beyond what 32 bits can hold"),
        (setting(kind="int32"), -(2**31) - 1, "beyond what 32 bits can hold"),
        (setting(kind="float"), False, "must be a number, not false"),
        (setting(kind="float"), float("nan"), "must be a finite number"),
        (setting(kind="float"), float("inf"), "must be a finite number"),
        (setting(kind="float"), 10**400, "must be a finite number"),
        (setting(kind="bool"), 1, "must be true or false, not the number 1"),
        (setting(kind="bool"), 10**400, "must be true or false, not a huge number"),
        (setting(kind="bool"), {}, "must be true or false, not an object"),
        (setting(choices=["a", "b"]), "c", "“c” is not a choice"),
        (setting(kind="int32", propargs={"min": 1}), 0, "0 is too low"),
        (setting(kind="int32", propargs={"max": 32}), 33, "33 is too high"),
        (setting(kind="float", propargs={"min": 0.5}), 0.25, "0.25 is too low"),
    ],
)
def test_values_that_do_not_fit_are_refused_at_their_place(
    definition: AvailableJobSetting, value: object, what: str
) -> None:
    (problem,) = problems_with(definition, value)
    assert problem.where == "settings.it"
    assert what in problem.what


def test_everything_that_is_wrong_is_said_at_once() -> None:
    definitions = [
        setting("frames", required=True),
        setting("chunk_size", "int32", default=1),
        setting("format", choices=["PNG", "JPEG"]),
        setting("blendfile", required=True),
    ]
    submitted = {"chunk_size": "2", "format": "GIF", "blendfile": "/x.blend", "frame": "1-3"}
    with pytest.raises(InvalidInput) as caught:
        filled_in_settings(definitions, submitted)
    assert [str(problem) for problem in caught.value.problems] == [
        "settings.frame: this job type has no such setting (did you mean frames?)",
        "settings.frames: is required and was not given (give text)",
        "settings.chunk_size: must be a whole number, not the text “2”",
        "settings.format: “GIF” is not a choice (choose one of PNG, JPEG)",
    ]


def test_defaults_fill_what_was_left_out_and_settings_keep_the_order_of_the_type() -> None:
    definitions = [
        setting("a", "int32", default=3, required=True),
        setting("b"),
        setting("c", "bool", default=False),
        setting("d"),
    ]
    settings = filled_in_settings(definitions, {"d": "x"})
    assert list(settings.items()) == [("a", 3), ("c", False), ("d", "x")]


def test_the_switches_of_flamenco_3s_add_on_are_left_out() -> None:
    settings = filled_in_settings([setting("frames")], {"frames": "1", "autoeval_frames": True})
    assert settings == {"frames": "1"}
    with pytest.raises(InvalidInput):
        filled_in_settings([setting("frames")], {"autoeval_other": True})


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=5,
)


@given(st.sampled_from(list(SettingType)), JSON_VALUES)
def test_whatever_json_arrives_is_accepted_or_refused_with_a_short_sentence(
    kind: SettingType, value: object
) -> None:
    for problem in problems_with(setting(kind=kind.value), value):
        assert problem.where == "settings.it"
        assert 0 < len(problem.what) < 200


@pytest.mark.parametrize(
    ("definitions", "where", "what"),
    [
        ([setting("a"), setting("a", "bool")], "settings.a", "is defined twice"),
        ([setting("")], "settings[0]", "cannot be the key"),
        ([setting("b"), setting("a b")], "settings[1]", "cannot be the key"),
        ([setting("1a")], "settings[0]", "cannot be the key"),
        (
            [setting(kind="int32", subtype=SettingSubtype.FILE_PATH)],
            "settings.it",
            "can have a subtype",
        ),
        ([setting(kind="int32", choices=["1"])], "settings.it", "can have choices"),
        ([setting(choices=[])], "settings.it", "its list of choices is empty"),
        ([setting(choices=["a"], default="b")], "settings.it", "its default does not fit"),
        ([setting(kind="int32", default=True)], "settings.it", "its default does not fit"),
        ([setting(kind="int32", propargs={"min": "0"})], "settings.it", "limit min is not"),
        (
            [setting(kind="int32", propargs={"min": 3, "max": 2})],
            "settings.it",
            "exclude every value",
        ),
    ],
)
def test_definitions_that_make_no_sense_are_named(
    definitions: list[AvailableJobSetting], where: str, what: str
) -> None:
    (problem,) = definition_problems(definitions)
    assert problem.where == where
    assert what in problem.what
