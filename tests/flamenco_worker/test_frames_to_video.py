from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flamenco_core.errors import InvalidInput
from flamenco_core.model import Command as TaskCommand
from flamenco_worker.commands import CommandFailed, make_command
from flamenco_worker.commands.frames_to_video import frame_index
from flamenco_worker.process import ProgramMissing
from flamenco_worker.programs import find_ffmpeg
from tests.flamenco_worker.conftest import RecordedTask

shutil_which = shutil.which

PREVIEW_ARGUMENTS = [
    *("-c:v", "h264", "-crf", "20", "-g", "18", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"),
    *("-pix_fmt", "yuv420p", "-r", "24", "-y"),
]


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Five frames of an odd size, of rising brightness."""
    folder = tmp_path / "it's here"
    folder.mkdir()
    for number in range(1, 6):
        Image.new("RGB", (65, 33), (40 * number, 0, 0)).save(folder / f"{number:06}.png")
    return folder


def video_command(frames: Path, **changes: Any) -> TaskCommand:
    parameters = {
        "exe": "ffmpeg",
        "fps": 24,
        "inputGlob": f"{frames}/*.png",
        "outputFile": f"{frames}/scene-1-5.mp4",
        "args": PREVIEW_ARGUMENTS,
    }
    return TaskCommand(name="frames-to-video", parameters=parameters | changes, total_step_count=0)


@pytest.mark.parametrize("with_ffprobe", [True, False])
@pytest.mark.parametrize("which", ["on PATH", "packaged"])
def test_a_video_is_made_and_its_frames_are_counted(
    frames: Path,
    task: RecordedTask,
    monkeypatch: pytest.MonkeyPatch,
    which: str,
    with_ffprobe: bool,
) -> None:
    if which == "packaged":
        monkeypatch.setattr(
            "flamenco_worker.programs.shutil.which",
            lambda name: None if name == "ffmpeg" else shutil_which(name),
        )
    elif shutil.which("ffmpeg") is None:
        pytest.skip("there is no ffmpeg on PATH")
    if not with_ffprobe:
        monkeypatch.setattr("flamenco_worker.commands.ffmpeg.find_ffprobe", lambda _ffmpeg: None)
    make_command(video_command(frames)).run(task.context())
    video = frames / "scene-1-5.mp4"
    assert [path.name for path in frames.glob("*.mp4")] == [video.name]
    assert [path.name for path in frames.glob(".*")] == []
    assert "the video is verified" in task.log
    if ffprobe := shutil_which("ffprobe"):
        shown = subprocess.run(
            [
                *(ffprobe, "-v", "error", "-count_frames", "-select_streams", "v:0"),
                *("-show_entries", "stream=width,height,r_frame_rate,nb_read_frames"),
                *("-of", "csv=p=0", str(video)),
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        assert shown.stdout.strip() == "66,34,24/1,5"


def test_frames_per_second_may_be_a_fraction(frames: Path, task: RecordedTask) -> None:
    make_command(video_command(frames, fps=12.5, args=["-c:v", "mpeg4"])).run(task.context())
    assert " -r 12.5 " in task.log


def test_no_frames_is_a_failure_that_names_the_pattern(tmp_path: Path, task: RecordedTask) -> None:
    with pytest.raises(CommandFailed, match=r"There are no frames .*\*\.png"):
        make_command(video_command(tmp_path)).run(task.context())


def test_a_failing_ffmpeg_leaves_no_file_and_its_last_words(
    frames: Path, task: RecordedTask
) -> None:
    with pytest.raises(CommandFailed, match=r"FFmpeg ended with exit code .*nonsense"):
        make_command(video_command(frames, args=["-c:v", "nonsense"])).run(task.context())
    assert list(frames.glob("*.mp4")) == list(frames.glob(".*")) == []


def test_a_video_with_too_few_frames_is_refused(frames: Path, task: RecordedTask) -> None:
    (frames / "000003.png").write_bytes((frames / "000003.png").read_bytes()[:60])
    with pytest.raises(CommandFailed, match=r"frames instead of 5|exit code"):
        make_command(video_command(frames)).run(task.context())
    assert not (frames / "scene-1-5.mp4").exists()


def test_arguments_that_change_the_number_of_frames_are_allowed(
    frames: Path, task: RecordedTask
) -> None:
    make_command(video_command(frames, args=["-frames:v", "2", "-c:v", "mpeg4"])).run(
        task.context()
    )
    assert (frames / "scene-1-5.mp4").is_file()


def test_wrong_parameters_are_all_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        make_command(
            TaskCommand(
                name="frames-to-video",
                parameters={"fps": 0, "inputGlob": "", "args": "x"},
                total_step_count=0,
            )
        )
    assert {problem.where.removeprefix("parameters.") for problem in refused.value.problems} == {
        "exe",
        "fps",
        "inputGlob",
        "args",
        "outputFile",
    }


def test_the_index_for_windows_quotes_names_and_gives_durations() -> None:
    assert frame_index(["C:/x/it's.png", "C:/x/b.png"], 25) == (
        "file 'it'\\''s.png'\nduration 0.040000\nfile 'b.png'\nduration 0.040000\n"
    )


def test_ffmpeg_is_looked_for_where_it_is_configured_first(tmp_path: Path) -> None:
    own = tmp_path / "ffmpeg-own"
    own.write_text("#!/bin/sh\n", encoding="utf-8")
    own.chmod(0o755)
    assert find_ffmpeg("ffmpeg", str(own)) == str(own)
    assert find_ffmpeg("/some/other/ffmpeg", str(own)) == "/some/other/ffmpeg"
    with pytest.raises(ProgramMissing, match="worker's configuration"):
        find_ffmpeg("ffmpeg", str(tmp_path / "none"))


def test_without_any_ffmpeg_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ProgramMissing, match="There is no FFmpeg on this machine: install it"):
        find_ffmpeg("ffmpeg", "")
