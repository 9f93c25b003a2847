"""What Blender property each setting becomes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_addon.setting_properties import (
    default_of,
    fitting_value,
    label_of,
    numbered_choices,
    property_plans,
    python_name,
    settings_groups,
    stable_number,
)
from flamenco_core.model import AvailableJobSetting, AvailableJobType
from flamenco_core.wire import from_json


def setting(key: str = "value", **fields: Any) -> AvailableJobSetting:
    return from_json({"key": key, "type": "string", **fields}, AvailableJobSetting)


def job_type(*settings: AvailableJobSetting) -> AvailableJobType:
    return AvailableJobType(name="a-type", label="A", settings=[*settings], etag="1")


def plan_of(**fields: Any) -> Any:
    return property_plans(job_type(setting(**fields)))[0]


@pytest.mark.parametrize(
    ("fields", "factory", "default"),
    [
        ({"type": "string"}, "StringProperty", ""),
        ({"type": "string", "default": "x"}, "StringProperty", "x"),
        ({"type": "bool"}, "BoolProperty", False),
        ({"type": "bool", "default": True}, "BoolProperty", True),
        ({"type": "int32", "default": 7}, "IntProperty", 7),
        ({"type": "float", "default": 2}, "FloatProperty", 2.0),
        ({"type": "string", "choices": ["a", "b"]}, "EnumProperty", "a"),
        ({"type": "string", "choices": ["a", "b"], "default": "b"}, "EnumProperty", "b"),
        ({"type": "string", "choices": ["a"], "default": "gone"}, "EnumProperty", "a"),
        ({"type": "int32", "default": "three"}, "IntProperty", 0),
        ({"type": "int32", "propargs": {"min": 3}}, "IntProperty", 3),
        ({"type": "int32", "choices": ["1"]}, "IntProperty", 0),
    ],
)
def test_each_type_has_its_property_and_a_default_that_fits(
    fields: dict[str, Any], factory: str, default: object
) -> None:
    plan = plan_of(**fields)
    assert (plan.factory, plan.arguments["default"]) == (factory, default)
    assert type(plan.arguments["default"]) is type(default)


@pytest.mark.parametrize(
    ("subtype", "expected"),
    [
        ("file_path", "FILE_PATH"),
        ("dir_path", "DIR_PATH"),
        ("file_name", "FILE_NAME"),
        ("hashed_file_path", "FILE_PATH"),
    ],
)
def test_subtypes_are_those_of_blender(subtype: str, expected: str) -> None:
    assert plan_of(subtype=subtype).arguments["subtype"] == expected


def test_limits_are_numbers_of_the_type_and_unknown_arguments_are_left_out() -> None:
    given_arguments = {"min": 1.0, "max": 2**40, "soft_max": "many", "step": 2, "nonsense": 1}
    arguments = plan_of(type="int32", propargs=given_arguments).arguments
    assert (arguments["min"], arguments["max"], arguments["step"]) == (1, 2**31 - 1, 2)
    assert type(arguments["min"]) is int
    assert not {"soft_max", "nonsense"} & arguments.keys()


def test_a_setting_that_blender_can_fill_in_has_a_switch_beside_it() -> None:
    linked = setting(
        "frames", eval="1", evalInfo={"showLinkButton": True, "description": "Scene range"}
    )
    plain = setting("fps", eval="1")
    plans = property_plans(job_type(linked, plain))
    assert [plan.key for plan in plans] == ["frames", "autoeval_frames", "fps"]
    assert plans[1].arguments["default"] is True
    assert "Scene range" in plans[1].arguments["description"]


def test_a_setting_that_is_not_editable_is_computed_and_has_no_switch() -> None:
    fields: dict[str, Any] = {"eval": "1", "editable": False, "evalInfo": {"showLinkButton": True}}
    plans = property_plans(job_type(setting(**fields)))
    assert [(plan.key, plan.is_computed) for plan in plans] == [("value", True)]


def test_labels_come_from_the_manager_or_are_made_of_the_key() -> None:
    assert label_of(setting("chunk_size")) == "Chunk Size"
    assert label_of(setting("chunk_size", label="Frames per Task")) == "Frames per Task"


def test_choices_keep_their_numbers_when_others_come_and_go() -> None:
    before = {item[0]: item[3] for item in numbered_choices(["a", "b", "c"])}
    after = {item[0]: item[3] for item in numbered_choices(["c", "x", "a"])}
    assert (before["a"], before["c"]) == (after["a"], after["c"])


@given(st.lists(st.text(max_size=20), max_size=40))
def test_every_choice_has_a_number_of_its_own_that_blender_can_store(choices: list[str]) -> None:
    items = numbered_choices(choices)
    assert [item[0] for item in items] == list(dict.fromkeys(choices))
    numbers = [item[3] for item in items]
    assert len(set(numbers)) == len(numbers)
    assert all(0 <= number < 2**31 for number in numbers)


@given(st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=80))
def test_names_of_job_types_stay_apart_and_are_names_in_python(one: str, other: str) -> None:
    assert python_name(one).isidentifier()
    assert len(python_name(one).encode()) < 63
    if one != other and {one.replace("-", "_"), other.replace("-", "_")} == {one, other}:
        assert python_name(one) != python_name(other)


def test_the_usual_name_stays_readable() -> None:
    assert python_name("simple-blender-render") == "simple_blender_render"
    assert python_name("simple blender render") != "simple_blender_render"
    assert stable_number("simple-blender-render") == stable_number("simple-blender-render")


@pytest.mark.parametrize(
    ("fields", "value", "expected"),
    [
        ({"type": "int32", "propargs": {"max": 5}}, 9, 5),
        ({"type": "int32", "propargs": {"min": 2}}, 1, 2),
        ({"type": "int32"}, 2**40, 2**31 - 1),
        ({"type": "int32"}, True, None),
        ({"type": "int32"}, "3", None),
        ({"type": "float"}, 3, 3.0),
        ({"type": "bool"}, 1, None),
        ({"type": "string", "choices": ["a"]}, "b", None),
        ({"type": "string", "choices": ["a"]}, "a", "a"),
        ({"type": "string"}, "anything", "anything"),
    ],
)
def test_values_that_still_fit_are_kept(
    fields: dict[str, Any], value: object, expected: object
) -> None:
    assert fitting_value(setting(**fields), value) == expected


@given(
    st.sampled_from(["string", "int32", "float", "bool"]),
    st.one_of(st.none(), st.text(), st.integers(), st.floats(allow_nan=False), st.booleans()),
)
def test_whatever_a_job_type_gives_as_default_the_property_gets_one_that_fits(
    kind: str, default: object
) -> None:
    definition = setting(type=kind, default=default) if default is not None else setting(type=kind)
    assert fitting_value(definition, default_of(definition)) is not None


def test_settings_are_grouped_and_hidden_ones_are_not_shown() -> None:
    groups = settings_groups(
        job_type(
            setting("frames"),
            setting("samples", type="int32"),
            setting("render_output_root", subtype="dir_path"),
            setting("secret", visible="hidden"),
            setting("blendfile", visible="web"),
            setting("chunk_size", type="int32", visible="submission"),
        )
    )
    assert {group.identifier: [each.key for each in group.settings] for group in groups} == {
        "frames": ["frames", "chunk_size"],
        "settings": ["samples"],
        "output": ["render_output_root"],
    }
