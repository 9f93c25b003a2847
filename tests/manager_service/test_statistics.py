"""Statistics that workers send over HTTP are kept, also when their update comes too late."""

from __future__ import annotations

from typing import Any

from flamenco_core.store.reader import FarmReader
from tests.manager_service.running_manager import RunningManager

STATISTICS = {
    "load_seconds": 1,
    "render_seconds": 12.5,
    "peak_memory": 2**31,
    "device": "CPU",
    "output_files": ["/render/0001.png"],
    "is_warm": False,
    "of_a_later_version": "is left out",
}


def attempts(manager: RunningManager, job: str) -> list[dict[str, Any]]:
    config = manager.config
    with FarmReader.open(config.database_file, log_storage=config.local_storage) as reader:
        return reader.statistics(job)


def test_statistics_arrive_with_an_update(manager: RunningManager) -> None:
    worker = manager.add_worker()
    job = manager.submit()
    task = manager.post("/worker/task", worker=worker).json
    update = {"taskStatus": "completed", "attempt": 1, "statistics": STATISTICS}
    assert manager.post(f"/worker/task/{task['uuid']}", update, worker=worker).status == 204
    (attempt,) = attempts(manager, job["id"])
    told = {name: attempt[name] for name in STATISTICS if name in attempt}
    assert told == {name: STATISTICS[name] for name in STATISTICS if name != "of_a_later_version"}
    assert (attempt["outcome"], attempt["output_count"]) == ("completed", 1)


def test_a_late_update_is_refused_and_its_statistics_are_kept(manager: RunningManager) -> None:
    worker = manager.add_worker()
    job = manager.submit()
    task = manager.post("/worker/task", worker=worker).json
    cancel = {"status": "canceled", "reason": "not needed"}
    assert manager.post(f"/tasks/{task['uuid']}/setstatus", cancel).status == 204
    update = {"taskStatus": "completed", "attempt": 1, "statistics": STATISTICS}
    assert manager.post(f"/worker/task/{task['uuid']}", update, worker=worker).status == 409
    (attempt,) = attempts(manager, job["id"])
    assert (attempt["outcome"], attempt["render_seconds"]) == ("canceled", 12.5)


def test_statistics_that_cannot_be_are_refused(manager: RunningManager) -> None:
    worker = manager.add_worker()
    manager.submit()
    task = manager.post("/worker/task", worker=worker).json
    update = {"attempt": 1, "statistics": {"render_seconds": -1, "samples": "many"}}
    reply = manager.post(f"/worker/task/{task['uuid']}", update, worker=worker)
    assert reply.status == 400
    assert reply.problems == ["statistics.render_seconds", "statistics.samples"]
