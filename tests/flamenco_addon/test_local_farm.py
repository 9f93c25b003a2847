"""A farm on this computer, started from Blender: it renders, remembers, and ends as it was told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.eventually import eventually
from tests.farm.farm import bpy_program, render_job
from tests.flamenco_addon.in_bpy import ROOT, isolated, run_in_bpy
from tests.processes import is_alive

SCENE = Path(__file__).parent.parent.parent / "scripts" / "demo_scene.py"

START = """
from flamenco_addon import background, connection
from flamenco_addon.local_farm import operators
import time

def until(is_so):
    deadline = time.monotonic() + 240
    while not is_so():
        assert time.monotonic() < deadline, operators.status()
        background.step()
        time.sleep(0.02)

def address():
    return bpy.context.preferences.addons["flamenco_addon"].preferences.manager_url

farm = operators.start(blender=blender)
until(lambda: operators.status().state in ("running", "failed"))
assert operators.status().state == "running", operators.status()
until(lambda: connection.current().is_connected)
url = operators.status().url
"""
RENDER = """
with connection.current().client() as client:
    from flamenco_core import wire
    from flamenco_core.model import SubmittedJob
    submitted = client.submit_job(wire.from_json(job, SubmittedJob))
    ended = ("completed", "failed", "canceled")
    until(lambda: client.fetch_job(submitted.id).status in ended)
    done = client.fetch_job(submitted.id)
"""
LIST = """
with connection.current().client() as client:
    jobs = [job.name for job in client.fetch_jobs()]
"""
STOP = """
assert bpy.ops.flamenco.local_farm_stop() == {"FINISHED"}
until(lambda: operators.status().is_over and address() != url)
answer([jobs, address()])
"""
HOLD = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from flamenco_addon.local_farm.farm_process import FarmProcess
from flamenco_core.packing import Host
start = {"home": sys.argv[2], "storage": sys.argv[2] + "/storage", "wheels": [],
         "runtimes": sys.argv[2], "paths": sys.path, "blender": "no-blender",
         "goes_on": sys.argv[3] == "goes on"}
farm = FarmProcess(lambda: Host((sys.executable, "-I")), start, lambda status: None)
while farm.status.state not in ("running", "failed"):
    time.sleep(0.02)
print(farm.status.state, farm.status.supervisor, farm.status.url, flush=True)
for line in sys.stdin:
    farm.stop() if line == "stop\\n" else farm.let_go()
    while not farm.status.is_over:
        time.sleep(0.02)
    print(farm.status.state, flush=True)
    break
"""


@pytest.fixture(scope="module")
def blender(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bpy_program(tmp_path_factory.mktemp("blender"))


def ask(url: str, token: str = "") -> tuple[int, Any]:
    """Without any code of ours."""
    request = urllib.request.Request(url)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, None


class Holder:
    """A stand-in for a Blender: a process that holds on to a farm."""

    def __init__(self, home: Path, *, goes_on: bool = False) -> None:
        command = [sys.executable, "-c", HOLD, str(ROOT), str(home / "farm")]
        self.process = subprocess.Popen(
            [*command, "goes on" if goes_on else ""],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=isolated(home),
        )
        state, supervisor, self.url = self.read().split()
        assert state == "running"
        self.supervisor = psutil.Process(int(supervisor))

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def say(self, word: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self.read().strip()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.close()

    def close(self) -> None:
        with self.process:
            pass


def everything_has_ended(processes: list[psutil.Process]) -> None:
    eventually(
        lambda: not any(is_alive(process) for process in processes),
        "everything that was started has ended",
    )


def family(holder: Holder) -> list[psutil.Process]:
    return [holder.supervisor, *holder.supervisor.children(recursive=True)]


def listening(process: psutil.Process) -> set[str]:
    """The addresses that it listens at; none if it has ended."""
    try:
        connections = process.net_connections(kind="tcp")
    except psutil.NoSuchProcess:  # a helper that had little to do
        return set()
    return {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}


def test_a_frame_is_rendered_on_this_computer_and_the_queue_is_kept(
    blender: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "scene"
    subprocess.run([blender, "-b", "--python", SCENE, "--", folder], check=True, timeout=120)
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    names = {"blender": str(blender), "job": render_job(folder / "shots/demo.blend", tmp_path)}
    user: dict[str, Any] = {
        "home": tmp_path / "home",
        "names": names,
        "environment": home,
        "limit": 290,
    }
    script = START + RENDER + "answer([done.status, operators.status().url, address()])"
    status, url, address = run_in_bpy(script, **user)
    assert status == "completed"
    assert address == url
    assert (tmp_path / "000001.png").stat().st_size > 1000
    jobs, address = run_in_bpy(
        START + LIST + STOP, home=tmp_path / "home", names=names, environment=home
    )
    assert jobs == ["demo"]
    assert (tmp_path / "Flamenco").is_dir()
    assert address == "http://localhost:8080/"


def test_only_its_user_gets_in_and_it_ends_with_the_last_blender_even_if_that_is_killed(
    tmp_path: Path,
) -> None:
    first, second = Holder(tmp_path), Holder(tmp_path)
    assert second.supervisor == first.supervisor
    memory_file = tmp_path / "farm/farm.json"
    token = json.loads(memory_file.read_text())["token"]
    assert memory_file.stat().st_mode & 0o077 == 0
    assert ask(f"{first.url}/api/v3/jobs")[0] == 401
    processes = family(first)
    assert {address for process in processes for address in listening(process)} == {"127.0.0.1"}
    programs = [first.supervisor, *first.supervisor.children()]
    first.kill()
    assert ask(f"{second.url}/api/v3/jobs", token)[0] == 200
    assert all(is_alive(process) for process in programs)
    second.kill()
    everything_has_ended(processes)


def test_it_goes_on_without_blender_if_asked_and_the_next_blender_can_stop_it(
    tmp_path: Path,
) -> None:
    first = Holder(tmp_path, goes_on=True)
    assert first.say("let go") == "off"
    first.close()
    second = Holder(tmp_path, goes_on=True)
    assert second.supervisor == first.supervisor
    assert second.url == first.url
    processes = family(second)
    assert second.say("stop") == "stopped"
    second.close()
    everything_has_ended(processes)


@pytest.mark.thorough
def test_a_killed_supervisor_leaves_nothing_running(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux does this, not Windows or macOS")
    holder = Holder(tmp_path)
    processes = family(holder)
    os.kill(holder.supervisor.pid, signal.SIGKILL)
    everything_has_ended(processes)
    holder.kill()
