"""Deleting jobs over real HTTP, with the service's background work behind it."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager, WorkerLogin
from tests.manager_service.test_operations import take_task, update

UNKNOWN = "00000000-0000-0000-0000-000000000000"


def finish(manager: RunningManager, worker: WorkerLogin) -> dict[str, Any]:
    """A job that is done, with logs."""
    job = manager.submit()
    for _ in range(2):
        task = take_task(manager, worker)
        assert update(manager, worker, task, log="line\n", taskStatus="completed") == 204
    return job


def is_gone(manager: RunningManager, job: str) -> bool:
    return manager.get(f"/jobs/{job}").status == 404


def check_out(manager: RunningManager, name: str) -> str:
    content = b"a blend file"
    sha = hashlib.sha256(content).hexdigest()
    path = f"/shaman/files/{sha}/{len(content)}"
    headers = {"Content-Type": "application/octet-stream"}
    assert manager.request("POST", path, body=content, headers=headers).status in (204, 208)
    files = [{"sha": sha, "size": len(content), "path": "scene.blend"}]
    reply = manager.post("/shaman/checkout/create", {"files": files, "checkoutPath": name})
    assert reply.status == 200, reply
    return str(reply.json["checkoutPath"])


def test_a_deleted_job_and_its_files_are_gone_after_a_while(manager: RunningManager) -> None:
    worker = manager.add_worker()
    checkout = check_out(manager, "shot")
    job = manager.submit(storage={"shaman_checkout_id": checkout})
    task = take_task(manager, worker)
    assert update(manager, worker, task, log="line\n") == 204
    foretold = manager.get(f"/jobs/{job['id']}/what-would-delete-do").json
    assert (foretold["shaman_checkout"], foretold["tasks"]) == (True, 2)
    assert len(foretold["folders"]) == 2
    assert (foretold["files"] >= 1, foretold["is_all_counted"]) == (True, True)
    assert manager.request("DELETE", f"/jobs/{job['id']}").status == 204
    eventually(lambda: is_gone(manager, job["id"]))
    answer = manager.get(f"/worker/task/{task['uuid']}/may-i-run", worker=worker).json
    assert not answer["mayKeepRunning"]
    assert not (manager.config.job_storage / checkout).exists()
    assert not list(manager.config.local_storage.glob("job-*"))
    assert manager.get("/jobs").json == {"jobs": []}


def test_a_job_can_be_forgotten_without_touching_its_files(manager: RunningManager) -> None:
    checkout = check_out(manager, "shot")
    job = manager.submit(storage={"shaman_checkout_id": checkout})
    assert manager.request("DELETE", f"/jobs/{job['id']}?leave_files=true").status == 204
    eventually(lambda: is_gone(manager, job["id"]))
    assert (manager.config.job_storage / checkout).is_dir()


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", f"/jobs/{UNKNOWN}"), ("GET", f"/jobs/{UNKNOWN}/what-would-delete-do")],
)
def test_an_unknown_job_cannot_be_deleted(manager: RunningManager, method: str, path: str) -> None:
    assert manager.request(method, path).status == 404


def test_finished_jobs_are_deleted_together_and_others_stay(manager: RunningManager) -> None:
    worker = manager.add_worker()
    done = [finish(manager, worker)["id"] for _ in range(2)]
    queued = manager.submit()["id"]
    selection = {"last_updated_max": "2999-01-01T00:00:00Z"}
    assert manager.request("DELETE", "/jobs/mass-delete", json_body=selection).status == 204
    eventually(lambda: all(is_gone(manager, job) for job in done))
    assert manager.get(f"/jobs/{queued}").status == 200
    reply = manager.request("DELETE", "/jobs/mass-delete", json_body=selection)
    assert (reply.status, reply.json["code"]) == (416, 416)


def test_a_mass_deletion_says_up_to_when(manager: RunningManager) -> None:
    reply = manager.request("DELETE", "/jobs/mass-delete", json_body={})
    assert (reply.status, reply.problems) == (400, ["last_updated_max"])


def test_a_job_whose_files_cannot_be_erased_says_so(manager: RunningManager) -> None:
    folder = manager.config.job_storage / "by-hand"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    job = manager.submit(storage={"shaman_checkout_id": "by-hand"})["id"]
    assert manager.request("DELETE", f"/jobs/{job}").status == 204
    eventually(lambda: "could be erased" in manager.get(f"/jobs/{job}").json["activity"])
    assert (folder / "notes.txt").exists()


def test_a_job_is_compiled_again_under_its_id(manager: RunningManager) -> None:
    worker = manager.add_worker()
    job = finish(manager, worker)
    path = f"/jobs/{job['id']}"
    before = [task["id"] for task in manager.get(f"{path}/tasks").json["tasks"]]
    again = {"status": "requeueing", "reason": "test", "compile_again": True}
    assert manager.post(f"{path}/setstatus", again).status == 204
    after = manager.get(f"{path}/tasks").json["tasks"]
    assert [task["status"] for task in after] == ["queued", "queued"]
    assert not {task["id"] for task in after} & set(before)
    eventually(lambda: len(manager.get("/jobs").json["jobs"]) == 1)
    assert take_task(manager, worker)["job"] == job["id"]
    wrong = {**again, "status": "cancel-requested"}
    reply = manager.post(f"{path}/setstatus", wrong)
    assert (reply.status, reply.problems) == (400, ["compile_again"])


def test_what_a_mass_deletion_would_remove_is_told_before(manager: RunningManager) -> None:
    worker = manager.add_worker()
    jobs = [finish(manager, worker)["id"] for _ in range(2)]
    manager.submit()
    until = "2999-01-01T00:00:00Z"
    path = f"/jobs/what-would-mass-delete-do?last_updated_max={until}"
    service = manager.server.service  # logs go to files after a while
    eventually(lambda: manager.on_loop(service.farm.run(lambda farm: farm.log_backlog())) == 0)
    foretold = manager.get(path).json
    logs = [*manager.config.local_storage.rglob("task-*.txt")]
    size = sum(file.stat().st_size for file in logs)
    assert foretold == {
        "jobs": 2,
        "tasks": 4,
        "shaman_checkouts": 0,
        "folders": 2,
        "files": 4,
        "bytes": size,
        "is_all_counted": True,
        "kept": "Rendered files stay where they are.",
        "job_ids": jobs,
    }
    assert manager.get("/jobs/what-would-mass-delete-do").status == 400
    assert manager.get("/jobs/what-would-mass-delete-do?last_updated_max=today").status == 400
