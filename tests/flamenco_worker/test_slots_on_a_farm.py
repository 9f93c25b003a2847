"""Slots, reservations and requests with the real Manager and the real worker, as programs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flamenco_worker.farm_programs import Farm, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")

SLOTS = """\
slots:
  - {name: left, task_types: [misc]}
  - {name: right, task_types: [misc], devices: [cpu]}
  - {name: render, task_types: [blender]}
"""


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    with Farm(tmp_path / "farm") as running:
        yield running


def start_worker(farm: Farm, config: str = "") -> None:
    home = farm.folder / "worker"
    home.mkdir(exist_ok=True)
    (home / "flamenco-worker.yaml").write_text(config, encoding="utf-8")
    farm.worker.start()
    wait_until(lambda: "this worker is awake" in farm.worker.log, "the worker")


def shown(farm: Farm) -> dict[str, Any]:
    (worker,) = farm.ask("GET", "/worker-mgt/workers")["workers"]
    return dict(farm.ask("GET", f"/worker-mgt/workers/{worker['id']}"))


def submit(farm: Farm, *, seconds: float, count: int) -> str:
    return farm.submit(
        "echo-sleep-test", message="hi", sleep_duration_seconds=seconds, sleep_repeats=count
    )


def test_slots_run_side_by_side_and_the_manager_shows_each(farm: Farm) -> None:
    start_worker(farm, SLOTS)
    job = submit(farm, seconds=600, count=3)
    wait_until(
        lambda: [task["status"] for task in farm.tasks(job)].count("active") == 2, "both slots"
    )
    left, right, render = shown(farm)["slots"]
    assert (left["name"], right["name"], render["name"]) == ("left", "right", "render")
    running = [[task["name"] for task in slot["tasks"]] for slot in (left, right, render)]
    assert [len(names) for names in running] == [1, 1, 0]
    assert right["capabilities"] == {"device": "cpu"}
    assert int(shown(farm)["capabilities"]["memory_gb"]) > 0
    assert farm.worker.end() == 0
    wait_until(
        lambda: [task["status"] for task in farm.tasks(job)].count("queued") == 3, "all go back"
    )
    assert "failed" not in {task["status"] for task in farm.tasks(job)}


def test_short_tasks_follow_each_other_by_reservation_each_once(farm: Farm) -> None:
    start_worker(farm)
    job = submit(farm, seconds=1, count=7)
    farm.wait_for_job(job, "completed")
    log = farm.ask("GET", f"/jobs/{job}/attempts")["attempts"]
    assert len(log) == 8, "nothing was run twice"
    done = [entry["action"] for entry in farm.ask("GET", "/audit")["audit"]]
    assert done.count("task.reserve") >= 3
    assert farm.worker.end() == 0


def test_a_reserved_task_goes_back_when_the_worker_is_to_sleep_after_its_task(farm: Farm) -> None:
    start_worker(farm)
    first = submit(farm, seconds=1, count=3)
    # More than is done with while this test, but not the worker, stands still.
    second = submit(farm, seconds=1, count=100)
    worker = shown(farm)["id"]

    def statuses(job: str) -> list[str]:
        return [task["status"] for task in farm.ask("GET", f"/jobs/{job}/tasks")["tasks"]]

    def done(job: str) -> int:
        return statuses(job).count("completed")

    wait_until(lambda: done(first) >= 3, "some tasks")
    farm.ask(
        "POST", f"/worker-mgt/workers/{worker}/setstatus", {"status": "asleep", "is_lazy": True}
    )
    wait_until(lambda: shown(farm)["status"] == "asleep", "sleep")
    assert {*statuses(first), *statuses(second)} == {"completed", "queued"}
    before = done(second)
    farm.ask(
        "POST", f"/worker-mgt/workers/{worker}/setstatus", {"status": "awake", "is_lazy": False}
    )
    wait_until(lambda: done(second) >= before + 3, "the tasks that have gone back")
    attempts = farm.ask("GET", f"/jobs/{second}/attempts")["attempts"]
    assert not [each for each in attempts if each.get("outcome") == "failed"]


def test_a_worker_that_is_killed_with_a_task_reserved_leaves_nothing_behind(farm: Farm) -> None:
    start_worker(farm, "slots: 2\n")
    job = submit(farm, seconds=1, count=12)
    wait_until(
        lambda: [task["status"] for task in farm.tasks(job)].count("completed") >= 4, "a few tasks"
    )
    farm.worker.end(signal.SIGKILL)
    farm.worker.start()
    farm.wait_for_job(job, "completed")


def test_an_error_of_the_machine_stands_on_the_manager_and_the_worker_can_be_shut_down(
    farm: Farm,
) -> None:
    missing = farm.folder / "storage"
    home = farm.folder / "worker"
    home.mkdir()
    config = f"pre_task_check: {{read: ['{missing}']}}\n"
    (home / "flamenco-worker.yaml").write_text(config, encoding="utf-8")
    farm.worker.start()
    wait_until(lambda: "this worker is error" in farm.worker.log, "the worker")
    worker = shown(farm)
    assert worker["status"] == "error"
    assert str(missing) in worker["status_reason"]
    wish = {"status": "offline", "is_lazy": False}
    farm.ask("POST", f"/worker-mgt/workers/{worker['id']}/setstatus", wish)
    assert farm.worker.wait() == 0
    wait_until(lambda: shown(farm)["status"] == "offline", "the goodbye to be heard")
