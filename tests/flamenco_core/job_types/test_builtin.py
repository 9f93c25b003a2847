"""The job types that come with the program make the tasks that Flamenco 3's make."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.errors import CompileError, InvalidInput
from flamenco_core.frames import frame_chunks, frame_count, parse_frames
from flamenco_core.job_types.compiled import CompiledJob
from flamenco_core.job_types.compiler import compile_job
from flamenco_core.job_types.library import JobTypeLibrary
from flamenco_core.model import SettingSubtype, SettingVisibility
from tests.flamenco_core.job_types.scripts import CREATED, submission

LIBRARY = JobTypeLibrary()

PYTHON = (
    "import bpy; render = bpy.context.scene.render; render.use_file_extension = True; "
    "render.use_overwrite = False; render.use_placeholder = False"
)


def compiled(job_type: str, **settings: Any) -> CompiledJob:
    numbers = itertools.count(1)
    return compile_job(
        LIBRARY,
        submission(job_type, **settings),
        job_id="job-id",
        created=CREATED,
        new_id=lambda: f"task-{next(numbers)}",
    )


def rendered(**changes: Any) -> CompiledJob:
    settings = {
        "frames": "1-10",
        "chunk_size": 3,
        "render_output_root": "/render/",
        "add_path_components": 0,
        "render_output_path": "/render/scene/{timestamp}/######",
        "blendfile": "{jobs}/a/scene.flamenco.blend",
        "fps": 24.0,
        "format": "PNG",
        "image_file_extension": ".png",
        "has_previews": False,
        "scene": "Scene",
    }
    settings.update(changes)
    wanted = {key: value for key, value in settings.items() if value is not None}
    return compiled("simple-blender-render", **wanted)


@pytest.fixture(autouse=True)
def _time_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two hours east of Greenwich, where the platform can be told so."""
    if hasattr(time, "tzset"):
        monkeypatch.setenv("TZ", "XYZ-2")
        time.tzset()
    yield
    if hasattr(time, "tzset"):
        monkeypatch.undo()
        time.tzset()


def local_timestamp() -> str:
    return CREATED.astimezone().strftime("%Y-%m-%d_%H%M%S")


def test_echo_sleep_test_has_the_etag_that_it_has_in_flamenco_3() -> None:
    assert LIBRARY.get("echo-sleep-test").etag == "eba586e16d6b55baaa43e32f9e78ae514b457fee"


def test_the_sleeps_wait_for_the_echo_and_not_for_each_other() -> None:
    job = compiled("echo-sleep-test", message="hi", sleep_duration_seconds=7, sleep_repeats=2)
    assert [
        (task.name, task.type, task.depends_on, task.steps_total, task.priority)
        for task in job.tasks
    ] == [
        ("echo", "misc", [], 1, 50),
        ("sleep", "misc", [0], 1, 50),
        ("sleep", "misc", [0], 1, 50),
    ]
    assert [
        (command.name, command.parameters) for task in job.tasks for command in task.commands
    ] == [
        ("echo", {"message": "hi"}),
        ("sleep", {"duration_in_seconds": 7}),
        ("sleep", {"duration_in_seconds": 7}),
    ]


@pytest.mark.parametrize("key", ["sleep_duration_seconds", "sleep_repeats"])
def test_nothing_can_be_slept_less_than_not_at_all(key: str) -> None:
    with pytest.raises(CompileError) as refused:
        compiled("echo-sleep-test", message="hi", **{key: -1})
    assert [problem.where for problem in refused.value.problems] == [f"settings.{key}"]


def test_the_sleeps_have_defaults() -> None:
    job = compiled("echo-sleep-test", message="hi")
    assert job.settings == {"message": "hi", "sleep_duration_seconds": 1, "sleep_repeats": 1}
    assert len(job.tasks) == 2


