"""The command `concatenate-videos`, with a real FFmpeg."""

from __future__ import annotations

from pathlib import Path

import pytest

from flamenco_core.model import Command as TaskCommand
from flamenco_worker.commands import CommandFailed, make_command
from tests.flamenco_worker.conftest import RecordedTask
from tests.flamenco_worker.test_audio import generate


def join(folder: Path, task: RecordedTask) -> Path:
    output = folder / "out" / "film.mkv"
    parameters = {
        "exe": "ffmpeg",
        "inputGlob": str(folder / "*.mkv"),
        "outputFile": str(output),
    }
    command = TaskCommand(name="concatenate-videos", parameters=parameters, total_step_count=0)
    make_command(command).run(task.context())
    return output


def test_all_frames_of_all_videos_are_in_the_film(tmp_path: Path, task: RecordedTask) -> None:
    for index, seconds in enumerate((0.5, 0.25)):
        source = f"color=red:size=32x32:rate=24:duration={seconds}"
        generate(tmp_path / f"it's part {index}.mkv", source, "-c:v", "mpeg4")
    output = join(tmp_path, task)
    assert task.lines[-1] == f"the video is verified: {output}, 18 frames"
    assert [path.name for path in output.parent.iterdir()] == ["film.mkv"]


def test_nothing_is_delivered_when_there_is_nothing_to_join_or_it_is_broken(
    tmp_path: Path, task: RecordedTask
) -> None:
    with pytest.raises(CommandFailed, match="There are no videos"):
        join(tmp_path, task)
    (tmp_path / "torn.mkv").write_bytes(b"no video")
    with pytest.raises(CommandFailed, match="cannot be decoded"):
        join(tmp_path, task)
    assert not (tmp_path / "out" / "film.mkv").exists()
