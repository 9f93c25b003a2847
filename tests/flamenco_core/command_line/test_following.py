"""The program follows a real Manager until it is interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.checkouts import ROOT
from tests.flamenco_core.command_line.conftest import Program
from tests.manager_service.running_manager import TIME_LIMIT, RunningManager

INTERRUPTED = 130


@contextmanager
def running(manager: RunningManager, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The program as a process of its own; afterwards it was interrupted and ended well."""
    program = [sys.executable, "-c", "from flamenco_core.command_line import main; main()"]
    environment = os.environ | {
        "FLAMENCO_MANAGER": f"http://127.0.0.1:{manager.port}",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*program, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=pipe,
        stderr=pipe,
        encoding="utf-8",
    ) as process:
        try:
            yield process
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=TIME_LIMIT)
        except BaseException:
            process.kill()
            raise
    assert (process.returncode, errors.strip()) == (INTERRUPTED, "flamenco: interrupted")


def line_with(process: subprocess.Popen[str], part: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if part in line:
            return line
    raise AssertionError(f"the program has ended without {part!r}: {process.communicate()}")


pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")


def test_events_are_shown_as_sentences(farm: RunningManager) -> None:
    with running(farm, "events") as process:
        line_with(process, "the farm is inoperative")
        job = farm.submit(name="shot 7")
        line_with(process, "job shot 7 is queued 0/2 (0%)")
        farm.add_worker("render-09")
        line_with(process, "worker render-09 is awake")
        assert farm.request("DELETE", f"/jobs/{job['id']}").status == 204
        line_with(process, "job shot 7 is gone")


def test_events_are_printed_as_lines_of_json(farm: RunningManager) -> None:
    with running(farm, "events", "--json", "farm", "tasks") as process:
        status = json.loads(line_with(process, "farm-status"))
        assert status["data"] == {"status": "inoperative"}
        worker = farm.add_worker()
        farm.submit()
        task = farm.post("/worker/task", worker=worker).json["uuid"]
        event = json.loads(line_with(process, '"type": "task"'))
        assert (event["data"]["id"], event["data"]["status"]) == (task, "active")
        assert event["topics"][0] == "tasks"


def test_a_log_is_followed(farm: RunningManager) -> None:
    worker = farm.add_worker()
    farm.submit()
    task = farm.post("/worker/task", worker=worker).json["uuid"]
    with running(farm, "task-log", "--follow", task) as process:
        line_with(process, "Task assigned to worker")
        update = {"log": "Größe 1\n"}
        assert farm.post(f"/worker/task/{task}", update, worker=worker).status == 204
        assert line_with(process, "Größe") == "Größe 1\n"


def test_a_wrong_topic_is_an_error_that_names_it(flamenco: Program, farm: RunningManager) -> None:
    ended = flamenco("events", "weather", manager=farm)
    assert ended.code == 1
    assert "'weather' is no topic" in ended.err
