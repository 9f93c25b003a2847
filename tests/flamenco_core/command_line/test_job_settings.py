"""From texts and the scene's facts to settings of the right types."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.command_line.job_settings import (
    SubmissionFacts,
    make_settings,
    parse_assignments,
    typed_value,
)
from flamenco_core.errors import InvalidInput
from flamenco_core.job_types.library import JobTypeLibrary
from flamenco_core.model import AvailableJobSetting, AvailableJobType, SettingType
from flamenco_core.packing import BlendFacts, SceneFacts
from flamenco_core.packing.scene_facts import ImageFormat

SCENE = SceneFacts(
    name="Shot",
    frame_start=3,
    frame_end=7,
    fps=29.97,
    width=100,
    height=50,
    image_format=ImageFormat("PNG", ".png"),
    has_previews=False,
)
OTHER = replace(SCENE, name="Other", frame_start=1, frame_end=2, image_format=None)
FACTS = SubmissionFacts(
    job_name="shot 10: final",
    output_folder="/farm/renders",
    blend=Path("/show/shots/010/scene.blend"),
    blend_facts=BlendFacts("4.5", "Shot", (SCENE, OTHER)),
    blendfile_on_farm="{jobs}/x/scene.blend",
)


@pytest.fixture(scope="module")
def render_type() -> AvailableJobType:
    return JobTypeLibrary([]).get("simple-blender-render")


def places(caught: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    return [problem.where for problem in caught.value.problems]


def test_what_is_not_given_is_read_from_the_scene(render_type: AvailableJobType) -> None:
    settings = make_settings(render_type, {}, FACTS)
    assert settings == {
        "frames": "3-7",
        "chunk_size": 1,
        "render_output_root": "/farm/renders",
        "add_path_components": 0,
        "render_output_path": "/farm/renders/shot 10_ final/{timestamp}/######",
        "blendfile": "{jobs}/x/scene.blend",
        "fps": 29.97,
        "format": "PNG",
        "image_file_extension": ".png",
        "has_previews": False,
        "scene": "Shot",
    }


def test_what_is_given_wins_and_has_the_settings_type(render_type: AvailableJobType) -> None:
    given = {
        "frames": "1,5",
        "chunk_size": "3",
        "fps": "12.5",
        "has_previews": "yes",
        "render_output_root": "/elsewhere/",
        "add_path_components": "2",
    }
    settings = make_settings(render_type, given, FACTS)
    assert {key: settings[key] for key in given} == {
        "frames": "1,5",
        "chunk_size": 3,
        "fps": 12.5,
        "has_previews": True,
        "render_output_root": "/elsewhere",
        "add_path_components": 2,
    }
    assert settings["render_output_path"] == (
        "/elsewhere/shots/010/shot 10_ final/{timestamp}/######"
    )


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ("{render}/x", "{render}/x"),
        ("here", f"{Path.cwd().as_posix()}/here"),
        ("~/frames", f"{Path.home().as_posix()}/frames"),
    ],
)
def test_a_relative_output_folder_becomes_absolute_but_variables_stay(
    render_type: AvailableJobType, root: str, expected: str
) -> None:
    settings = make_settings(render_type, {"render_output_root": root}, FACTS)
    assert settings["render_output_root"] == expected
    assert settings["render_output_path"].startswith(f"{expected}/shot")


def test_more_path_components_than_there_are_give_all_without_the_root(
    render_type: AvailableJobType,
) -> None:
    settings = make_settings(render_type, {"add_path_components": "32"}, FACTS)
    assert settings["render_output_path"].startswith("/farm/renders/show/shots/010/shot 10")


def test_another_scene_brings_its_own_frames(render_type: AvailableJobType) -> None:
    given = {"scene": "Other", "format": "PNG", "image_file_extension": ".png"}
    settings = make_settings(render_type, given, FACTS)
    assert (settings["scene"], settings["frames"]) == ("Other", "1-2")


def test_every_problem_is_told_at_once(render_type: AvailableJobType) -> None:
    given = {
        "frames": "1-x",
        "chunk_size": "many",
        "has_previews": "perhaps",
        "add_path_components": "99",
        "resolution": "4k",
    }
    with pytest.raises(InvalidInput) as caught:
        make_settings(render_type, given, FACTS)
    assert sorted(places(caught)) == [f"settings.{key}" for key in sorted(given)]


def test_a_scene_that_the_file_does_not_have_is_refused_with_those_it_has(
    render_type: AvailableJobType,
) -> None:
    with pytest.raises(InvalidInput, match=r"no scene 'Nope' \(it has Shot, Other\)"):
        make_settings(render_type, {"scene": "Nope"}, FACTS)


def test_a_format_that_cannot_be_read_has_to_be_given(render_type: AvailableJobType) -> None:
    with pytest.raises(InvalidInput) as caught:
        make_settings(render_type, {"scene": "Other"}, FACTS)
    assert places(caught) == ["settings.format", "settings.image_file_extension"]


def test_a_job_type_without_a_file_needs_no_facts() -> None:
    echo = JobTypeLibrary([]).get("echo-sleep-test")
    facts = SubmissionFacts(job_name="x", output_folder="/r")
    settings = make_settings(echo, {"message": "a=b"}, facts)
    assert settings["message"] == "a=b"
    assert "render_output_root" not in settings


def test_assignments_may_hold_equals_signs_and_all_bad_ones_are_named() -> None:
    assert parse_assignments(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    with pytest.raises(InvalidInput) as caught:
        parse_assignments(["a=1", "frames", "=5", "a=2"])
    assert places(caught) == ["--set frames", "--set =5", "--set a=2"]


@pytest.mark.parametrize(
    ("setting_type", "text", "value"),
    [
        (SettingType.INT32, "12", 12),
        (SettingType.INT32, "1.5", "1.5"),
        (SettingType.FLOAT, "1.5", 1.5),
        (SettingType.FLOAT, "fast", "fast"),
        (SettingType.BOOL, "TRUE", True),
        (SettingType.BOOL, "off", False),
        (SettingType.BOOL, "maybe", "maybe"),
        (SettingType.STRING, "12", "12"),
    ],
)
def test_texts_become_values_of_the_settings_type(
    setting_type: SettingType, text: str, value: Any
) -> None:
    assert typed_value(AvailableJobSetting(key="x", type=setting_type), text) == value
