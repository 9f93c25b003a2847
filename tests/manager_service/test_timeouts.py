"""The service looks for silent workers by itself, and knows who waits inside a request."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.rules import timeouts
from manager_service.background import work
from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager, WorkerLogin
from tests.manager_service.test_operations import take_task


def status(manager: RunningManager, worker: WorkerLogin) -> str:
    return str(manager.get(f"/worker-mgt/workers/{worker.uuid}").json["status"])


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts, "GRACE", timedelta(0))
    monkeypatch.setattr(work, "TIMEOUTS_PERIOD", timedelta(milliseconds=50))


def test_a_silent_worker_is_lost_while_one_that_waits_for_a_task_is_not(
    no_grace: None, tmp_path: Path
) -> None:
    with RunningManager(tmp_path / "home", worker_timeout=timedelta(hours=1)) as manager:
        waiting = manager.add_worker("waiting", types=("other",))
        asking = threading.Thread(
            target=lambda: manager.post("/worker/task?wait=300", worker=waiting)
        )
        asking.start()
        eventually(lambda: waiting.uuid in manager.server.service.waiting.worker_ids())
        job = manager.submit()
        silent = manager.add_worker("silent")
        take_task(manager, silent)
        # Only from now on, or a busy machine would have lost it before it got its task.
        impatient = replace(manager.config, worker_timeout=timedelta(seconds=2))
        manager.server.service.farm.call(lambda farm: farm.use_config(impatient))
        eventually(lambda: status(manager, silent) == "error")
        assert manager.get(f"/jobs/{job['id']}/tasks").json["tasks"][0]["status"] == "queued"
        assert status(manager, waiting) == "awake"
        assert take_task(manager, silent)["attempt"] == 2
        manager.on_loop(end_waiting(manager))
        asking.join()


async def end_waiting(manager: RunningManager) -> None:
    manager.server.service.waiting.close()
