"""What can be done, and doing it by the name of the action: one thing, or many in one request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager, WorkerLogin
from tests.manager_service.test_operations import take_task, update

UNKNOWN = "00000000-0000-0000-0000-000000000000"


def possible(thing: dict[str, Any]) -> set[str]:
    return {choice["action"] for choice in thing["actions"] if choice["is_possible"]}


def reasons(thing: dict[str, Any]) -> dict[str, str]:
    return {
        choice["action"]: choice["reason"]
        for choice in thing["actions"]
        if not choice["is_possible"]
    }


def with_free_tasks(manager: RunningManager, worker: WorkerLogin, count: int) -> str:
    """A job of which one task is completed, and so many others wait for nothing any more."""
    settings = {"message": "x", "sleep_repeats": count, "sleep_duration_seconds": 1}
    job: str = manager.submit(settings=settings)["id"]
    assert update(manager, worker, take_task(manager, worker), taskStatus="completed") == 204
    eventually(lambda: counts(manager, job) == {"completed": 1, "queued": count})
    return job


def with_failed_task(manager: RunningManager, worker: WorkerLogin) -> str:
    """A job of which one task is completed, one failed for good, and the rest is queued."""
    job = with_free_tasks(manager, worker, 19)
    task = take_task(manager, worker)
    assert update(manager, worker, task, taskStatus="failed", log="no") == 204
    assert counts(manager, job) == {"completed": 1, "failed": 1, "queued": 18}
    return job


def counts(manager: RunningManager, job: str) -> dict[str, int]:
    found: dict[str, int] = manager.get(f"/jobs/{job}").json["task_counts"]
    return found


def test_a_job_says_what_can_be_done_with_it_and_why_not_the_rest(manager: RunningManager) -> None:
    job = manager.submit()
    assert possible(job) == {
        *("cancel", "pause", "delete", "set-priority", "set-tag", "set-rna-overrides"),
    }
    assert reasons(job)["requeue-failed"] == "none of its tasks has failed"
    assert reasons(job)["archive"] == "it is queued"
    assert manager.get(f"/jobs/{job['id']}").json["actions"] == job["actions"]


def test_tasks_and_workers_say_it_too(manager: RunningManager) -> None:
    worker, job = manager.add_worker(), manager.submit()
    task = manager.get(f"/jobs/{job['id']}/tasks").json["tasks"][0]
    assert "actions" not in task, "lists are short unless more is asked for"
    task = manager.get(f"/tasks/{task['id']}").json
    assert possible(task) == {"cancel", "requeue"}
    details = manager.get(f"/worker-mgt/workers/{worker.uuid}").json
    assert possible(details) == {"sleep", "pause", "shut-down", "delete"}
    assert reasons(details)["withdraw"] == "nothing was asked of it"


def test_lists_say_it_if_asked_for(manager: RunningManager) -> None:
    worker, job = manager.add_worker(), manager.submit()
    listed = manager.get("/jobs?fields=name,actions").json["jobs"]
    assert listed == [{"id": job["id"], "name": job["name"], "actions": job["actions"]}]
    assert "actions" not in manager.get("/jobs").json["jobs"][0]
    for task in manager.get(f"/jobs/{job['id']}/tasks?fields=actions").json["tasks"]:
        assert task["actions"] == manager.get(f"/tasks/{task['id']}").json["actions"]
    [listed] = manager.get("/worker-mgt/workers?fields=actions").json["workers"]
    details = manager.get(f"/worker-mgt/workers/{worker.uuid}").json
    assert listed == {"id": worker.uuid, "actions": details["actions"]}


def test_what_a_job_says_is_possible_is_done(manager: RunningManager) -> None:
    job = manager.submit()["id"]
    path = f"/jobs/{job}/action"
    assert manager.post(path, {"action": "pause"}).status == 204
    eventually(lambda: manager.get(f"/jobs/{job}").json["status"] == "paused")
    assert manager.post(path, {"action": "set-priority", "priority": 77}).status == 204
    assert manager.post(path, {"action": "requeue", "reason": "go on"}).status == 204
    eventually(lambda: manager.get(f"/jobs/{job}").json["status"] == "queued")
    assert manager.get(f"/jobs/{job}").json["priority"] == 77
    assert manager.post(path, {"action": "cancel"}).status == 204
    eventually(lambda: "archive" in possible(manager.get(f"/jobs/{job}").json))
    assert manager.post(path, {"action": "compile-again"}).status == 204
    assert manager.get(f"/jobs/{job}").json["status"] == "queued"
    assert manager.post(path, {"action": "cancel"}).status == 204
    eventually(lambda: manager.post(path, {"action": "archive"}).status == 204)
    archived = manager.get(f"/jobs/{job}").json
    assert archived["archived_at"]
    assert possible(archived) == {"delete"}
    assert manager.post(path, {"action": "delete"}).status == 204
    eventually(lambda: manager.get(f"/jobs/{job}").status == 404)


def test_what_is_not_possible_is_refused_with_the_reason(manager: RunningManager) -> None:
    job = manager.submit()["id"]
    reply = manager.post(f"/jobs/{job}/action", {"action": "archive"})
    assert reply.status == 409
    assert "it is queued; possible now: cancel, pause" in reply.json["message"]
    assert manager.post(f"/jobs/{UNKNOWN}/action", {"action": "cancel"}).status == 404
    reply = manager.post(f"/jobs/{job}/action", {"action": "set-priority"})
    assert (reply.status, reply.problems) == (400, ["priority"])
    reply = manager.post(f"/jobs/{job}/action", {"action": "explode"})
    assert (reply.status, reply.problems) == (400, ["action"])


def test_only_the_failed_tasks_are_queued_again(manager: RunningManager) -> None:
    worker = manager.add_worker()
    job = with_failed_task(manager, worker)
    assert manager.post(f"/jobs/{job}/action", {"action": "requeue-failed"}).status == 204
    assert counts(manager, job) == {"completed": 1, "queued": 19}


def test_a_task_is_queued_again_with_or_without_what_depends_on_it(
    manager: RunningManager,
) -> None:
    worker, job = manager.add_worker(), manager.submit()["id"]
    for _ in range(2):
        task = take_task(manager, worker)
        assert update(manager, worker, task, taskStatus="completed") == 204
    first = manager.get(f"/jobs/{job}/tasks").json["tasks"][0]["id"]
    alone = {"action": "requeue", "with_dependants": False}
    assert manager.post(f"/tasks/{first}/action", alone).status == 204
    assert counts(manager, job) == {"completed": 1, "queued": 1}
    assert manager.post(f"/tasks/{first}/action", {"action": "cancel"}).status == 204
    reply = manager.post(f"/tasks/{first}/action", {"action": "cancel"})
    assert (reply.status, "it is canceled" in reply.json["message"]) == (409, True)
    assert manager.post(f"/tasks/{first}/action", {"action": "requeue"}).status == 204
    eventually(lambda: counts(manager, job) == {"queued": 2})


@pytest.mark.parametrize(
    ("action", "is_lazy", "status_change"),
    [
        ("sleep", False, {"status": "asleep", "is_lazy": False}),
        ("sleep", True, {"status": "asleep", "is_lazy": True}),
        ("pause", False, {"status": "asleep", "is_lazy": True}),
        ("shut-down", False, {"status": "offline", "is_lazy": False}),
        ("shut-down", True, {"status": "offline", "is_lazy": True}),
    ],
)
def test_a_worker_is_asked_by_the_name_of_the_action(
    manager: RunningManager, action: str, is_lazy: bool, status_change: dict[str, Any]
) -> None:
    worker = manager.add_worker()
    path = f"/worker-mgt/workers/{worker.uuid}"
    assert manager.post(f"{path}/action", {"action": action, "is_lazy": is_lazy}).status == 204
    assert manager.get(path).json["status_change"] == status_change
    assert manager.post(f"{path}/action", {"action": "withdraw"}).status == 204
    assert "status_change" not in manager.get(path).json


def test_a_worker_that_cannot_restart_says_so(manager: RunningManager) -> None:
    worker = manager.add_worker()
    reply = manager.post(f"/worker-mgt/workers/{worker.uuid}/action", {"action": "restart"})
    assert reply.status == 409
    assert "not set up to be started again" in reply.json["message"]


def test_several_jobs_are_cancelled_in_one_request_after_a_preview(
    manager: RunningManager,
) -> None:
    jobs = [manager.submit()["id"] for _ in range(3)]
    assert manager.post(f"/jobs/{jobs[1]}/action", {"action": "cancel"}).status == 204
    eventually(lambda: manager.get(f"/jobs/{jobs[1]}").json["status"] == "canceled")
    request = {"action": "cancel", "job_ids": [*jobs, UNKNOWN, jobs[0]]}
    expected = [
        {"id": jobs[0], "is_done": True},
        {"id": jobs[1], "is_done": False, "reason": "it is canceled"},
        {"id": jobs[2], "is_done": True},
        {"id": UNKNOWN, "is_done": False, "reason": "there is nothing with this id"},
    ]
    preview = manager.post("/jobs/action", {**request, "preview": True}).json
    assert preview["items"] == expected
    assert (preview["is_preview"], preview["done"], preview["refused"]) == (True, 2, 2)
    assert manager.get(f"/jobs/{jobs[0]}").json["status"] == "queued"
    report = manager.post("/jobs/action", request).json
    assert report == {**preview, "is_preview": False}
    eventually(lambda: manager.get(f"/jobs/{jobs[2]}").json["status"] == "canceled")


def test_several_jobs_are_compiled_again(manager: RunningManager) -> None:
    jobs = [manager.submit()["id"] for _ in range(2)]
    running = manager.submit()["id"]
    cancel = {"action": "cancel", "job_ids": jobs}
    assert manager.post("/jobs/action", cancel).json["done"] == 2
    request = {"action": "compile-again", "job_ids": [*jobs, running]}
    eventually(lambda: manager.post("/jobs/action", {**request, "preview": True}).json["done"] == 2)
    report = manager.post("/jobs/action", request).json
    assert (report["done"], report["refused"]) == (2, 1)
    assert [item["is_done"] for item in report["items"]] == [True, True, False]
    assert counts(manager, jobs[0]) == {"queued": 2}


def test_all_tasks_of_a_large_job_that_have_a_status_are_cancelled(
    manager: RunningManager,
) -> None:
    job = with_free_tasks(manager, manager.add_worker(), 1500)
    selection = {"job_id": job, "status": "queued"}
    preview = manager.post("/tasks/action", {"action": "cancel", **selection, "preview": True}).json
    assert (preview["done"], preview["refused"], len(preview["items"])) == (1500, 0, 1000)
    assert counts(manager, job) == {"completed": 1, "queued": 1500}
    report = manager.post("/tasks/action", {"action": "cancel", **selection}).json
    assert report["done"] == 1500
    assert counts(manager, job) == {"completed": 1, "canceled": 1500}
    selection["status"] = "canceled"
    refused = manager.post("/tasks/action", {"action": "cancel", **selection}).json
    assert refused["refusals"] == [{"reason": "it is canceled", "count": 1500}]


def test_some_tasks_are_queued_again_in_one_request(manager: RunningManager) -> None:
    worker = manager.add_worker()
    job = with_failed_task(manager, worker)
    tasks = [task["id"] for task in manager.get(f"/jobs/{job}/tasks").json["tasks"][1:3]]
    report = manager.post("/tasks/action", {"action": "requeue", "task_ids": tasks}).json
    assert [item["is_done"] for item in report["items"]] == [True, True]
    assert counts(manager, job) == {"completed": 1, "queued": 19}


@pytest.mark.parametrize(
    "selection",
    [{}, {"task_ids": []}, {"job_id": UNKNOWN}, {"task_ids": [UNKNOWN], "job_id": UNKNOWN}],
)
def test_which_tasks_are_meant_has_to_be_clear(
    manager: RunningManager, selection: dict[str, Any]
) -> None:
    assert manager.post("/tasks/action", {"action": "cancel", **selection}).status == 400


def test_no_request_names_more_than_ten_thousand(manager: RunningManager) -> None:
    ids = [f"{number:08x}-0000-0000-0000-000000000000" for number in range(10_001)]
    reply = manager.post("/jobs/action", {"action": "cancel", "job_ids": ids})
    assert (reply.status, reply.problems) == (400, ["job_ids"])


def test_several_workers_are_sent_to_sleep_in_one_request(manager: RunningManager) -> None:
    workers = [manager.add_worker(f"render-{number}").uuid for number in range(3)]
    request = {"action": "sleep", "worker_ids": [*workers, UNKNOWN], "is_lazy": True}
    preview = manager.post("/worker-mgt/workers/action", {**request, "preview": True}).json
    assert (preview["done"], preview["refused"]) == (3, 1)
    report = manager.post("/worker-mgt/workers/action", request).json
    assert report == {**preview, "is_preview": False}
    for worker in manager.get("/worker-mgt/workers").json["workers"]:
        assert worker["status_change"] == {"status": "asleep", "is_lazy": True}
