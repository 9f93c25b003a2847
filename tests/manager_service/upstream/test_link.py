"""A running Manager, linked to a Flamenco Server over real sockets, that works and misbehaves."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.variables import Variable, Variables, VariableValue
from tests.manager_service.running_manager import RunningManager
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


def is_completed(server: UpstreamServer, number: int) -> bool:
    return server.status(number) == "completed"


def test_a_task_of_the_server_runs_here_and_the_server_hears_of_it(
    server: UpstreamServer, linked: RunningManager
) -> None:
    server.put(document(1), document(2, 1))
    worker = linked.add_worker("castor")
    for number in (1, 2):
        task = next_task(linked, worker)
        assert task["name"] == f"sleep-{number}"
        assert task["commands"][0]["parameters"] == {"message": f"task {number}"}
        assert report(linked, worker, task, "completed", log="all is well") == 204
        eventually(partial(is_completed, server, number))
        assert server.statuses_told(number) == ["active", "completed"]
    (job,) = jobs(linked)
    assert (job["status"], job["type"]) == ("completed", "sleep")
    last = server.state["updates"][-1]
    assert last["worker"] == "castor"
    assert "all is well" in last["log_tail"]


def test_later_downloads_ask_only_for_what_has_changed(
    server: UpstreamServer, linked: RunningManager
) -> None:
    server.put(document(1))
    worker = linked.add_worker()
    report(linked, worker, next_task(linked, worker), "completed")
    eventually(lambda: server.status(1) == "completed")
    server.put(document(2))
    assert next_task(linked, worker)["name"] == "sleep-2"
    requests = server.requests("depsgraph")
    assert requests[0]["since"] == ""
    assert requests[-1]["since"] == server.state["tasks"][task_id(1)]["_updated"] or any(
        request["since"] for request in requests
    )


def test_the_server_is_greeted_with_variables_and_what_workers_can_do(
    server: UpstreamServer, tmp_path: Path
) -> None:
    value = VariableValue("/render", ("linux",))
    settings = {
        "variables": Variables({"render": Variable((value,), is_twoway=True)}),
        "own_url": "https://farm.example/",
    }
    with linked_manager(server, tmp_path / "farm", settings=settings) as manager:
        (greeting,) = eventually(lambda: server.state["notices"])
        assert greeting == {
            "kind": "startup",
            "_meta": {"version": 2},
            "manager_url": "https://farm.example/",
            "variables": {
                "render": {
                    "direction": "twoway",
                    "values": [{"audience": "all", "platforms": ["linux"], "value": "/render"}],
                }
            },
            "nr_of_workers": 0,
            "worker_task_types": [],
        }
        manager.add_worker(types=("ffmpeg", "special"))
        update = eventually(
            lambda: [one for one in server.state["notices"] if one["kind"] == "update"]
        )[-1]
        assert update["nr_of_workers"] == 1
        assert update["worker_task_types"] == ["special", "video-encoding"]


def test_a_cancelled_task_is_taken_from_its_worker_and_confirmed_once(
    server: UpstreamServer, linked: RunningManager
) -> None:
    server.put(document(1), document(2))
    worker = linked.add_worker()
    task = next_task(linked, worker)
    eventually(lambda: server.statuses_told(1) == ["active"])
    server.put({"_id": task_id(1), "status": "cancel-requested"})
    server.put({"_id": task_id(2), "status": "cancel-requested"})
    server.put(document(77, status="cancel-requested"))
    eventually(lambda: [server.status(number) for number in (1, 2, 77)] == ["canceled"] * 3)
    reply = linked.get(f"/worker/task/{task['uuid']}/may-i-run", worker=worker)
    assert reply.json["mayKeepRunning"] is False
    assert report(linked, worker, task, "completed") == 409
    heard = len(server.requests("task-update-batch"))
    eventually(lambda: len(server.requests("task-update-batch")) > heard + 1)
    assert server.statuses_told(1) == ["active", "canceled"]
    assert server.statuses_told(77) == ["canceled"]


def test_the_log_is_sent_when_it_is_asked_for(
    server: UpstreamServer, linked: RunningManager
) -> None:
    server.put(document(1))
    worker = linked.add_worker()
    task = next_task(linked, worker)
    log = "".join(f"line {number}\n" for number in range(1000))
    report(linked, worker, task, "completed", log=log)
    server.behave(attach_task_log=["500", "cut"])
    wanted = [{"job": "x", "task": task_id(number)} for number in (1, 999)]
    server.control("set", {"wanted_logs": wanted + wanted})
    logs = eventually(lambda: len(found := server.state["logs"]) == 2 and found)
    assert log in logs[task_id(1)]
    assert logs[task_id(999)] == "This Manager has no log of this task.\n"


@pytest.mark.parametrize("behaviour", ["500", "cut", "cut-after", "half", "garbage", "403"])
def test_updates_and_tasks_get_through_however_the_server_fails_at_first(
    server: UpstreamServer, linked: RunningManager, behaviour: str
) -> None:
    eventually(lambda: server.requests("depsgraph") and server.requests("task-update-batch"))
    server.behave(depsgraph=[behaviour] * 2, task_update_batch=[behaviour] * 2)
    server.put(document(1))
    worker = linked.add_worker()
    task = next_task(linked, worker)
    assert report(linked, worker, task, "completed") == 204
    eventually(lambda: server.status(1) == "completed")
    eventually(lambda: not any(server.state["behaviour"].values()))
    assert len(jobs(linked)) == 1


def test_a_slow_server_holds_up_no_worker(server: UpstreamServer, linked: RunningManager) -> None:
    server.put(document(1), document(2))
    worker = linked.add_worker()
    first = next_task(linked, worker)
    server.behave(
        depsgraph=["slow:20"] * 9, task_update_batch=["slow:20"] * 9, task=["slow:20"] * 9
    )
    assert report(linked, worker, first, "completed") == 204
    second = linked.post("/worker/task", worker=worker)
    assert second.status == 200
    assert report(linked, worker, second.json, "completed") == 204
    eventually(lambda: jobs(linked)[0]["status"] == "completed")
    assert server.status(2) != "completed", "it has heard nothing of that yet"


def test_what_the_server_has_not_heard_outlives_the_manager(
    server: UpstreamServer, tmp_path: Path
) -> None:
    server.put(document(1))
    with linked_manager(server, tmp_path / "farm") as manager:
        worker = manager.add_worker()
        task = next_task(manager, worker)
        server.behave(task_update_batch=["500"] * 1000)
        report(manager, worker, task, "completed")
    assert server.status(1) != "completed"
    server.control("set", {"behaviour": {}})
    with linked_manager(server, tmp_path / "farm"):
        eventually(lambda: server.status(1) == "completed")
    told = server.statuses_told(1)
    assert told[-1] == "completed"
    assert told.count("completed") == 1


def test_an_update_that_the_server_will_not_have_holds_up_no_other(
    server: UpstreamServer, linked: RunningManager
) -> None:
    server.put(document(1), document(2))
    worker = linked.add_worker()
    server.control("set", {"refused": [task_id(1)]})
    for _ in range(2):
        report(linked, worker, next_task(linked, worker), "completed")
    eventually(lambda: server.status(2) == "completed")
    assert server.statuses_told(1) == []


def test_an_update_that_the_server_cannot_digest_holds_up_no_other(
    server: UpstreamServer, linked: RunningManager
) -> None:
    server.control("set", {"indigestible": [task_id(3)]})
    server.put(*(document(number) for number in range(1, 6)))
    worker = linked.add_worker()
    for _ in range(5):
        report(linked, worker, next_task(linked, worker), "completed")
    digestible = (1, 2, 4, 5)
    eventually(lambda: all(server.status(number) == "completed" for number in digestible))
    assert server.statuses_told(3) == []
    assert all(server.statuses_told(number).count("completed") == 1 for number in digestible)


def test_a_task_that_the_server_has_removed_is_cancelled_when_it_starts(
    server: UpstreamServer, linked: RunningManager
) -> None:
    server.put(document(1), document(2, 1))
    worker = linked.add_worker()
    task = next_task(linked, worker)
    server.control("remove", [task_id(2)])
    report(linked, worker, task, "completed")
    second = next_task(linked, worker)
    path = f"/worker/task/{second['uuid']}/may-i-run"
    eventually(lambda: not linked.get(path, worker=worker).json["mayKeepRunning"])


def test_tasks_wait_for_parents_that_the_server_did_not_send(
    server: UpstreamServer, linked: RunningManager
) -> None:
    siblings = [document(number) for number in range(10, 30)]
    over = [document(1, status="completed"), document(2, status="failed")]
    server.put(*over, document(3, 1), document(4, 2), *siblings)
    worker = linked.add_worker()
    assert next_task(linked, worker)["name"] == "sleep-3"
    (job,) = jobs(linked)
    tasks = linked.get(f"/jobs/{job['id']}/tasks").json["tasks"]
    found = {task["name"]: task["status"] for task in tasks}
    assert "sleep-1" not in found
    assert found["sleep-2"] == "failed"
    assert found["sleep-4"] == "queued"
    started = [next_task(linked, worker)["name"] for _ in siblings]
    assert "sleep-4" not in started


def test_a_large_answer_is_stored_while_workers_are_served(
    server: UpstreamServer, linked: RunningManager
) -> None:
    renders = [document(number) for number in range(1, 1501)]
    server.put(*renders, document(1501, *range(1, 1501)), {"_id": "broken"} | {"status": "queued"})
    worker = linked.add_worker()
    assert next_task(linked, worker)["name"] == "sleep-1"
    (job,) = jobs(linked)
    tasks = linked.get(f"/jobs/{job['id']}/tasks").json["tasks"]
    assert len(tasks) == 1501
    assert tasks[-1]["name"] == "sleep-1501"


def test_a_task_with_a_command_that_no_worker_has_fails_upstream(
    server: UpstreamServer, linked: RunningManager
) -> None:
    command = {"name": "log_a_lot", "settings": {"lines": 3}}
    server.put(document(1, commands=[command]))
    worker = linked.add_worker()
    assert linked.post("/worker/task", worker=worker).status == 204
    eventually(lambda: server.status(1) == "failed")
    (update,) = server.state["updates"]
    assert "log_a_lot" in update["activity"]


def test_large_batches_are_compressed_for_a_server_that_reads_that(
    server: UpstreamServer, linked: RunningManager
) -> None:
    server.control("set", {"reads_gzip": True})
    server.put(document(1))
    worker = linked.add_worker()
    report(linked, worker, next_task(linked, worker), "completed", log="word " * 300)
    eventually(lambda: server.status(1) == "completed")
    assert any(one["encoding"] == "gzip" for one in server.requests("task-update-batch"))


def test_no_tasks_are_fetched_out_of_turn_with_a_negative_throttle(
    server: UpstreamServer, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"download_throttle": timedelta(seconds=-1)}
    with linked_manager(server, tmp_path / "farm", **settings) as manager:
        eventually(lambda: server.requests("depsgraph"))
        worker = manager.add_worker()
        for _ in range(5):
            assert manager.post("/worker/task", worker=worker).status == 204
        pushes = len(server.requests("task-update-batch"))
        eventually(lambda: len(server.requests("task-update-batch")) > pushes)
        assert len(server.requests("depsgraph")) == 1


def test_without_a_link_nothing_is_said(server: UpstreamServer, tmp_path: Path) -> None:
    server.put(document(1))
    with linked_manager(server, tmp_path / "farm", manager_secret="") as manager:
        worker = manager.add_worker()
        assert manager.post("/worker/task", worker=worker).status == 204
        assert manager.server.service.upstream is None
    assert server.state["requests"] == []


def test_the_link_shows_how_it_is_doing(server: UpstreamServer, linked: RunningManager) -> None:
    server.put(document(1))
    worker = linked.add_worker()
    report(linked, worker, next_task(linked, worker), "completed")
    eventually(lambda: server.status(1) == "completed")
    server.behave(task_update_batch=["500"] * 1000)
    failing = eventually(lambda: (found := background(linked)["upstream-push"])["error"] and found)
    assert "answers with status 500" in failing["error"]
    assert failing["runs"] > failing["failures"] > 0
    assert background(linked)["upstream-download"]["error"] == ""
    metrics = linked.get("/metrics").content.decode()
    assert "flamenco_upstream_tasks_received_total 1.0" in metrics
    assert 'flamenco_background_failing{name="upstream-push"} 1.0' in metrics


def test_a_download_can_be_asked_for(server: UpstreamServer, linked: RunningManager) -> None:
    eventually(lambda: server.requests("depsgraph"))
    eventually(lambda: not background(linked)["upstream-download"]["is_running"])
    server.put(document(1))
    assert linked.post("/background/upstream-download/run").status == 204
    result = "1 tasks, 1 of them new"
    eventually(lambda: background(linked)["upstream-download"]["result"] == result)
    assert len(jobs(linked)) == 1


def background(manager: RunningManager) -> dict[str, Any]:
    chores = manager.get("/background").json["chores"]
    return {chore["name"]: chore for chore in chores}
