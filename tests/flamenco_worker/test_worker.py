"""The worker's life against a Manager that follows the protocol, and one that misbehaves."""

from __future__ import annotations

import itertools
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flamenco_worker.backing_off import JITTER
from flamenco_worker.config import WorkerConfig
from flamenco_worker.credentials import load_credentials
from flamenco_worker.update_queue import QUEUE_NAME
from flamenco_worker.worker import Pace, Worker
from tests.eventually import eventually
from tests.flamenco_worker.protocol_manager import (
    PATIENCE,
    ProtocolManager,
    Received,
    command,
    task_of,
    wait_for_file,
)

FIRST = "11111111-1111-4111-8111-111111111111"
SECOND = "22222222-2222-4222-8222-222222222222"

QUICK = Pace(
    task_wait=timedelta(seconds=10),
    longest_pause=timedelta(seconds=0.2),
    first_pause=timedelta(seconds=0.02),
    while_asleep=timedelta(seconds=0.02),
    may_i_run=timedelta(seconds=0.05),
    flush_at_end=timedelta(seconds=30),
    sign_off=timedelta(seconds=30),
)


@pytest.fixture
def manager() -> Iterator[ProtocolManager]:
    with ProtocolManager() as running:
        yield running


class RunningWorker:
    """A worker in a thread of its own."""

    def __init__(self, home: Path, url: str, pace: Pace = QUICK, exit_code: int = 0) -> None:
        config = WorkerConfig(
            home=home, worker_name="tester", manager_url=url, restart_exit_code=exit_code
        )
        self.worker = Worker(config, pace=pace)
        self.exit_codes: list[int] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.exit_codes.append(self.worker.run())

    def wait(self) -> int:
        self._thread.join(PATIENCE)
        assert self.exit_codes, "the worker has not ended"
        return self.exit_codes[0]

    def stop(self) -> int:
        """As the program does it: again and again until it has ended."""
        deadline = time.monotonic() + PATIENCE
        while self._thread.is_alive() and time.monotonic() < deadline:
            self.worker.stop("the test ends")
            self._thread.join(0.05)
        return self.wait()


@contextmanager
def running(home: Path, url: str, pace: Pace = QUICK) -> Iterator[RunningWorker]:
    worker = RunningWorker(home, url, pace)
    try:
        yield worker
    finally:
        worker.stop()


def is_completed(manager: ProtocolManager, uuid: str) -> Callable[[], bool]:
    return lambda: "completed" in manager.statuses_of(uuid)


def steps_of(manager: ProtocolManager) -> list[str]:
    """The paths of the requests that make up the worker's life, in order.

    What other threads ask in between comes whenever the machine lets it.
    """
    steps = {"/register-worker", "/sign-on", "/state-changed", "/task", "/sign-off"}
    return [request.path for request in manager.received if request.path in steps]


def told_statistics(manager: ProtocolManager) -> list[dict[str, Any]]:
    """The updates of the first task that tell what it took."""
    return [update for update in manager.updates_of(FIRST) if "statistics" in update]


