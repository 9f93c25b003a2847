"""What attempts took, from recordings, from real Blenders, and as a real Manager keeps it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.model import Command as TaskCommand
from flamenco_core.model import TaskStatistics
from flamenco_worker.attempt_statistics import AttemptStatistics
from flamenco_worker.blender.output import OutputParser
from flamenco_worker.cancellation import Cancellation, Cancelled
from flamenco_worker.commands import CommandFailed, make_command
from flamenco_worker.process import run_process
from tests.flamenco_worker.blenders import BPY, BlenderProgram
from tests.flamenco_worker.conftest import RecordedTask
from tests.flamenco_worker.farm_programs import Farm

RECORDINGS = Path(__file__).with_name("recordings")
_STAMP = re.compile(r"(\d+):(\d\d\.\d{3}) ")


class StampedClock:
    """Stands at the time that the last line of Blender 5 bears."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def read(self, line: str) -> None:
        if stamp := _STAMP.match(line):
            self.now = int(stamp[1]) * 60 + float(stamp[2])


def statistics_of(lines: Sequence[str], loaded_behind: str = "Read blend") -> TaskStatistics:
    """What output amounts to, where the render is announced behind a line."""
    clock = StampedClock()
    statistics = AttemptStatistics(clock)
    parser = OutputParser(statistics.blender_says)
    statistics.blender_starts()
    for line in lines:
        clock.read(line)
        parser.feed(line)
        if loaded_behind in line:
            statistics.render_begins({})
    return statistics.so_far()


