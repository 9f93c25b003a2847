"""The worker as a program, with a server that behaves like Flamenco 3's Manager."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.eventually import PATIENCE, eventually
from tests.flamenco_worker.blenders import BPY
from tests.flamenco_worker.flamenco3_manager import Flamenco3Manager, Task, Worker
from tests.flamenco_worker.protocol_manager import wait_for_file
from tests.flamenco_worker.test_blender_render import names_in, render_command


@pytest.fixture
def manager() -> Iterator[Flamenco3Manager]:
    with Flamenco3Manager() as running:
        yield running
        # What it does not know it passes over; little of it is sent.
        assert not running.strangers.get("register")
        assert not running.strangers.get("state-changed")
        assert running.strangers.get("update", set()) <= {"update_id"}


StartWorker = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_worker(manager: Flamenco3Manager, tmp_path: Path) -> Iterator[StartWorker]:
    """Starts a worker; each time it is the same one, with its identity in the same folder."""
    started: list[subprocess.Popen[str]] = []
    log = (tmp_path / "worker.log").open("a+")

    def start(*options: str) -> subprocess.Popen[str]:
        config = tmp_path / "flamenco-worker.yaml"
        config.write_text("may_i_run_interval_seconds: 0.2\nminimum_free_space: 0\n")
        arguments = ["--home", str(tmp_path / "home"), "--manager", manager.url, *options]
        worker = subprocess.Popen(
            [sys.executable, "-m", "flamenco_worker", *arguments],
            cwd=tmp_path,
            stderr=log,
            text=True,
        )
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()
        worker.wait()
    log.close()
    print((tmp_path / "worker.log").read_text())


def command(name: str, total_step_count: int = 0, **parameters: Any) -> dict[str, Any]:
    return {"name": name, "parameters": parameters, "total_step_count": total_step_count}


def is_running(task: Task) -> bool:
    return task.history[-1:] == ["active"]


def ended(task: Task) -> Callable[[], bool]:
    return lambda: task.history[-1:] in (["completed"], ["failed"])


def test_a_worker_lives_its_life_with_it(
    manager: Flamenco3Manager, start_worker: StartWorker, tmp_path: Path
) -> None:
    blend = BPY.make_blend(tmp_path / "small.blend")
    authored = render_command(BPY, blend, tmp_path / "out")
    render = manager.add_task("blender", command(authored.name, 3, **authored.parameters))
    other = manager.add_task("no-such-type", command("echo", message="never"))
    worker = start_worker("--restart-exit-code", "47", "--name", "tester")
    eventually(ended(render))
    me = manager.only_worker()
    assert (me.name, me.status, me.can_restart) == ("tester", "awake", True)
    assert len(me.secret) == 64
    assert (render.status, render.steps) == ("completed", 3), render.log
    assert render.history == ["assigned", "active", "completed"]
    assert "frame 3 is verified" in render.log
    assert names_in(tmp_path / "out") == ["000001.png", "000002.png", "000003.png"]
    eventually(lambda: render.images)
    with Image.open(io.BytesIO(render.images[-1])) as image:
        assert (image.format, image.size) == ("JPEG", (32, 24))
    assert other.status == "queued"

    manager.request_status(me, "asleep")
    eventually(lambda: me.status == "asleep")
    sleeping_on = manager.add_task("misc", command("echo", message="good morning"))
    manager.request_status(me, "awake")
    eventually(ended(sleeping_on))
    assert sleeping_on.log.startswith('echo: "good morning"')

    manager.request_status(me, "restart")
    assert worker.wait(PATIENCE) == 47
    # A goodbye that is not answered at once is not waited for.
    eventually(lambda: me.status == "offline")
    assert manager.requests[-1] == "POST /worker/sign-off"
    me.requested = ""
    again = start_worker("--name", "tester")
    after = manager.add_task("misc", command("echo", message="again"))
    eventually(ended(after))
    assert manager.only_worker() is me
    manager.request_status(me, "offline")
    assert again.wait(PATIENCE) == 0


def test_a_task_that_fails_says_so_and_the_next_one_is_taken(
    manager: Flamenco3Manager, start_worker: StartWorker
) -> None:
    failing = manager.add_task("misc", command("exec", exe=sys.executable, args=["-c", "1/0"]))
    unknown = manager.add_task("misc", command("no-such-command"))
    good = manager.add_task("misc", command("echo", message="fine"))
    start_worker()
    for task in (failing, unknown, good):
        eventually(ended(task))
    assert [task.status for task in (failing, unknown, good)] == ["failed", "failed", "completed"]
    assert "ended with exit code 1" in failing.activity
    assert "ZeroDivisionError" in failing.log
    assert "no command 'no-such-command'" in unknown.activity


SLEEPING = command("exec", exe=sys.executable, args=["-c", "import time; time.sleep(1000)"])


def test_a_lazy_request_waits_for_the_task_and_an_immediate_one_stops_it(
    manager: Flamenco3Manager, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker()
    gate = tmp_path / "the task may end"
    short = manager.add_task("misc", wait_for_file(gate))
    eventually(partial(is_running, short))
    me = manager.only_worker()
    manager.request_status(me, "asleep", is_lazy=True)
    question = f"GET /worker/task/{short.uuid}/may-i-run"
    before = manager.requests.count(question)
    eventually(lambda: manager.requests.count(question) > before + 2, "it is told to go on")
    gate.touch()
    eventually(lambda: me.status == "asleep")
    assert short.status == "completed"
    long = manager.add_task("misc", SLEEPING)
    manager.request_status(me, "awake")
    eventually(lambda: long.history[-1:] == ["active"])
    manager.request_status(me, "asleep")
    eventually(lambda: me.status == "asleep")
    assert (long.status, long.history[-1]) == ("queued", "requeued")
    assert "worker status change requested" in long.log
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE) == 0


def test_a_task_that_was_cancelled_or_given_to_another_is_let_go(
    manager: Flamenco3Manager, start_worker: StartWorker
) -> None:
    start_worker()
    for change in ({"status": "canceled"}, {"worker": "another"}):
        task = manager.add_task("misc", SLEEPING)
        eventually(partial(is_running, task))
        for name, value in change.items():
            setattr(task, name, value)
        next_one = manager.add_task("misc", command("echo", message="next"))
        eventually(ended(next_one))
        assert next_one.status == "completed"
        assert task.history == ["assigned", "active"]


def test_ending_the_worker_hands_its_task_back(
    manager: Flamenco3Manager, start_worker: StartWorker
) -> None:
    worker = start_worker()
    task = manager.add_task("misc", SLEEPING)
    eventually(lambda: task.history[-1:] == ["active"])
    worker.send_signal(signal.SIGINT)
    assert worker.wait(PATIENCE) == 0
    # A goodbye that is not answered at once is not waited for.
    eventually(lambda: task.history == ["assigned", "active", "requeued"])
    assert task.status == "queued"
    start_worker()
    eventually(lambda: task.history[-2:] == ["assigned", "active"])


def test_a_busy_database_loses_nothing_and_makes_no_second_worker(
    manager: Flamenco3Manager, start_worker: StartWorker
) -> None:
    refused: set[str] = set()

    def is_busy_once(request: str) -> bool:
        """Each kind of request is refused the first time."""
        kind = " ".join(part[:12] for part in request.split("/") if len(part) < 36)
        if kind in refused:
            return False
        refused.add(kind)
        return True

    manager.is_busy = is_busy_once
    task = manager.add_task("misc", command("echo", message="all of it"))
    start_worker()
    eventually(ended(task))
    assert len(manager.workers) == 1
    assert task.history[-2:] == ["active", "completed"]
    assert task.log == 'echo: "all of it"\n'
    assert len(refused) >= 4


@pytest.mark.parametrize("is_killed", [False, True], ids=["goes on", "is killed meanwhile"])
def test_a_worker_whose_registration_was_answered_in_vain_stays_one_worker(
    manager: Flamenco3Manager, start_worker: StartWorker, is_killed: bool
) -> None:
    namesake = Worker("11111111-1111-4111-8111-111111111111", "another secret", "tester")
    manager.workers[namesake.uuid] = namesake
    registering, listing = "POST /worker/register-worker", "GET /worker-mgt/workers"
    lost: list[str] = []

    def loses(request: str) -> bool:
        is_lost = request == registering and not lost
        if is_lost:
            lost.append(request)
        return is_lost or (is_killed and request == listing)

    manager.loses = loses
    worker = start_worker("--name", "tester")
    eventually(lambda: manager.requests.count(listing))
    if is_killed:
        worker.kill()
        worker.wait()
        manager.loses = lambda _request: False
        start_worker("--name", "tester")
    task = manager.add_task("misc", command("echo", message="good morning"))
    eventually(ended(task))
    assert len(manager.workers) == 2
    assert namesake.status == "", "it has another secret"
    assert manager.requests.count(registering) == 1
