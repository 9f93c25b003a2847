"""The block list of a job over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from flamenco_core.client import ManagerClient
from flamenco_core.wire import format_time
from tests.manager_service.blocked_worker import block
from tests.manager_service.running_manager import RunningManager


def test_a_worker_is_listed_and_gets_tasks_again_once_it_is_removed(
    manager: RunningManager,
) -> None:
    job, castor = block(manager)
    entry = {"worker_id": castor.uuid, "task_type": "blender", "worker_name": "castor"}
    assert manager.get(f"/jobs/{job}/blocklist").json == [entry]
    assert manager.post("/worker/task", worker=castor).status == 204
    unknown = {"worker_id": str(uuid4()), "task_type": "misc"}
    path = f"/jobs/{job}/blocklist"
    assert manager.request("DELETE", path, json_body=[unknown, entry]).status == 204
    assert manager.get(path).json == []
    assert manager.post("/worker/task", worker=castor).status == 200
    assert manager.request("DELETE", path, json_body=[entry]).status == 204


def test_a_worker_knows_which_jobs_block_it(manager: RunningManager) -> None:
    job, castor = block(manager)
    path = f"/worker-mgt/workers/{castor.uuid}/blocks"
    [found] = manager.get(path).json
    assert (found["job_id"], found["task_type"]) == (job, "blender")
    assert found["job_name"] == manager.get(f"/jobs/{job}").json["name"]
    with ManagerClient(f"http://127.0.0.1:{manager.port}/", token="") as client:
        [entry] = client.fetch_worker_blocks(castor.uuid)
        assert entry.job_id == job
        assert format_time(entry.blocked) == found["blocked"]
    body = [{"worker_id": castor.uuid, "task_type": "blender"}]
    assert manager.request("DELETE", f"/jobs/{job}/blocklist", json_body=body).status == 204
    assert manager.get(path).json == []
    assert manager.get(f"/worker-mgt/workers/{uuid4()}/blocks").status == 404


def test_the_client_opens_a_job_to_a_worker_again(manager: RunningManager) -> None:
    job, castor = block(manager)
    with ManagerClient(f"http://127.0.0.1:{manager.port}/", token="") as client:
        [entry] = client.fetch_job_blocklist(job)
        assert (entry.worker_id, entry.worker_name) == (castor.uuid, "castor")
        client.remove_job_blocklist(job, [entry])
        assert client.fetch_job_blocklist(job) == []
    assert manager.post("/worker/task", worker=castor).status == 200


def test_what_cannot_be_meant_is_refused(manager: RunningManager) -> None:
    job = manager.submit()["id"]
    assert manager.get(f"/jobs/{job}/blocklist").json == []
    bodies: list[Any] = [None, [], [{"worker_id": "x"}], {"worker_id": "x", "task_type": "misc"}]
    for body in bodies:
        reply = manager.request("DELETE", f"/jobs/{job}/blocklist", json_body=body)
        assert reply.status == 400, body
    for method in ("GET", "DELETE"):
        entry = [{"worker_id": str(uuid4()), "task_type": "misc"}]
        body = entry if method == "DELETE" else None
        reply = manager.request(method, f"/jobs/{uuid4()}/blocklist", json_body=body)
        assert reply.status == 404