def test_the_settings_of_simple_blender_render() -> None:
    described = LIBRARY.get("simple-blender-render")
    assert described.label == "Simple Blender Render"
    by_key = {setting.key: setting for setting in described.settings}
    assert list(by_key) == [
        "frames",
        "chunk_size",
        "render_output_root",
        "add_path_components",
        "render_output_path",
        "blendfile",
        "fps",
        "format",
        "image_file_extension",
        "has_previews",
        "scene",
    ]
    required = {key for key, setting in by_key.items() if setting.required}
    assert required == by_key.keys() - {"chunk_size", "render_output_path", "fps", "has_previews"}
    assert {
        key: setting.default for key, setting in by_key.items() if setting.default is not None
    } == {
        "chunk_size": 1,
        "add_path_components": 0,
    }
    assert {key: setting.visible for key, setting in by_key.items() if setting.visible} == {
        "chunk_size": SettingVisibility.SUBMISSION,
        "render_output_root": SettingVisibility.SUBMISSION,
        "add_path_components": SettingVisibility.SUBMISSION,
        "blendfile": SettingVisibility.WEB,
        "fps": SettingVisibility.HIDDEN,
        "format": SettingVisibility.WEB,
        "image_file_extension": SettingVisibility.HIDDEN,
        "has_previews": SettingVisibility.HIDDEN,
        "scene": SettingVisibility.WEB,
    }
    assert {key: setting.type for key, setting in by_key.items() if setting.type != "string"} == {
        "chunk_size": "int32",
        "add_path_components": "int32",
        "fps": "float",
        "has_previews": "bool",
    }
    assert by_key["render_output_root"].subtype is SettingSubtype.DIR_PATH
    assert by_key["render_output_path"].subtype is SettingSubtype.FILE_PATH
    assert by_key["render_output_path"].editable is False
    assert by_key["add_path_components"].propargs == {"min": 0, "max": 32}
    info = by_key["frames"].evalInfo
    assert info is not None
    assert (info.showLinkButton, info.description) == (True, "Scene frame range")


def test_a_sequence_is_rendered_in_chunks_and_made_into_a_video() -> None:
    job = rendered()
    folder = f"/render/scene/{local_timestamp()}"
    assert job.settings["render_output_path"] == f"{folder}/######"
    assert [(task.name, task.type, task.depends_on, task.steps_total) for task in job.tasks] == [
        ("render-1-3", "blender", [], 3),
        ("render-4-6", "blender", [], 3),
        ("render-7-9", "blender", [], 3),
        ("render-10", "blender", [], 1),
        ("preview-video", "ffmpeg", [0, 1, 2, 3], 1),
    ]
    (render,) = job.tasks[0].commands
    assert (render.name, render.total_step_count) == ("blender-render", 3)
    assert render.parameters == {
        "exe": "{blender}",
        "exeArgs": "{blenderArgs}",
        "argsBefore": [],
        "blendfile": "{jobs}/a/scene.flamenco.blend",
        "args": [
            *("--scene", "Scene"),
            *("--python-expr", PYTHON),
            *("--render-output", f"{folder}/######"),
            *("--render-format", "PNG"),
            *("--render-frame", "1..3"),
        ],
    }
    (video,) = job.tasks[-1].commands
    assert (video.name, video.total_step_count) == ("frames-to-video", 0)
    assert video.parameters == {
        "exe": "ffmpeg",
        "fps": 24.0,
        "inputGlob": f"{folder}/*.png",
        "outputFile": f"{folder}/scene-1-10.mp4",
        "args": [
            *("-c:v", "h264", "-crf", "20", "-g", "18"),
            *("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p"),
            *("-r", 24.0, "-y"),
        ],
    }


@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=40).map(
        lambda frames: ",".join(map(str, frames))
    ),
    st.integers(1, 20),
)
def test_every_frame_is_rendered_once_and_counted_once(frames: str, chunk_size: int) -> None:
    renders = rendered(frames=frames, chunk_size=chunk_size).tasks[:-1]
    asked = [task.commands[0].parameters["args"][-1] for task in renders]
    assert [frame for text in asked for frame in parse_frames(text)] == list(parse_frames(frames))
    assert sum(task.steps_total for task in renders) == frame_count(frames)
    assert [task.name for task in renders] == [
        f"render-{chunk}" for chunk in frame_chunks(frames, chunk_size)
    ]


def test_steps_negative_frames_and_orders_reach_blender_in_its_own_notation() -> None:
    renders = rendered(frames="first-middle-last: -4-8x2", chunk_size=2).tasks[:-1]
    assert [(task.name, task.commands[0].parameters["args"][-1]) for task in renders] == [
        ("render--4,-2", " -4, -2"),
        ("render-0,2", "0,2"),
        ("render-8", "8"),
        ("render-4,6", "4,6"),
    ]


