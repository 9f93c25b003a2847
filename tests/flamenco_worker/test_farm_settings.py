"""A real Manager tells a real worker what to run, while the worker stays signed on."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from tests.eventually import eventually
from tests.flamenco_worker.test_worker import running
from tests.manager_service.running_manager import RunningManager
from tests.manager_service.test_configuration_over_http import change, serving

PATIENCE = 120


def submit(manager: RunningManager, program: str) -> str:
    settings = {"program": program, "arguments": "-c \"print('it', 'ran')\""}
    job: str = manager.submit(type="run-command", settings=settings)["id"]
    return job


def ended(manager: RunningManager, job: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while True:
        tasks: list[dict[str, Any]] = manager.get(f"/jobs/{job}/tasks").json["tasks"]
        if tasks[0]["status"] in ("completed", "failed"):
            return tasks[0]
        assert time.monotonic() < deadline, tasks
        time.sleep(0.05)


def test_a_worker_runs_the_programs_of_its_farm_also_after_they_have_changed(
    tmp_path: Path,
) -> None:
    text = f"worker_settings: [{{worker: tester, programs: {{first: {sys.executable}}}}}]\n"
    with serving(tmp_path / "farm", text) as manager:
        url = f"http://127.0.0.1:{manager.port}/"
        with running(tmp_path / "worker", url):
            assert ended(manager, submit(manager, "first"))["status"] == "completed"
            rules = [{"worker": "tester", "programs": {"second": sys.executable}}]
            assert change(manager, worker_settings=rules).status == 200
            task = ended(manager, submit(manager, "second"))
            assert task["status"] == "completed"
            log = manager.get(f"/tasks/{task['id']}/log.txt").content.decode()
            assert "it ran" in log


def slots_of(manager: RunningManager) -> list[dict[str, Any]]:
    (worker,) = manager.get("/worker-mgt/workers").json["workers"]
    shown: dict[str, Any] = manager.get(f"/worker-mgt/workers/{worker['id']}").json
    return list(shown.get("slots", []))


def test_a_worker_has_the_slots_that_its_farm_gives_it(tmp_path: Path) -> None:
    text = (
        "worker_settings:\n"
        "  - worker: tester\n"
        "    slots:\n"
        "      - {name: card, task_types: [blender], devices: [cpu]}\n"
        "      - {name: rest, task_types: [misc], memory_limit: 4 GB}\n"
    )
    with serving(tmp_path / "farm", text) as manager:
        url = f"http://127.0.0.1:{manager.port}/"
        with running(tmp_path / "worker", url):
            eventually(lambda: manager.get("/worker-mgt/workers").json["workers"])
            first, second = eventually(lambda: slots_of(manager))
            assert (first["name"], first["task_types"]) == ("card", ["blender"])
            assert first["capabilities"] == {"device": "cpu"}
            assert (second["name"], second["task_types"]) == ("rest", ["misc"])
            task = eventually(lambda: ended(manager, submit(manager, sys.executable)))
            assert task["status"] == "completed"
