"""A Blender that stays open between tasks: who gets it, when it is replaced, and how it ends."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from flamenco_core.rna_overrides import with_overrides
from flamenco_worker.blender.keeper import BlenderKeeper
from flamenco_worker.blender.keeping_rules import KeepingRules
from flamenco_worker.blender.session import Launch, SessionLost, WarmBlender
from flamenco_worker.cancellation import Cancellation, Cancelled
from flamenco_worker.commands import CommandFailed, make_command
from flamenco_worker.orphans import MARK_VARIABLE, RECORD_NAME, RunningPrograms
from tests.eventually import eventually
from tests.flamenco_worker.blenders import BPY, BlenderProgram
from tests.flamenco_worker.conftest import RecordedTask
from tests.flamenco_worker.test_blender_render import names_in, render_command
from tests.flamenco_worker.warm_scenes import HANDLER_THAT_STAYS

WITH_SCRIPTS = BlenderProgram("bpy", (*BPY.command, "-y"))
OPEN = re.compile(r"the Blender that is open \(process (\d+)\)")
Render = Callable[..., RecordedTask]


@pytest.fixture
def keeper() -> Iterator[BlenderKeeper]:
    keeper = BlenderKeeper()
    yield keeper
    keeper.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return BPY.make_blend(tmp_path_factory.mktemp("warm") / "small.blend")


@pytest.fixture
def render(keeper: BlenderKeeper, scene: Path, tmp_path: Path) -> Render:
    """Renders one frame with `bpy`; the task that did."""

    def render(
        frame: int,
        *before_output: str,
        blend: Path = scene,
        overrides: str = "",
        program: BlenderProgram = BPY,
        warm: bool | None = None,
        threads: int | None = None,
        task: RecordedTask | None = None,
        running: RunningPrograms | None = None,
    ) -> RecordedTask:
        task = task or RecordedTask()
        command = render_command(
            program, blend, tmp_path / "out", *before_output, frames=str(frame)
        )
        command = with_overrides(command, overrides.splitlines())
        if warm is not None:
            command.parameters["warm"] = warm
        context = replace(task.context(), blenders=keeper, threads=threads, running=running)
        make_command(command).run(context)
        return task

    return render


def is_warm(task: RecordedTask) -> bool:
    return task.statistics.so_far().is_warm is True


def test_it_is_replaced_when_file_or_arguments_change(
    render: Render, scene: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.blend"
    other.write_bytes(scene.read_bytes())
    first = render(1)
    assert "stays open, since none is open" in first.log
    assert "Blender 4" in first.log, "what Blender says at its start"
    assert is_warm(render(2))
    assert "the one before has another file open" in render(3, blend=other).log
    assert "was started with other arguments" in render(4, blend=other, threads=1).log
    assert is_warm(render(5, blend=other, threads=1))
    assert names_in(tmp_path / "out") == [f"00000{frame}.png" for frame in range(1, 6)]


def test_a_file_that_has_changed_is_opened_again(render: Render, tmp_path: Path) -> None:
    blend = BPY.make_blend(tmp_path / "mine.blend")
    render(1, blend=blend)
    BPY.make_blend(blend, "scene.render.resolution_percentage = 25")
    task = render(2, blend=blend)
    assert f"the file is opened again, since {blend} has changed" in task.log
    assert is_warm(task)
    assert image_size(tmp_path / "out/000002.png") == (16, 12)


def image_size(path: Path) -> tuple[int, int]:
    from PIL import Image

    with Image.open(path) as image:
        size: tuple[int, int] = image.size
        return size


def test_overrides_are_carried_out_for_each_task_on_the_scene_as_it_was_saved(
    render: Render, tmp_path: Path
) -> None:
    half = "D.scenes['Scene'].render.resolution_percentage = 25"
    assert "the file is still open" in [render(n, overrides=half) for n in (1, 2)][1].log
    edited = "C.scene.render.resolution_x *= 2"
    for frame in (3, 4):
        assert "the file is opened again" in render(frame, overrides=edited).log
    assert "the command line has changed" in render(5).log
    sizes = [image_size(tmp_path / f"out/00000{frame}.png") for frame in range(1, 6)]
    assert sizes == [(16, 12), (16, 12), (64, 24), (64, 24), (32, 24)]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("import bpy; bpy.ops.object.select_all()", "its Python calls bpy.ops.object.select_all"),
        (
            "import bpy; bpy.context.preferences.system.memory_cache_limit = 512",
            "its Python changes bpy.context.preferences.system.memory_cache_limit",
        ),
    ],
)
def test_python_that_may_leave_something_behind_gets_a_blender_of_its_own(
    render: Render, expression: str, why: str
) -> None:
    for frame in (1, 2):
        task = render(frame, "--python-expr", expression)
        assert f"a Blender of its own renders this, since {why}" in task.log
        assert not is_warm(task)


def test_a_job_or_a_worker_can_do_without(render: Render, keeper: BlenderKeeper) -> None:
    assert "since the job is set to keep none open" in render(1, warm=False).log
    keeper.rules = KeepingRules(is_on=False)
    assert "since this worker is set to keep none open" in render(2).log


def test_whole_frames_are_found_without_starting_another_blender(render: Render) -> None:
    render(1)
    task = render(1)
    assert "every frame is there already" in task.log
    assert is_warm(task)
    assert task.steps == 1


def test_it_is_replaced_after_so_many_frames_and_when_idle(
    render: Render, keeper: BlenderKeeper
) -> None:
    keeper.rules = KeepingRules(frames=2)
    render(1)
    render(2)
    assert "it has rendered 2 frames" in render(3).log
    keeper.rules = KeepingRules(idle=timedelta(seconds=0.1))
    pid = pid_of(render(4))  # which may have ended already
    eventually(lambda: not psutil.pid_exists(pid), "the idle Blender ends")
    assert "it has had nothing to do" in render(5).log


def test_a_task_that_comes_when_it_has_been_idle_for_long_enough_gets_it_alive(
    keeper: BlenderKeeper, scene: Path
) -> None:
    launch = Launch(command=(*BPY.command, "-b"))
    blender = keeper.lend(launch, str(scene)).blender
    blender.start(Cancellation(), lambda _line: None)
    assert keeper.take_back(frames=1, is_well=True) == ""
    idle = keeper._idle
    assert idle is not None
    assert not keeper.lend(launch, str(scene)).is_new
    idle.function(*idle.args, **idle.kwargs)  # its time was over before it could be stopped
    assert blender.is_alive
    assert keeper.take_back(frames=1, is_well=True) == ""


@pytest.mark.parametrize(
    ("frames", "first", "now", "why"),
    [
        (499, 300, 300, ""),
        (500, 300, 300, "it has rendered 500 frames"),
        (1, None, 5000, ""),
        (1, 300, 900, ""),
        (1, 300, 1000, "its memory has grown from 300 to 1000 MB"),
        (1, 4000, 6400, ""),
    ],
)
def test_growth_is_measured_from_the_first_task(
    frames: int, first: int | None, now: int, why: str
) -> None:
    size = None if first is None else first * 2**20
    assert KeepingRules().why_replace(frames, size, now * 2**20) == why


def pid_of(task: RecordedTask) -> int:
    """Of the Blender that is open."""
    match = OPEN.search(task.log)
    assert match is not None, task.log
    return int(match[1])


def test_one_that_dies_in_a_later_task_costs_no_attempt(render: Render, tmp_path: Path) -> None:
    render(1)
    os.kill(pid_of(render(2)), signal.SIGSTOP)
    task = RecordedTask()
    killer = threading.Thread(target=kill_when_it_is_asked, args=(task,))
    killer.start()
    render(3, task=task)
    killer.join()
    assert "trying again without it" in task.log
    assert "since the open one did not live to the end" in task.log
    assert not is_warm(task)
    assert task.steps == 1
    assert names_in(tmp_path / "out") == ["000001.png", "000002.png", "000003.png"]
    assert "something went wrong in it" in render(4).log


def kill_when_it_is_asked(task: RecordedTask) -> None:
    eventually(lambda: "Blender is to carry out" in task.log, "the task is sent")
    os.kill(pid_of(task), signal.SIGKILL)


def test_an_error_fails_the_task_as_usual_and_ends_the_blender(render: Render) -> None:
    render(1)
    task = RecordedTask()
    with pytest.raises(CommandFailed, match="There is no scene 'Wrong'"):
        render(2, "--scene", "Wrong", task=task)
    assert "something went wrong in it" in render(3).log


def test_a_task_that_is_stopped_ends_it(render: Render) -> None:
    process = psutil.Process(pid_of([render(n) for n in (1, 2)][1]))
    process.suspend()
    task = RecordedTask()
    stopper = threading.Thread(target=stop_when_it_is_asked, args=(task,))
    stopper.start()
    with pytest.raises(Cancelled, match="enough"):
        render(3, task=task)
    stopper.join()
    assert not process.is_running()


def stop_when_it_is_asked(task: RecordedTask) -> None:
    eventually(lambda: "Blender is to carry out" in task.log, "the task is sent")
    task.cancellation.cancel("enough")


def test_it_stands_in_the_record_of_running_programs_and_bears_the_mark(
    render: Render, keeper: BlenderKeeper, tmp_path: Path
) -> None:
    running = RunningPrograms(tmp_path)
    with running.begun():
        render(1, running=running)
        pid = pid_of(render(2, running=running))
        record = (tmp_path / RECORD_NAME).read_text(encoding="utf-8")
        assert f'"{pid}"' in record
        environment = psutil.Process(pid).environ()
        assert environment[MARK_VARIABLE] == running.environment[MARK_VARIABLE]
        keeper.close()
        assert f'"{pid}"' not in (tmp_path / RECORD_NAME).read_text(encoding="utf-8")


IMPOSTOR = """
import json, os, socket, sys
port = int(sys.argv[1])
greeting = {"version": VERSION, "token": TOKEN, "pid": os.getpid(), "blender": "9"}
with socket.create_connection(("127.0.0.1", port)) as connection:
    connection.sendall(json.dumps(greeting).encode() + b"\\n")
    print("answer:", connection.recv(1000), flush=True)
