"""Commands of Flamenco 2: what they become, held against what our worker can do with them."""

from __future__ import annotations

from typing import Any

import pytest

from flamenco_worker.commands import COMMANDS, make_command
from manager_service.upstream.commands import (
    TASK_TYPES,
    WITHOUT_COUNTERPART,
    CannotBeCarriedOut,
    task_type_here,
    task_types_there,
    translate,
)

FLAMENCO_2_COMMANDS: dict[str, dict[str, Any]] = {
    "blender_render": {
        "blender_cmd": "{blender} --factory-startup",
        "filepath": "{render}/a.blend",
        "render_output": "{render}/out/######",
        "format": "OPEN_EXR",
        "frames": "1..5,9",
    },
    "blender_render_audio": {
        "blender_cmd": "{blender}",
        "filepath": "/a.blend",
        "render_output": "/a.flac",
        "frame_start": 1,
        "frame_end": 250,
    },
    "blender_render_progressive": {"blender_cmd": "{blender}", "filepath": "/a.blend"},
    "concatenate_videos": {"input_files": "/a/*.mkv", "output_file": "/b.mkv"},
    "copy_file": {"src": "/a", "dest": "/b"},
    "create_python_file": {"filepath": "/a-overrides.py", "contents": "# lines\nx = 1\n"},
    "create_video": {"input_files": "/a/*.png", "output_file": "/a.mkv", "fps": 24},
    "echo": {"message": "hello"},
    "encode_audio": {
        "input_file": "/a.flac",
        "output_file": "/a.aac",
        "codec": "aac",
        "bitrate": "192k",
    },
    "exec": {"cmd": "ls -l '/a b'"},
    "exr_sequence_to_jpeg": {"blender_cmd": "{blender}", "filepath": "/x", "exr_glob": "/a"},
    "log_a_lot": {"lines": 3},
    "merge_progressive_render_sequence": {"blender_cmd": "{blender}"},
    "merge_progressive_renders": {
        "blender_cmd": "{blender}",
        "input1": "/a.exr",
        "input2": "/b.exr",
        "output": "/c.exr",
        "weight1": 3,
        "weight2": 1,
    },
    "move_out_of_way": {"src": "/a"},
    "move_to_final": {"src": "/a", "dest": "/b"},
    "move_with_counter": {"src": "/a", "dest": "/b"},
    "mux_audio": {"audio_file": "/a", "video_file": "/b", "output_file": "/c"},
    "remove_file": {"path": "/a/b"},
    "remove_tree": {"path": "/a/b"},
    "sleep": {"time_in_seconds": 2.5},
}
"""Every command that its workers had, with settings as its job types wrote them."""


@pytest.mark.parametrize("name", FLAMENCO_2_COMMANDS)
def test_each_command_becomes_one_that_our_worker_takes_or_is_refused_with_a_reason(
    name: str,
) -> None:
    settings = FLAMENCO_2_COMMANDS[name]
    if name in WITHOUT_COUNTERPART:
        with pytest.raises(CannotBeCarriedOut, match=f"{name} cannot be carried out"):
            translate([(name, settings)])
        return
    (command,) = translate([(name, settings)]).commands
    assert command.name in COMMANDS
    parameters = {
        key: value.replace("{blender}", "/usr/bin/blender") if isinstance(value, str) else value
        for key, value in command.parameters.items()
    }
    make_command(type(command)(name=command.name, parameters=parameters, total_step_count=1))


def translated(name: str) -> dict[str, Any]:
    (command,) = translate([(name, FLAMENCO_2_COMMANDS[name])]).commands
    return {"name": command.name, "steps": command.total_step_count, **command.parameters}


def test_a_render_keeps_its_program_arguments_and_counts_its_frames() -> None:
    assert translated("blender_render") == {
        "name": "blender-render",
        "steps": 6,
        "exe": "{blender}",
        "exeArgs": "--factory-startup",
        "argsBefore": ["--enable-autoexec", "-noaudio", "--background"],
        "blendfile": "{render}/a.blend",
        "args": [
            *("--render-output", "{render}/out/######"),
            *("--render-format", "EXR"),
            *("--render-frame", "1..5,9"),
        ],
    }


def test_sound_is_mixed_in_the_range_of_frames_that_was_asked_for() -> None:
    script = translated("blender_render_audio")["args"][-1]
    assert script.startswith("import bpy; bpy.context.scene.frame_start = 1; ")
    assert "frame_end = 250; bpy.ops.sound.mixdown(filepath='/a.flac'" in script


def test_a_sleep_is_never_shorter_than_it_was_to_be() -> None:
    assert translated("sleep")["duration_in_seconds"] == 3


def test_overrides_become_those_of_the_job() -> None:
    found = translate([("create_python_file", FLAMENCO_2_COMMANDS["create_python_file"])])
    assert found.rna_overrides == ("# lines", "x = 1")
    assert [command.name for command in found.commands] == ["echo"]


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("dance", {}, "dance cannot be carried out here: it is not known"),
        ("echo", {}, "message of its command echo is missing"),
        ("sleep", {"time_in_seconds": "long"}, "'long', not a number"),
        ("exec", {"cmd": "a 'b"}, "not a command line"),
        ("create_python_file", {"filepath": "/x.py", "contents": ""}, "not one of overrides"),
        ("create_python_file", {"filepath": "/x-overrides.py", "contents": "x ="}, "line 1"),
    ],
)
def test_what_cannot_be_translated_says_why(
    name: str, settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(CannotBeCarriedOut, match=reason):
        translate([(name, settings)])


def test_task_types_are_translated_both_ways_and_unknown_ones_stay() -> None:
    assert task_type_here("Blender-Render") == "blender"
    assert task_type_here("special") == "special"
    assert task_types_there(sorted(set(TASK_TYPES.values()))) == sorted(TASK_TYPES)
    assert task_types_there(["ffmpeg", "special"]) == ["special", "video-encoding"]
