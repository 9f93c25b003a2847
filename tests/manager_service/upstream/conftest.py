"""The Flamenco Server of the tests: a child process, and what a test asks of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from flamenco_core.config import Upstream
from manager_service.upstream import notifying, pushing, timing
from tests.manager_service.running_manager import RunningManager, WorkerLogin
from tests.manager_service.upstream import flamenco2_server

PATIENCE = 120.0
"""Seconds until something must have happened."""

JOB = "5f" + "0" * 22


class UpstreamServer:
    """Speaks to the control paths of `flamenco2_server`."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def control(self, what: str, document: Any = None) -> dict[str, Any]:
        body = None if document is None else json.dumps(document).encode()
        request = Request(f"{self.url}/control/{what}", data=body)
        with urlopen(request, timeout=PATIENCE) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    @property
    def state(self) -> dict[str, Any]:
        return self.control("state")

    def put(self, *tasks: dict[str, Any]) -> None:
        self.control("put", tasks)

    def behave(self, **behaviours: list[str]) -> None:
        """What to do in the next requests of a kind; `_` stands for `-` in its name."""
        self.control("behave", {name.replace("_", "-"): what for name, what in behaviours.items()})

    def status(self, number: int) -> str:
        return str(self.state["tasks"][task_id(number)]["status"])

    def statuses_told(self, number: int) -> list[str]:
        """What it was told of a task, repetitions included."""
        return [
            update["task_status"]
            for update in self.state["updates"]
            if update["task_id"] == task_id(number) and "task_status" in update
        ]

    def requests(self, kind: str) -> list[dict[str, Any]]:
        return [request for request in self.state["requests"] if request["kind"] == kind]


@pytest.fixture
def no_time_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds, so as not to bother a server, takes a moment."""
    monkeypatch.setattr(pushing, "LOOK_PERIOD", timedelta(milliseconds=50))
    monkeypatch.setattr(timing, "FIRST_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(notifying, "UPDATE_RETRY", timedelta(milliseconds=50))


@pytest.fixture
def server(no_time_is_lost: None) -> Iterator[UpstreamServer]:
    program = subprocess.Popen(
        [sys.executable, flamenco2_server.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        assert program.stdout is not None
        yield UpstreamServer(int(program.stdout.readline()))
        assert program.stdin is not None
        program.stdin.close()


def link_to(server: UpstreamServer, **changes: Any) -> Upstream:
    """A link that loses no time."""
    quick: dict[str, Any] = {
        "url": server.url,
        "manager_id": flamenco2_server.MANAGER,
        "manager_secret": flamenco2_server.SECRET,
        "download_throttle": timedelta(0),
        "push_interval": timedelta(milliseconds=1),
        "cancel_interval": timedelta(milliseconds=1),
    }
    return Upstream(**{**quick, **changes})


@contextmanager
def linked_manager(
    server: UpstreamServer, home: Path, *, settings: dict[str, Any] | None = None, **changes: Any
) -> Iterator[RunningManager]:
    link = link_to(server, **changes)
    with RunningManager(home, upstream=link, **(settings or {})) as manager:
        yield manager


@pytest.fixture
def linked(server: UpstreamServer, tmp_path: Path) -> Iterator[RunningManager]:
    with linked_manager(server, tmp_path / "farm") as manager:
        yield manager


def task_id(number: int) -> str:
    return f"{number:024x}"


def document(number: int, *parents: int, **changes: Any) -> dict[str, Any]:
    """A task as a Flamenco Server sends it."""
    return {
        "_id": task_id(number),
        "job": JOB,
        "project": "5a" + "0" * 22,
        "user": "5b" + "0" * 22,
        "name": f"sleep-{number}",
        "status": "queued",
        "priority": 50,
        "job_priority": 50,
        "job_type": "sleep",
        "task_type": "sleep",
        "commands": [{"name": "echo", "settings": {"message": f"task {number}"}}],
        "parents": [task_id(parent) for parent in parents],
        **changes,
    }


def eventually(condition: Callable[[], Any], *, patience: float = PATIENCE) -> Any:
    """Waits until `condition` holds, and returns what it then said."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.05)
    return found


def next_task(manager: RunningManager, worker: WorkerLogin) -> dict[str, Any]:
    """A task for a worker that keeps asking, as those of Flamenco 3 do."""

    def ask() -> dict[str, Any] | None:
        reply = manager.post("/worker/task", worker=worker)
        assert reply.status in (200, 204), reply
        task: dict[str, Any] | None = reply.json if reply.status == 200 else None
        return task

    found: dict[str, Any] = eventually(ask)
    return found


def report(
    manager: RunningManager, worker: WorkerLogin, task: dict[str, Any], status: str, **more: Any
) -> int:
    update = {"taskStatus": status, **more}
    return manager.post(f"/worker/task/{task['uuid']}", update, worker=worker).status


def jobs(manager: RunningManager) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = manager.get("/jobs").json["jobs"]
    return found