def test_it_registers_signs_on_takes_tasks_and_signs_off(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.hand_out(task_of(FIRST, command("echo", message="good morning")))
    with running(tmp_path, manager.url):
        manager.wait_for(is_completed(manager, FIRST), "the first task")
        manager.hand_out(task_of(SECOND, command("echo", message="and again")))
        manager.wait_for(is_completed(manager, SECOND), "the second task")
    paths = steps_of(manager)
    assert paths[:4] == ["/register-worker", "/sign-on", "/state-changed", "/task"]
    assert paths[-1] == "/sign-off"
    assert manager.statuses_of(FIRST) == ["active", "completed"]
    assert 'echo: "good morning"' in manager.log_of(FIRST)
    assert all(update["attempt"] == 1 for update in manager.updates_of(FIRST))
    assert [set(update["statistics"]) for update in told_statistics(manager)] == [{"run_seconds"}]
    (request, *_rest) = manager.requests("/task")
    assert (request.body["slot"], request.body["holding"]) == (0, [])


def test_credentials_are_kept_for_the_owner_only_and_used_again(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    for start in (1, 2):
        with running(tmp_path, manager.url):
            manager.wait_for_count("/sign-on", start)
            manager.wait_for_count("/task", start)
    assert len(manager.requests("/register-worker")) == 1
    kept = tmp_path / "flamenco-worker-credentials.yaml"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_manager_that_is_away_or_out_of_order_is_waited_for(tmp_path: Path) -> None:
    manager = ProtocolManager()
    manager.listen()
    manager.go_away()
    troubles = itertools.chain([500, 503, 502], itertools.repeat(None))
    manager.fail = lambda _request: next(troubles)
    worker = RunningWorker(tmp_path, manager.url)
    try:
        manager.listen()
        manager.wait_for_count("/task", 1)
    finally:
        worker.stop()
        manager.go_away()
    assert len(manager.known_workers) == 1


def test_each_try_to_register_has_the_same_secret(manager: ProtocolManager, tmp_path: Path) -> None:
    told: list[str] = []

    def fail(request: Received) -> int | None:
        if request.path != "/register-worker":
            return None
        told.append(request.body["secret"])
        return 503 if len(told) < 3 else None

    manager.fail = fail
    with running(tmp_path, manager.url):
        manager.wait_for_count("/sign-on", 1)
    assert len(told) == 3
    assert len(set(told)) == 1


def test_server_errors_at_sign_on_do_not_make_a_second_identity(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    with running(tmp_path, manager.url):
        manager.wait_for_count("/task", 1)
    before = load_credentials(tmp_path)
    troubles = itertools.chain([500, 503], itertools.repeat(None))
    manager.fail = lambda request: next(troubles) if request.path == "/sign-on" else None
    with running(tmp_path, manager.url):
        manager.wait_for_count("/sign-on", 2)
    assert load_credentials(tmp_path) == before


def test_a_manager_that_does_not_know_the_worker_gets_a_new_registration(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    with running(tmp_path, manager.url):
        manager.wait_for_count("/task", 1)
    manager.known_workers = {"somebody else"}
    with running(tmp_path, manager.url):
        manager.wait_for_count("/register-worker", 2)
        manager.wait_for_count("/sign-on", 2)


def test_credentials_that_are_refused_in_mid_life_lead_to_a_new_sign_on(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    with running(tmp_path, manager.url):
        manager.wait_for_count("/task", 1)
        manager.known_workers = {"somebody else"}
        manager.hand_out(task_of(FIRST, command("echo", message="x")))
        manager.wait_for(lambda: len(manager.known_workers) == 2, "the new registration")


def test_a_failing_command_fails_the_task_with_its_sentence(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.hand_out(
        task_of(FIRST, command("exec", exe="/bin/false"), command("echo", message="never")),
        task_of(SECOND, command("bake-bread")),
    )
    with running(tmp_path, manager.url):
        manager.wait_for(lambda: "failed" in manager.statuses_of(SECOND), "the failure")
    assert manager.updates_of(FIRST)[-1]["activity"] == "Failed: /bin/false ended with exit code 1"
    assert "never" not in manager.log_of(FIRST)
    assert "this worker has no command 'bake-bread'" in manager.updates_of(SECOND)[-1]["activity"]


def test_arguments_that_cannot_be_split_fail_their_task_only(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    render = command("blender-render", exe="blender", exeArgs='-b "', blendfile="a.blend", args=[])
    manager.hand_out(task_of(FIRST, render), task_of(SECOND, command("echo", message="next")))
    with running(tmp_path, manager.url):
        manager.wait_for(is_completed(manager, SECOND), "the task after it")
    assert "exeArgs: is '-b \"', which cannot be split" in manager.updates_of(FIRST)[-1]["activity"]


def test_updates_wait_for_a_manager_that_answers_with_errors(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    troubles = itertools.chain([503, 500, 0, 502], itertools.repeat(None))

    def fail(request: Received) -> int | None:
        return next(troubles) if request.path == f"/task/{FIRST}" else None

    manager.fail = fail
    manager.hand_out(task_of(FIRST, command("echo", message="kept")))
    with running(tmp_path, manager.url):
        manager.wait_for(is_completed(manager, FIRST), "the task")
    assert manager.statuses_of(FIRST) == ["active", "completed"]
    assert 'echo: "kept"' in manager.log_of(FIRST)


TEN_MINUTES = timedelta(minutes=10) * (QUICK.longest_pause / Pace().longest_pause)
"""By the worker's clock, which runs as much faster as its pauses are shorter."""

CHATTY = """
import os, sys, time
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
for number in range(300):
    print("line", number, flush=True)
    time.sleep(0.01)
"""


def test_a_task_goes_on_while_the_manager_is_away_for_ten_minutes_and_is_reported_then(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    gate = tmp_path / "the task may talk"
    chatty = command("exec", exe=sys.executable, args=["-c", CHATTY, str(gate)])
    manager.hand_out(task_of(FIRST, chatty))
    with running(tmp_path, manager.url):
        manager.wait_for(lambda: manager.statuses_of(FIRST) == ["active"], "the start")
        manager.go_away()
        gate.touch()
        time.sleep(TEN_MINUTES.total_seconds())
        manager.listen()
        manager.wait_for(is_completed(manager, FIRST), "the report")
        manager.hand_out(task_of(SECOND, command("echo", message="next")))
        manager.wait_for(is_completed(manager, SECOND), "the next task")
    assert manager.statuses_of(FIRST) == ["active", "completed"]
    lines = re.findall(r"> line (\d+)\n", manager.log_of(FIRST))
    assert lines == [str(number) for number in range(300)]
    assert len(manager.requests("/sign-on")) == 1


def kept_reports(home: Path) -> list[str]:
    """What waits in the queue of a worker."""
    queue = home / QUEUE_NAME
    with closing(sqlite3.connect(f"{queue.as_uri()}?mode=ro", uri=True)) as database:
        return [row[0] for row in database.execute("SELECT payload FROM waiting_updates")]


def test_what_could_not_be_sent_is_sent_by_the_next_run(tmp_path: Path) -> None:
    manager = ProtocolManager()
    manager.listen()
    gate = tmp_path / "the task may end"
    manager.hand_out(task_of(FIRST, wait_for_file(gate)))
    no_flush = Pace(
        task_wait=QUICK.task_wait,
        first_pause=QUICK.first_pause,
        longest_pause=QUICK.longest_pause,
        flush_at_end=timedelta(0),
    )
    worker = RunningWorker(tmp_path, manager.url, no_flush)
    manager.wait_for(lambda: manager.statuses_of(FIRST) == ["active"], "the start")
    manager.go_away()
    gate.touch()
    eventually(lambda: any("completed" in each for each in kept_reports(tmp_path)), "the end")
    worker.stop()
    manager.listen()
    try:
        with running(tmp_path, manager.url):
            manager.wait_for(is_completed(manager, FIRST), "the report of the earlier run")
    finally:
        manager.go_away()


def test_a_task_that_has_gone_to_somebody_else_is_stopped(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    def fail(request: Received) -> int | None:
        return 409 if request.path == f"/task/{FIRST}" else None

    manager.fail = fail
    manager.hand_out(
        task_of(FIRST, command("sleep", duration_in_seconds=60)),
        task_of(SECOND, command("echo", message="next")),
    )
    with running(tmp_path, manager.url):
        manager.wait_for(is_completed(manager, SECOND), "the next task")
    assert manager.updates_of(FIRST) == []


def test_a_task_stops_when_the_manager_says_that_it_may_not_run(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.hand_out(task_of(FIRST, command("exec", exe="/bin/sleep", args=["60"])))
    with running(tmp_path, manager.url):
        manager.wait_for(lambda: manager.statuses_of(FIRST) == ["active"], "the start")
        manager.stopped[FIRST] = "cancelled"
        manager.hand_out(task_of(SECOND, command("echo", message="next")))
        manager.wait_for(is_completed(manager, SECOND), "the next task")
    assert manager.statuses_of(FIRST) == ["active"]
    assert "stopped: cancelled" in manager.log_of(FIRST)


def test_a_manager_that_fails_to_say_whether_a_task_may_run_does_not_stop_it(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.fail = lambda request: 500 if request.path.endswith("may-i-run") else None
    manager.hand_out(task_of(FIRST, command("sleep", duration_in_seconds=1)))
    with running(tmp_path, manager.url):
        manager.wait_for(is_completed(manager, FIRST), "the task")


def test_it_sleeps_and_wakes_up_as_the_manager_wants(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    with running(tmp_path, manager.url):
        manager.wait_for_count("/task", 1)
        manager.want_status("asleep")
        manager.wait_for(lambda: len(manager.requests("/state")) > 2, "polling while asleep")
        manager.want_status("awake")
        manager.hand_out(task_of(FIRST, command("echo", message="awake again")))
        manager.wait_for(is_completed(manager, FIRST), "the task")
    told = [request.body["status"] for request in manager.requests("/state-changed")]
    assert told == ["awake", "asleep", "awake"]


@pytest.mark.parametrize(("status", "exit_code"), [("offline", 0), ("restart", 47)])
def test_it_ends_as_the_manager_wants(
    manager: ProtocolManager, tmp_path: Path, status: str, exit_code: int
) -> None:
    worker = RunningWorker(tmp_path, manager.url, exit_code=47)
    manager.wait_for_count("/task", 1)
    manager.want_status(status)
    assert worker.wait() == exit_code
    assert steps_of(manager)[-1] == "/sign-off"
    assert manager.requests("/sign-on")[0].body["can_restart"] is True


def test_stopping_hands_the_task_back_without_a_verdict(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.hand_out(task_of(FIRST, command("exec", exe="/bin/sleep", args=["60"])))
    worker = RunningWorker(tmp_path, manager.url)
    manager.wait_for(lambda: manager.statuses_of(FIRST) == ["active"], "the start")
    assert worker.stop() == 0
    assert manager.statuses_of(FIRST) == ["active"]
    assert "stopped: the test ends" in manager.log_of(FIRST)
    assert len(told_statistics(manager)) == 1
    assert steps_of(manager)[-1] == "/sign-off"


def test_a_manager_that_never_waits_is_not_asked_without_pause(tmp_path: Path) -> None:
    """Flamenco 3's Manager answers at once, and knows no attempts."""
    pace = Pace(first_pause=timedelta(seconds=0.2), longest_pause=timedelta(seconds=0.2))
    began = time.monotonic()
    with ProtocolManager(waits=False) as manager, running(tmp_path, manager.url, pace):
        manager.wait_for_count("/task", 2)
        manager.hand_out(task_of(FIRST, command("echo", message="old"), attempt=None))
        manager.wait_for(is_completed(manager, FIRST), "the task")
        asked = len(manager.requests("/task"))
        # The shortest pause is three quarters; after a task there is none.
        assert asked <= 3 + (time.monotonic() - began) / (0.2 * (1 - JITTER))
        updates = manager.updates_of(FIRST)
        assert not any({"attempt", "statistics"} & update.keys() for update in updates)


def test_a_worker_that_the_manager_has_lost_sight_of_says_that_it_is_awake(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    answers = itertools.chain([409], itertools.repeat(None))
    manager.fail = lambda request: next(answers) if request.path == "/task" else None
    with running(tmp_path, manager.url):
        manager.wait_for_count("/task", 1)
    told = [request.body["status"] for request in manager.requests("/state-changed")]
    assert told == ["awake", "awake"]


def test_a_worker_that_is_to_sleep_never_says_that_it_is_awake(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.first_status = "asleep"
    answers = itertools.chain([409, 409], itertools.repeat(None))
    manager.fail = lambda request: next(answers) if request.path == "/state-changed" else None
    with running(tmp_path, manager.url):
        manager.wait_for_count("/state", 1)
    assert [request.body["status"] for request in manager.requests("/state-changed")] == ["asleep"]


def test_the_last_image_is_shown_as_a_jpeg(manager: ProtocolManager, tmp_path: Path) -> None:
    from flamenco_core.client import ManagerClient
    from flamenco_worker.output_images import OutputImages

    Image.new("RGBA", (3000, 20), (255, 0, 0, 255)).save(tmp_path / "wide.png")
    (tmp_path / "film.mp4").write_bytes(b"cannot be shown")
    client = ManagerClient(manager.url, worker_id="someone", secret="secret")
    manager.known_workers.add("someone")
    images = OutputImages(client)
    images.offer(FIRST, tmp_path / "wide.png")
    images.offer(FIRST, tmp_path / "film.mp4")
    manager.wait_for(lambda: bool(manager.requests("/output-produced")), "the image")
    images.close(timedelta(seconds=PATIENCE))
    client.abort()
    (request,) = manager.requests("/output-produced")
    assert request.body.startswith(b"\xff\xd8\xff")
    (tmp_path / "shown.jpg").write_bytes(request.body)
    with Image.open(tmp_path / "shown.jpg") as shown:
        assert shown.width == 2048