def recorded(name: str) -> list[str]:
    return (RECORDINGS / f"{name}.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("recording", ["two-frames", "exr-with-preview", "eevee"])
@pytest.mark.parametrize("version", ["3.4", "4.2", "4.3", "4.5", "5.0", "5.2"])
def test_what_blender_says_of_its_frames_is_added_up(version: str, recording: str) -> None:
    lines = recorded(f"{version}-{recording}")
    timed = re.findall(r"Time: (\d+):(\S+) \(Saving: (\d+):(\S+)\)", "\n".join(lines))
    assert len(timed) == (2 if recording == "two-frames" else 1)
    whole = sum(60 * int(each[0]) + float(each[1]) for each in timed)
    saving = sum(60 * int(each[2]) + float(each[3]) for each in timed)
    told = statistics_of(lines)
    assert told.save_seconds == pytest.approx(saving)
    assert told.render_seconds == pytest.approx(whole - saving)


def test_where_blender_does_not_say_it_the_time_between_files_is_taken() -> None:
    told = statistics_of(
        [
            '00:00.649  blend            | Read blend: "/projects/scene.blend"',
            "00:00.759  render           | Saved: '/projects/out/000001.png'",
            "00:00.769  render           | Saved: '/projects/out/000002.png'",
        ]
    )
    assert told.load_seconds == pytest.approx(0.649)
    assert told.render_seconds == pytest.approx(0.769 - 0.649)
    assert told.save_seconds is None


def test_samples_are_what_the_renderer_counts() -> None:
    assert statistics_of(recorded("3.4-two-frames")).samples == 4
    assert statistics_of(recorded("3.4-eevee")).samples == 2


def test_times_of_more_than_an_hour_are_understood() -> None:
    statistics = AttemptStatistics()
    OutputParser(statistics.blender_says).feed(" Time: 01:02:03.50 (Saving: 00:03.00)")
    told = statistics.so_far()
    assert told.render_seconds == pytest.approx(3720.5)
    assert told.save_seconds == pytest.approx(3)


def test_of_several_programs_the_greatest_peak_counts() -> None:
    statistics = AttemptStatistics()
    for size in (5, 9, 7):
        statistics.add_memory_peak(size)
    assert statistics.so_far().peak_memory == 9


@pytest.mark.parametrize("end", ["pass", "import time; time.sleep(600)"])
def test_the_memory_of_a_child_is_known_however_it_ends(end: str) -> None:
    size = 400 * 1024 * 1024
    script = f"held = b'x' * {size}; print('held', flush=True); {end}"
    cancellation, peaks = Cancellation(), list[int]()

    def hear(line: str) -> None:
        if end != "pass":
            cancellation.cancel(line)

    def run() -> None:
        run_process(
            [sys.executable, "-c", script],
            on_line=hear,
            on_memory_peak=peaks.append,
            cancellation=cancellation,
            grace=timedelta(seconds=1),
        )

    if end == "pass":
        run()
    else:
        with pytest.raises(Cancelled):
            run()
    (peak,) = peaks
    assert peak > size


def render_command(
    blender: BlenderProgram, blend: Path, output: Path, frames: str = "1..2"
) -> TaskCommand:
    arguments = ["--render-output", f"{output}/######", "--render-format", "PNG"]
    parameters: dict[str, Any] = {
        "exe": blender.exe,
        "exeArgs": blender.exe_args,
        "blendfile": str(blend),
        "args": [*arguments, "--render-frame", frames],
    }
    return TaskCommand(name="blender-render", parameters=parameters, total_step_count=2)


def test_a_render_says_what_it_took_and_made(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, task: RecordedTask
) -> None:
    make_command(render_command(blender, small_scene, tmp_path)).run(task.context())
    told = task.statistics.so_far()
    assert told.load_seconds is not None
    assert told.render_seconds is not None
    assert told.save_seconds is not None
    assert told.run_seconds is not None
    assert 0 < told.load_seconds < told.run_seconds
    assert 0 < told.render_seconds + told.save_seconds < told.run_seconds
    assert told.peak_memory is not None
    assert 50 * 2**20 < told.peak_memory < 8 * 2**30
    assert (told.device, told.samples, told.is_warm) == ("CPU", 1, False)
    assert told.output_files == [f"{tmp_path}/000001.png", f"{tmp_path}/000002.png"]


def test_all_files_of_a_frame_are_named(
    blender: BlenderProgram, tmp_path: Path, task: RecordedTask
) -> None:
    script = "settings = scene.render.image_settings; settings.file_format = 'OPEN_EXR'"
    blend = blender.make_blend(tmp_path / "exr.blend", f"{script}; settings.use_preview = True")
    command = render_command(blender, blend, tmp_path / "out", "3")
    command.parameters["args"][3] = "EXR"
    make_command(command).run(task.context())
    names = [Path(name).name for name in task.statistics.so_far().output_files or ()]
    assert sorted(names) == ["000003.exr", "000003.jpg"]


def test_a_render_that_fails_late_says_what_it_took_until_then(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, task: RecordedTask
) -> None:
    output = tmp_path / "out"
    command = render_command(blender, small_scene, output, "1..2")
    command.parameters["args"] += ["--python-expr", "raise ValueError('late')"]
    with pytest.raises(CommandFailed, match="late"):
        make_command(command).run(task.context())
    told = task.statistics.so_far()
    assert told.render_seconds is not None
    assert told.peak_memory is not None
    # How many were verified before Blender was ended is a matter of speed.
    assert sorted(told.output_files or ()) == sorted(str(path) for path in output.iterdir())


def test_a_blender_that_never_comes_to_the_render_has_no_time_of_one(
    blender: BlenderProgram, tmp_path: Path, task: RecordedTask
) -> None:
    command = render_command(blender, tmp_path / "nowhere.blend", tmp_path / "out")
    with pytest.raises(CommandFailed):
        make_command(command).run(task.context())
    told = task.statistics.so_far()
    assert (told.load_seconds, told.render_seconds, told.output_files) == (None, None, None)
    assert told.is_warm is False
    assert told.peak_memory is not None


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    with Farm(tmp_path / "farm") as running:
        yield running


@pytest.mark.skipif(sys.platform == "win32", reason="the farm's programs end by signals")
def test_the_manager_keeps_what_attempts_took_failed_ones_too(farm: Farm) -> None:
    farm.worker.start()
    output = farm.folder / "out"
    job = farm.submit_render(BPY.make_blend(farm.folder / "small.blend"), output, frames="1-2")
    farm.wait_for_job(job, "completed")
    failing = farm.submit_render(farm.folder / "nowhere.blend", output, frames="1")
    farm.wait_for_job(failing, "failed")
    render, video = farm.ask("GET", f"/jobs/{job}/attempts")["attempts"]
    assert (render["outcome"], render["output_count"]) == ("completed", 2)
    assert (render["device"], render["samples"], render["is_warm"]) == ("CPU", 1, False)
    assert render["output_files"] == [f"{output}/000001.png", f"{output}/000002.png"]
    assert {"load_seconds", "render_seconds", "save_seconds", "peak_memory"} <= render.keys()
    assert (video["output_files"], video.get("is_warm")) == ([f"{output}/small-1-2.mp4"], None)
    attempts = farm.ask("GET", f"/jobs/{failing}/attempts")["attempts"]
    assert attempts
    for attempt in attempts:
        assert attempt["is_warm"] is False
        assert attempt["peak_memory"]
        assert "render_seconds" not in attempt
