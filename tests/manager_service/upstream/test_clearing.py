"""What the options of Flamenco 2 for a clean start mean for a farm that is linked."""

from __future__ import annotations

from pathlib import Path

from manager_service.clearing import delete_all_jobs, forget_updates, nobody_is_asked
from tests.manager_service.upstream.conftest import (
    UpstreamServer,
    document,
    eventually,
    jobs,
    linked_manager,
    next_task,
    report,
    task_id,
)


def test_a_clean_slate_gets_all_tasks_again_and_cancels_none(
    server: UpstreamServer, tmp_path: Path
) -> None:
    server.put(document(1), document(2))
    with linked_manager(server, tmp_path / "farm") as manager:
        worker = manager.add_worker()
        report(manager, worker, next_task(manager, worker), "completed")
        eventually(lambda: server.status(1) == "completed")
        next_task(manager, worker)
        eventually(lambda: server.status(2) == "active")
        config = manager.config
    assert delete_all_jobs(config, nobody_is_asked) == 0
    with linked_manager(server, tmp_path / "farm") as manager:
        assert eventually(lambda: jobs(manager))[0]["status"] == "queued"
        tasks = manager.get(f"/jobs/{jobs(manager)[0]['id']}/tasks").json["tasks"]
        assert [task["name"] for task in tasks] == ["sleep-2"]
        eventually(lambda: server.status(2) == "claimed-by-manager")
    assert "canceled" not in server.statuses_told(2)


def test_a_purged_queue_is_not_told(server: UpstreamServer, tmp_path: Path) -> None:
    server.put(document(1))
    with linked_manager(server, tmp_path / "farm") as manager:
        worker = manager.add_worker()
        task = next_task(manager, worker)
        server.behave(task_update_batch=["500"] * 1000)
        report(manager, worker, task, "completed")
        config = manager.config
    server.control("set", {"behaviour": {}})
    assert forget_updates(config, nobody_is_asked) == 0
    with linked_manager(server, tmp_path / "farm"):
        pushes = len(server.requests("task-update-batch"))
        eventually(lambda: len(server.requests("task-update-batch")) > pushes + 1)
    assert server.state["tasks"][task_id(1)]["status"] != "completed"