@pytest.mark.parametrize(
    ("frames", "name"),
    [
        ("1-10", "scene-1-10.mp4"),
        ("7", "scene-7.mp4"),
        ("1..10", "scene-1..10.mp4"),
        (" 1 - 10 ", "scene-1-10.mp4"),
        ("30, 2..4", "scene-2-30.mp4"),
        ("1-9x2", "scene-1-9x2.mp4"),
        ("reversed: 1-10", "scene-1-10.mp4"),
    ],
)
def test_the_video_is_named_after_the_file_and_the_frames(frames: str, name: str) -> None:
    video = rendered(frames=frames).tasks[-1].commands[0]
    assert video.parameters["outputFile"].rpartition("/")[2] == name


@pytest.mark.parametrize("image_format", ["EXR", "MULTILAYER", "OPEN_EXR", "OPEN_EXR_MULTILAYER"])
def test_the_video_of_exr_frames_is_made_of_their_previews_or_not_at_all(image_format: str) -> None:
    exr = {"format": image_format, "image_file_extension": ".exr"}
    with_previews = rendered(**exr, has_previews=True).tasks[-1]
    assert with_previews.commands[0].parameters["inputGlob"].endswith("/*.jpg")
    for previews in (False, None):
        without = rendered(**exr, has_previews=previews)
        assert {task.type for task in without.tasks} == {"blender"}


def test_previews_of_other_formats_are_not_used() -> None:
    video = rendered(has_previews=True).tasks[-1].commands[0]
    assert video.parameters["inputGlob"].endswith("/*.png")


@pytest.mark.parametrize("fps", [None, 0])
def test_without_a_frame_rate_there_is_no_video(fps: float | None) -> None:
    assert "preview-video" not in [task.name for task in rendered(fps=fps).tasks]


def test_a_whole_frame_rate_stays_a_whole_number() -> None:
    parameters = rendered(fps=25).tasks[-1].commands[0].parameters
    assert repr(parameters["fps"]) == "25"
    assert repr(parameters["args"][-2]) == "25"


def test_paths_of_windows_become_paths_with_forward_slashes_except_for_the_blend_file() -> None:
    job = rendered(
        render_output_path="R:\\out\\{timestamp}\\f_####", blendfile="S:\\shots\\a.blend"
    )
    folder = f"R:/out/{local_timestamp()}"
    parameters = job.tasks[0].commands[0].parameters
    assert parameters["blendfile"] == "S:\\shots\\a.blend"
    assert f"{folder}/f_####" in parameters["args"]
    assert job.tasks[-1].commands[0].parameters["outputFile"] == f"{folder}/a-1-10.mp4"


def test_only_the_timestamp_is_filled_in_and_farm_variables_are_left_alone() -> None:
    job = rendered(render_output_path="{render}/{timestamp}/{timestamp}-######")
    stamp = local_timestamp()
    assert job.settings["render_output_path"] == f"{{render}}/{stamp}/{stamp}-######"


@pytest.mark.parametrize("video_format", ["FFMPEG", "AVI_RAW", "AVI_JPEG"])
def test_video_formats_are_refused_at_their_setting(video_format: str) -> None:
    with pytest.raises(CompileError) as caught:
        rendered(format=video_format)
    (problem,) = caught.value.problems
    assert problem.where == "settings.format"
    assert video_format in problem.what


@pytest.mark.parametrize("path", [None, ""])
def test_the_output_path_is_needed(path: str | None) -> None:
    with pytest.raises(CompileError) as caught:
        rendered(render_output_path=path)
    assert [problem.where for problem in caught.value.problems] == ["settings.render_output_path"]


@pytest.mark.parametrize(
    ("settings", "places"),
    [
        ({"frames": "10-1"}, ["settings.frames"]),
        ({"frames": "a-b"}, ["settings.frames"]),
        ({"frames": " "}, ["settings.frames"]),
        ({"frames": ""}, ["settings.frames"]),
        ({"chunk_size": 0}, ["settings.chunk_size"]),
        ({"frames": "3-1,x", "chunk_size": -1}, ["settings.frames"] * 2 + ["settings.chunk_size"]),
        ({"frames": "1-999999999999"}, ["settings.frames"]),
        ({"add_path_components": 33}, ["settings.add_path_components"]),
        ({"scene": None, "fps": "24"}, ["settings.fps", "settings.scene"]),
    ],
)
def test_bad_settings_are_named_by_their_place(settings: dict[str, Any], places: list[str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        rendered(**settings)
    assert [problem.where for problem in caught.value.problems] == places
