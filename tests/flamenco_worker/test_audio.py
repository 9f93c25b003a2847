"""The commands `encode-audio` and `mux`, with a real FFmpeg."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.errors import InvalidInput
from flamenco_core.model import Command as TaskCommand
from flamenco_worker.commands import CommandFailed, make_command
from flamenco_worker.programs import find_ffmpeg
from tests.flamenco_worker.conftest import RecordedTask

FFMPEG = find_ffmpeg("ffmpeg", "")


def generate(path: Path, source: str, *arguments: str) -> Path:
    """A file made by FFmpeg's own sources."""
    command = [FFMPEG, "-nostdin", "-v", "error", "-f", "lavfi", "-i", source, *arguments]
    subprocess.run([*command, str(path)], check=True)
    return path


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    return generate(tmp_path / "tone.flac", "sine=frequency=440:duration=0.5")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    source = "color=red:size=32x32:rate=24:duration=0.5"
    return generate(tmp_path / "picture.mp4", source, "-c:v", "mpeg4")


def encode_command(tone: Path, **changes: Any) -> TaskCommand:
    parameters = {
        "exe": "ffmpeg",
        "inputFile": str(tone),
        "codec": "aac",
        "bitrate": "128k",
        "outputFile": str(tone.parent / "out/tone.m4a"),
    }
    return TaskCommand(name="encode-audio", parameters=parameters | changes, total_step_count=0)


def mux_command(picture: Path, tone: Path, **changes: Any) -> TaskCommand:
    parameters = {
        "exe": "ffmpeg",
        "videoFile": str(picture),
        "audioFile": str(tone),
        "outputFile": str(tone.parent / "out/film.mkv"),
        "frames": 12,
        "fps": 24,
    }
    return TaskCommand(name="mux", parameters=parameters | changes, total_step_count=0)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def codecs_of(path: Path) -> set[str]:
    """Kind and codec of each stream, as FFmpeg describes the file."""
    shown = subprocess.run(
        [FFMPEG, "-nostdin", "-hide_banner", "-i", str(path), "-c", "copy", "-f", "null", "-"],
        check=True,
        capture_output=True,
        text=True,
    )
    streams = shown.stderr.partition("Output #0")[0].split("Stream #")[1:]
    return {" ".join(stream.split(": ")[1:3]).split(",")[0].split(" (")[0] for stream in streams}


def test_sound_is_encoded_and_keeps_its_length(tone: Path, task: RecordedTask) -> None:
    make_command(encode_command(tone)).run(task.context())
    assert files_in(tone.parent / "out") == ["tone.m4a"]
    assert codecs_of(tone.parent / "out/tone.m4a") == {"Audio aac"}
    assert "the sound is verified" in task.log


def test_video_and_sound_are_put_together_as_they_are(
    picture: Path, tone: Path, task: RecordedTask
) -> None:
    command = mux_command(picture, tone, args=["-metadata", "title=A film"])
    make_command(command).run(task.context())
    assert files_in(tone.parent / "out") == ["film.mkv"]
    assert codecs_of(tone.parent / "out/film.mkv") == {"Video mpeg4", "Audio flac"}
    assert "the video with sound is verified" in task.log


def test_without_a_length_only_what_went_in_has_to_come_out(
    picture: Path, tone: Path, task: RecordedTask
) -> None:
    command = mux_command(picture, tone)
    del command.parameters["frames"], command.parameters["fps"]
    make_command(command).run(task.context())
    assert "12 frames" in task.lines[-1]
    command.parameters["args"] = ["-t", "0.2"]
    with pytest.raises(CommandFailed, match="frames instead of 12"):
        make_command(command).run(task.context())
    command.parameters["fps"] = 24
    with pytest.raises(InvalidInput, match="fps go together"):
        make_command(command)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"frames": 13}, "The video has 12 frames instead of 13"),
        ({"fps": 30}, "The sound lasts 0.500 seconds instead of 0.400"),
        ({"args": ["-t", "0.2"]}, "frames instead of 12"),
        ({"args": ["-nonsense"]}, r"FFmpeg ended with exit code \d+"),
    ],
)
def test_a_film_of_another_length_is_not_delivered(
    picture: Path, tone: Path, task: RecordedTask, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(CommandFailed, match=reason):
        make_command(mux_command(picture, tone, **changes)).run(task.context())
    assert files_in(tone.parent / "out") == []


def test_an_older_film_is_kept_when_a_new_one_fails(
    picture: Path, tone: Path, task: RecordedTask
) -> None:
    film = tone.parent / "film.mkv"
    film.write_bytes(b"older")
    command = mux_command(picture, tone, outputFile=str(film), frames=1)
    with pytest.raises(CommandFailed):
        make_command(command).run(task.context())
    assert film.read_bytes() == b"older"


def test_a_sound_without_a_track_or_not_there_is_refused(
    picture: Path, tone: Path, task: RecordedTask
) -> None:
    for path in (picture, tone.with_name("none.flac")):
        with pytest.raises(CommandFailed, match="cannot be decoded"):
            make_command(encode_command(tone, inputFile=str(path))).run(task.context())
    assert not (tone.parent / "out").exists()


def test_a_damaged_sound_is_refused(tone: Path, task: RecordedTask) -> None:
    content = bytearray(tone.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    tone.write_bytes(content)
    with pytest.raises(CommandFailed, match="cannot be decoded"):
        make_command(encode_command(tone)).run(task.context())


def test_wrong_parameters_are_all_named() -> None:
    for name, wanted in {
        "encode-audio": {"inputFile", "codec", "bitrate", "outputFile"},
        "mux": {"videoFile", "audioFile", "outputFile", "frames", "fps"},
    }.items():
        with pytest.raises(InvalidInput) as refused:
            make_command(
                TaskCommand(name=name, parameters={"frames": 0, "fps": 0}, total_step_count=0)
            )
        places = {problem.where.removeprefix("parameters.") for problem in refused.value.problems}
        assert places == wanted


def test_parameters_may_be_those_of_flamenco_2(tone: Path, task: RecordedTask) -> None:
    parameters = {
        "ffmpeg_cmd": "ffmpeg -hide_banner",
        "input_file": str(tone),
        "output_file": str(tone.with_name("tone.m4a")),
        "codec": "aac",
        "bitrate": "96k",
    }
    command = TaskCommand(name="encode_audio", parameters=parameters, total_step_count=0)
    make_command(command).run(task.context())
    assert "ffmpeg -hide_banner" in task.log
    assert tone.with_name("tone.m4a").stat().st_size
