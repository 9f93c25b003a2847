"""What a worker that was killed has left running is ended, and nothing else is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from flamenco_worker.orphans import MARK_VARIABLE, RECORD_NAME, RunningPrograms
from tests.flamenco_worker.blenders import BPY
from tests.flamenco_worker.farm_programs import Farm, wait_until
from tests.processes import is_alive

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
WAITS = """
text = bpy.data.texts.new('wait.py')
text.write('''import os, time, bpy
def wait(*_):
    while not os.path.exists({gate!r}):
        time.sleep(0.05)
bpy.app.handlers.frame_change_pre.append(wait)
''')
text.use_module = True
"""
"""A scene whose frames begin when there is a file."""
STUBBORN = [*SLEEP[:2], f"{DEAF}; {SLEEP[2]}"]


@contextmanager
def program(
    command: list[str] = SLEEP, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs in the block, once it has said that it is up."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | (environment or {})
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"up"
        try:
            yield process
        finally:
            process.kill()


def start_again(home: Path) -> None:
    with RunningPrograms(home).begun():
        assert (home / RECORD_NAME).is_file()


def write_record(home: Path, *, mark: str = "none", started: dict[int, float]) -> None:
    record = {"mark": mark, "started": started}
    (home / RECORD_NAME).write_text(json.dumps(record), encoding="utf-8")


@pytest.mark.parametrize("command", [SLEEP, STUBBORN])
def test_a_program_that_was_left_behind_is_ended(tmp_path: Path, command: list[str]) -> None:
    killed = RunningPrograms(tmp_path)
    with killed.begun(), program(command) as orphan:
        killed.add(orphan.pid)
        start_again(tmp_path)
        assert not psutil.pid_exists(orphan.pid)


def test_what_a_program_has_started_is_known_by_its_mark(tmp_path: Path) -> None:
    killed = RunningPrograms(tmp_path)
    with killed.begun(), program(environment=killed.environment) as orphan:
        start_again(tmp_path)
        assert not psutil.pid_exists(orphan.pid)


def test_a_stranger_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    with program() as stranger:
        started = psutil.Process(stranger.pid).create_time()
        write_record(tmp_path, started={stranger.pid: started - 60})
        start_again(tmp_path)
        assert stranger.poll() is None


def test_programs_of_another_worker_are_left_alone(tmp_path: Path) -> None:
    with program(environment={MARK_VARIABLE: "of another"}) as stranger:
        write_record(tmp_path, started={})
        start_again(tmp_path)
        assert stranger.poll() is None


def test_a_program_that_has_ended_is_forgotten(tmp_path: Path) -> None:
    worker = RunningPrograms(tmp_path)
    with worker.begun():
        with program() as running:
            worker.add(running.pid)
            record = json.loads((tmp_path / RECORD_NAME).read_text())
            assert list(record["started"]) == [str(running.pid)]
            worker.remove(running.pid)
        assert json.loads((tmp_path / RECORD_NAME).read_text())["started"] == {}
    assert not (tmp_path / RECORD_NAME).exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"mark": "x", "started": {"a": 1}}', "\x00"])
def test_a_record_that_cannot_be_used_harms_nothing(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / RECORD_NAME).write_text(text)
    start_again(tmp_path)
    assert "is no record of programs" in caplog.text


def test_a_record_that_cannot_be_written_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / f"{RECORD_NAME}~").mkdir()
    worker = RunningPrograms(tmp_path)
    with worker.begun():
        worker.add(os.getpid())
        worker.remove(os.getpid())
    assert "cannot be written" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_a_worker_ends_the_blender_of_the_one_that_was_killed_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell script that does not end with `exec` leaves Blender behind when it is killed."""
    # One that stays open for the next task does not say on its command line what it renders.
    monkeypatch.setenv("FLAMENCO_WORKER_WARM_BLENDER", "false")
    farm = Farm(tmp_path / "farm")
    script = farm.folder / "blender.sh"
    script.write_text(f'#!/bin/sh\n{BPY.exe} -m {BPY.command[2]} "$@"\n')
    script.chmod(0o755)
    variables = farm.folder / "manager" / "flamenco-manager.yaml"
    config = json.loads(variables.read_text())
    config["variables"]["blender"]["values"][0]["value"] = str(script)
    config["variables"]["blenderArgs"]["values"][0]["value"] = "-b -y"
    variables.write_text(json.dumps(config))
    gate = farm.folder / "the frame may begin"
    blend = BPY.make_blend(farm.folder / "slow.blend", WAITS.format(gate=str(gate)))
    with farm:
        farm.worker.start()
        job = farm.submit_render(blend, farm.folder / "out", frames="1")
        wait_until(lambda: blenders_of(farm) != [], "Blender")
        farm.worker.end(signal.SIGKILL)
        (orphan,) = blenders_of(farm)
        farm.worker.start()
        wait_until(lambda: not is_alive(orphan), "the end of the orphan")
        gate.touch()
        assert f"ending process {orphan.pid}, left behind" in farm.worker.log
        farm.wait_for_job(job, "completed")
        assert blenders_of(farm) == []


def blenders_of(farm: Farm) -> list[psutil.Process]:
    """The processes of Blender, not of the script around it, that render for this farm."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if BPY.command[2] in words and str(farm.folder / "slow.blend") in words:
            found.append(process)
    return found