"""
"""Greets the worker as a Blender does, with what stands for VERSION and TOKEN."""


@pytest.mark.parametrize(
    ("version", "token", "why"),
    [
        ("1", "'guessed'", "Blender has ended with exit code 0"),
        ("2", "os.environ['FLAMENCO_SESSION_TOKEN']", "speaks another version"),
    ],
)
def test_who_does_not_know_the_token_or_speaks_another_version_is_let_go(
    version: str, token: str, why: str, tmp_path: Path
) -> None:
    source = IMPOSTOR.replace("VERSION", version).replace("TOKEN,", f"{token},")
    script = tmp_path / "impostor.sh"
    python = f"{shlex.quote(sys.executable)} -c {shlex.quote(source)}"
    # The port stands in what Blender would run.
    port = "$(printf %s \"$*\" | sed 's/.*PORT[^0-9]*\\([0-9]*\\).*/\\1/')"
    script.write_text(f"#!/bin/sh\nexec {python} {port}\n", encoding="utf-8")
    script.chmod(0o755)
    blender = WarmBlender(Launch(command=(str(script),)))
    with pytest.raises(SessionLost, match=why):
        blender.start(Cancellation(), lambda _line: None)
    assert not blender.is_alive


def test_strangers_at_the_door_do_not_keep_blender_out(scene: Path, tmp_path: Path) -> None:
    blender = WarmBlender(Launch(command=(*BPY.command, "-b")))
    port = int(re.findall(r"PORT': (\d+)", " ".join(blender.command))[0])
    with socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        blender.start(Cancellation(), lambda _line: None)
        assert stranger.recv(10) == b""
    assert blender.is_alive
    blender.quit()
    assert blender.exit_code == 0


def test_another_device_is_for_another_blender(keeper: BlenderKeeper, scene: Path) -> None:
    launches = [Launch(command=(*BPY.command, "-b"), devices=devices) for devices in ((), ("cpu",))]
    keeper.lend(launches[0], str(scene)).blender.start(Cancellation(), lambda _line: None)
    assert keeper.take_back(frames=1, is_well=True) == ""
    assert not keeper.lend(launches[0], str(scene)).is_new
    keeper.take_back(frames=1, is_well=True)
    assert (
        keeper.lend(launches[1], str(scene)).why
        == "the one before was started with other arguments"
    )


def test_a_file_that_needs_blenders_of_its_own_is_looked_at_again_when_it_has_changed(
    render: Render, tmp_path: Path
) -> None:
    blend = BPY.make_blend(tmp_path / "mine.blend", HANDLER_THAT_STAYS)
    why = "the frame_change_post handler"
    first, second = (render(frame, blend=blend, program=WITH_SCRIPTS) for frame in (1, 2))
    assert why in first.log
    assert why in second.log
    assert first.log.count("going to run") == 2
    assert second.log.count("going to run") == 1, "it is not opened once more to find out"
    BPY.make_blend(blend)
    assert "stays open" in render(3, blend=blend, program=WITH_SCRIPTS).log
    assert is_warm(render(4, blend=blend, program=WITH_SCRIPTS))
