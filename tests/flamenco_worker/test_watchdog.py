"""Programs that are silent, stand still, take too long or do not quit."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.model import Command as TaskCommand
from flamenco_core.time_limits import TimeLimits
from flamenco_worker.cancellation import Cancelled
from flamenco_worker.commands import CommandFailed, make_command
from flamenco_worker.watchdog import Watchdog
from tests.flamenco_worker.blenders import BPY, BlenderProgram
from tests.flamenco_worker.conftest import RecordedTask
from tests.flamenco_worker.test_blender_render import names_in, render_command

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
ALL = TimeLimits(silence=10 * MINUTE, progress=HOUR, total=3 * HOUR, quitting=2 * MINUTE)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, time: timedelta) -> None:
        self.now += time.total_seconds()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_each_limit_counts_from_what_it_is_about(clock: Clock) -> None:
    watchdog = Watchdog(ALL, clock, "Blender")
    assert watchdog.overdue() == (600, "Blender said nothing for 10m")
    clock.pass_(9 * MINUTE)
    watchdog.says_something()
    assert watchdog.overdue()[0] == 600
    for _ in range(6):
        clock.pass_(9 * MINUTE)
        watchdog.says_something()
    left, sentence = watchdog.overdue()
    assert left == -3 * 60
    assert sentence == "Blender got no further for 1h, neither by a frame nor by a sample"
    watchdog.gets_on()
    assert watchdog.overdue()[0] == 600
    clock.pass_(2 * HOUR)
    watchdog.says_something()
    watchdog.gets_on()
    assert watchdog.overdue() == (-3 * 60, "Blender ran for more than 3h")


def test_after_the_last_frame_only_the_end_counts(clock: Clock) -> None:
    watchdog = Watchdog(replace(ALL, total=None), clock, "Blender")
    clock.pass_(HOUR)
    watchdog.is_done()
    clock.pass_(MINUTE)
    watchdog.is_done()
    assert watchdog.overdue() == (60, "Blender did not end within 2m after its last frame")


def test_without_limits_nothing_is_ever_late(clock: Clock) -> None:
    watchdog = Watchdog(TimeLimits(), clock)
    clock.pass_(timedelta(days=365))
    watchdog.is_done()
    assert watchdog.overdue() == (float("inf"), "")


def run_python(task: RecordedTask, source: str, limits: TimeLimits) -> None:
    command = TaskCommand(
        name="exec",
        parameters={"exe": sys.executable, "args": ["-c", source]},
        total_step_count=0,
    )
    make_command(command).run(replace(task.context(), limits=limits))


def test_a_program_that_says_nothing_is_ended_with_a_sentence(task: RecordedTask) -> None:
    source = "import time; print('hello', flush=True); time.sleep(1000)"
    with pytest.raises(CommandFailed, match=r"said nothing for 500ms, and was ended"):
        run_python(task, source, TimeLimits(silence=SECOND / 2))


def test_a_program_that_talks_may_still_take_too_long(task: RecordedTask) -> None:
    source = "import time\nwhile True: print('hello', flush=True); time.sleep(0.1)"
    with pytest.raises(CommandFailed, match=r"ran for more than 1s, and was ended"):
        run_python(task, source, TimeLimits(total=SECOND, silence=HOUR))


def test_a_program_within_its_limits_is_left_alone(task: RecordedTask) -> None:
    run_python(task, "print('hello')", TimeLimits(silence=HOUR, total=HOUR, quitting=HOUR))
    assert "hello" in task.log


def test_cancelling_a_watched_program_is_no_failure(task: RecordedTask) -> None:
    task.cancellation.cancel("somebody else does it")
    with pytest.raises(Cancelled, match="somebody else does it"):
        run_python(task, "import time; time.sleep(1000)", ALL)


def test_a_blender_that_does_not_quit_is_ended_and_its_frames_count(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, task: RecordedTask
) -> None:
    command = render_command(blender, small_scene, tmp_path / "out")
    command.parameters["args"] += ["--python-expr", "import time; time.sleep(1000)"]
    limits = TimeLimits(quitting=SECOND)
    make_command(command).run(replace(task.context(), limits=limits))
    assert names_in(tmp_path / "out") == ["000001.png", "000002.png", "000003.png"]
    assert task.steps == 3
    assert "Blender did not end within 1s after its last frame, and was ended" in task.log


HANGING: dict[str, tuple[str, TimeLimits, str]] = {
    "silent": (
        "import time; time.sleep(1000)",
        TimeLimits(silence=4 * SECOND),
        "Blender said nothing for 4s",
    ),
    "talking": (
        "import time\nwhile True: print('busy', flush=True); time.sleep(0.2)",
        TimeLimits(progress=4 * SECOND),
        "Blender got no further for 4s",
    ),
}


@pytest.mark.parametrize("how", HANGING)
def test_a_blender_that_hangs_fails_its_task_and_leaves_nothing(
    tmp_path: Path, task: RecordedTask, how: str
) -> None:
    script, limits, sentence = HANGING[how]
    command = render_command(BPY, BPY.make_blend(tmp_path / "small.blend"), tmp_path / "out")
    command.parameters["args"] = ["--python-expr", script, *command.parameters["args"]]
    with pytest.raises(CommandFailed, match=f"{sentence}.*, and was ended"):
        make_command(command).run(replace(task.context(), limits=limits))
    assert not (tmp_path / "out").exists() or names_in(tmp_path / "out") == []
