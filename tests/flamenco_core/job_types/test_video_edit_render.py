"""The job type `video-edit-render`: which tasks an edit becomes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from flamenco_core.errors import CompileError, InvalidInput
from flamenco_core.job_types.compiled import CompiledJob, CompiledTask
from flamenco_core.job_types.compiler import compile_job
from flamenco_core.job_types.library import JobTypeLibrary
from flamenco_core.model import Command
from flamenco_core.rna_overrides import with_overrides
from tests.flamenco_core.job_types.javascript_scripts import JOB_ID
from tests.flamenco_core.job_types.scripts import CREATED, submission

SETTINGS: dict[str, Any] = {
    "frames": "1-250",
    "render_output_root": "/render",
    "render_output_path": "/render/{timestamp}/######",
    "blendfile": "{jobs}/edit/edit.flamenco.blend",
    "fps": 23.976,
    "scene": "Cut",
}
LIBRARY = JobTypeLibrary()


def compiled(**changes: Any) -> CompiledJob:
    ids = (f"00000000-0000-0000-0000-{number:012}" for number in range(10_000))
    return compile_job(
        LIBRARY,
        submission("video-edit-render", **(SETTINGS | changes)),
        job_id=JOB_ID,
        created=CREATED,
        new_id=lambda: next(ids),
    )


def by_name(job: CompiledJob) -> dict[str, CompiledTask]:
    return {task.name: task for task in job.tasks}


def command_of(task: CompiledTask) -> Command:
    (command,) = task.commands
    return command


def test_chunks_and_sound_meet_in_one_video() -> None:
    job = compiled()
    waits_for = {
        task.name: {job.tasks[position].name for position in task.depends_on} for task in job.tasks
    }
    renders = ["render-1-100", "render-101-200", "render-201-250"]
    assert waits_for == {
        **{name: set() for name in (*renders, "mix-sound")},
        "encode-sound": {"mix-sound"},
        "encode-video": set(renders),
        "mux": {"encode-video", "encode-sound"},
    }
    assert [(task.name, task.type) for task in job.tasks][3:] == [
        ("mix-sound", "blender"),
        ("encode-sound", "ffmpeg"),
        ("encode-video", "ffmpeg"),
        ("mux", "ffmpeg"),
    ]


def test_each_file_is_written_once_and_read_where_it_was_written() -> None:
    job = compiled(video_quality=23, sound_bitrate=96)
    commands = {name: command_of(task) for name, task in by_name(job).items()}
    folder = job.settings["render_output_path"].removesuffix("/######")
    assert "{timestamp}" not in folder
    encode, video = commands["encode-sound"].parameters, commands["encode-video"].parameters
    assert encode["bitrate"] == "96k"
    assert encode["inputFile"] == f"{folder}/parts/sound.flac"
    mix = commands["mix-sound"].parameters["args"]
    assert mix[:4] == ["--scene", "Cut", "--render-output", encode["inputFile"]]
    assert video["inputGlob"] == f"{folder}/*.png"
    assert video["args"][2:4] == ["-crf", "23"]
    assert commands["mux"].parameters == {
        "exe": "ffmpeg",
        "videoFile": video["outputFile"],
        "audioFile": encode["outputFile"],
        "outputFile": f"{folder}/edit.mp4",
        "args": ["-movflags", "+faststart"],
        "frames": 250,
        "fps": 23.976,
    }


def test_without_sound_the_frames_become_the_video_at_once() -> None:
    job = compiled(frames="reversed: 1-4", chunk_size=2, sound=False, format="JPEG")
    assert [task.name for task in job.tasks] == ["render-3,4", "render-1,2", "encode-video"]
    video = command_of(job.tasks[-1]).parameters
    assert video["outputFile"].endswith("/edit.mp4")
    assert video["inputGlob"].endswith("/*.jpg")


def test_overrides_change_the_scene_that_is_rendered_and_mixed() -> None:
    for task in compiled().tasks[:4]:
        arguments = with_overrides(command_of(task), ["C.scene.frame_step = 1"]).parameters["args"]
        assert arguments[:3] == ["--scene", "Cut", "--python-expr"]
        assert "frame_step" in arguments[3]


@pytest.mark.parametrize(
    ("changes", "where", "what"),
    [
        ({"frames": "1-10, 12-20"}, "settings.frames", "without any"),
        ({"frames": "1-100x5"}, "settings.frames", "without any"),
        ({"frames": "-5..20"}, "settings.frames", "begin before 0"),
        ({"render_output_path": ""}, "settings.render_output_path", "is not given"),
    ],
)
def test_what_cannot_become_one_video_is_refused(
    changes: dict[str, Any], where: str, what: str
) -> None:
    with pytest.raises(CompileError) as refused:
        compiled(**changes)
    (problem,) = refused.value.problems
    assert problem.where == where
    assert what in problem.what


def test_settings_out_of_range_are_refused_before_the_script_runs() -> None:
    with pytest.raises(InvalidInput) as refused:
        compiled(chunk_size=0, fps=0.0, video_quality=52, sound_bitrate=8, format="OPEN_EXR")
    assert {problem.where for problem in refused.value.problems} == {
        f"settings.{key}"
        for key in ("chunk_size", "fps", "video_quality", "sound_bitrate", "format")
    }
