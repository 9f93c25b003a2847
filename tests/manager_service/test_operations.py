"""The operations over real HTTP, as Flamenco 3's clients and our own use them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager, WorkerLogin, submission

TIME_LIMIT = 20
"""Seconds within which background work has to have happened."""


def take_task(manager: RunningManager, worker: WorkerLogin) -> dict[str, Any]:
    reply = manager.post("/worker/task", worker=worker)
    assert reply.status == 200, reply
    task: dict[str, Any] = reply.json
    return task


def update(manager: RunningManager, worker: WorkerLogin, task: dict[str, Any], **what: Any) -> int:
    return manager.post(f"/worker/task/{task['uuid']}", what, worker=worker).status


def test_a_job_goes_from_submission_to_completion(manager: RunningManager) -> None:
    worker = manager.add_worker()
    job = manager.submit()
    assert (job["status"], job["steps_completed"]) == ("queued", 0)

    echo = take_task(manager, worker)
    assert echo["job"] == job["id"]
    assert echo["commands"][0]["name"] == "echo"
    assert echo["commands"][0]["parameters"] == {"message": "hello"}
    assert echo["attempt"] == 1
    assert update(manager, worker, echo, taskStatus="active", activity="Started") == 204
    assert update(manager, worker, echo, log="hello\n") == 204
    assert manager.get(f"/worker/task/{echo['uuid']}/may-i-run", worker=worker).json == {
        "mayKeepRunning": True,
        "reason": "",
        "statusChangeRequested": False,
    }
    assert manager.get(f"/jobs/{job['id']}").json["status"] == "active"
    assert update(manager, worker, echo, taskStatus="completed", activity="Completed") == 204

    sleep = take_task(manager, worker)
    assert sleep["commands"][0]["name"] == "sleep"
    assert update(manager, worker, sleep, taskStatus="completed") == 204
    assert manager.post("/worker/task", worker=worker).status == 204

    finished = manager.get(f"/jobs/{job['id']}").json
    assert finished["status"] == "completed"
    assert finished["steps_completed"] == finished["steps_total"] > 0
    tasks = manager.get(f"/jobs/{job['id']}/tasks").json["tasks"]
    assert [task["status"] for task in tasks] == ["completed", "completed"]
    assert manager.get(f"/tasks/{echo['uuid']}").json["worker"]["id"] == worker.uuid


def test_an_update_that_does_not_count_is_a_conflict_whose_log_is_kept(
    manager: RunningManager,
) -> None:
    worker = manager.add_worker()
    manager.submit()
    task = take_task(manager, worker)
    assert update(manager, worker, task, taskStatus="completed", attempt=1) == 204
    assert update(manager, worker, task, taskStatus="failed", log="too late", attempt=1) == 409
    assert manager.get(f"/tasks/{task['uuid']}").json["status"] == "completed"
    assert "too late" in manager.get(f"/tasks/{task['uuid']}/logtail").content.decode()


def test_another_workers_task_is_none_of_ones_business(manager: RunningManager) -> None:
    owner, other = manager.add_worker("owner"), manager.add_worker("other")
    manager.submit()
    task = take_task(manager, owner)
    assert update(manager, other, task, taskStatus="failed") == 409
    assert manager.get(f"/tasks/{task['uuid']}").json["status"] == "active"


def test_a_task_whose_hand_out_got_lost_is_handed_out_again(manager: RunningManager) -> None:
    worker = manager.add_worker()
    manager.submit(settings={"message": "x", "sleep_repeats": 2, "sleep_duration_seconds": 1})
    first = take_task(manager, worker)
    again = take_task(manager, worker)
    assert (again["uuid"], again["attempt"]) == (first["uuid"], first["attempt"])


def test_a_task_log_reads_the_same_before_and_after_it_became_a_file(
    manager: RunningManager,
) -> None:
    worker = manager.add_worker()
    manager.submit()
    task = take_task(manager, worker)
    log = "\n".join(f"line {number} – ünïcode" for number in range(200)) + "\n"
    assert update(manager, worker, task, log=log) == 204
    info = manager.get(f"/tasks/{task['uuid']}/log").json
    before = manager.get(info["url"])
    assert before.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert before.content.decode().endswith(log)
    assert info["size"] == len(before.content)

    tail = manager.get(f"/tasks/{task['uuid']}/logtail").content
    assert len(tail) <= 2048
    assert before.content.endswith(tail)
    assert tail.startswith(b"line ")

    storage = manager.config.local_storage
    eventually(lambda: any(storage.rglob("task-*.txt")))
    assert manager.get(info["url"]).content == before.content
    assert update(manager, worker, task, log="and more\n") == 204
    assert manager.get(info["url"]).content == before.content + b"and more\n"


def test_a_task_without_a_log_says_so(manager: RunningManager) -> None:
    job = manager.submit()
    task = manager.get(f"/jobs/{job['id']}/tasks").json["tasks"][0]
    assert manager.get(f"/tasks/{task['id']}/log").status == 204
    assert manager.get(f"/tasks/{task['id']}/logtail").status == 204
    assert manager.get(f"/tasks/{task['id']}/log.txt").status == 204


def test_cancelling_a_job_with_many_tasks_reaches_all_of_them(manager: RunningManager) -> None:
    repeats = 1500
    settings = {"message": "x", "sleep_repeats": repeats, "sleep_duration_seconds": 1}
    job = manager.submit(settings=settings)
    assert job["task_counts"] == {"queued": repeats + 1}
    change = {"status": "cancel-requested", "reason": "test"}
    assert manager.post(f"/jobs/{job['id']}/setstatus", change).status == 204
    eventually(lambda: manager.get(f"/jobs/{job['id']}").json["status"] == "canceled")
    assert manager.get(f"/jobs/{job['id']}").json["task_counts"] == {"canceled": repeats + 1}


def test_a_task_can_be_cancelled_and_queued_again(manager: RunningManager) -> None:
    job = manager.submit()
    task = manager.get(f"/jobs/{job['id']}/tasks").json["tasks"][1]
    for status in ("canceled", "queued"):
        change = {"status": status, "reason": "test"}
        assert manager.post(f"/tasks/{task['id']}/setstatus", change).status == 204
        assert manager.get(f"/tasks/{task['id']}").json["status"] == status


def test_the_job_of_higher_priority_comes_first(manager: RunningManager) -> None:
    worker = manager.add_worker()
    first, second = manager.submit(name="first"), manager.submit(name="second")
    assert manager.post(f"/jobs/{second['id']}/setpriority", {"priority": 80}).status == 204
    task = take_task(manager, worker)
    assert (task["job"], task["job_priority"]) == (second["id"], 80)
    assert first["priority"] == 50


def test_jobs_come_in_pages_the_newest_first(manager: RunningManager) -> None:
    names = [manager.submit(name=f"job {number}")["name"] for number in range(5)]
    listed = manager.get("/jobs").json["jobs"]
    assert [job["name"] for job in listed] == names[::-1]
    page = manager.get("/jobs?limit=2").json["jobs"]
    assert page == listed[:2]
    assert manager.get(f"/jobs?limit=2&before={page[-1]['id']}").json["jobs"] == listed[2:4]


def test_checking_a_job_stores_nothing(manager: RunningManager) -> None:
    assert manager.post("/jobs/check", submission()).status == 204
    assert manager.get("/jobs").json == {"jobs": []}


def test_job_types_are_listed_and_found_by_name(manager: RunningManager) -> None:
    types = manager.get("/jobs/types").json["job_types"]
    assert {"echo-sleep-test", "simple-blender-render"} <= {each["name"] for each in types}
    assert b":null" not in manager.get("/jobs/types").content, "absent fields are left out"
    for job_type in types:
        assert manager.get(f"/jobs/type/{job_type['name']}").json == job_type
    etag = next(each["etag"] for each in types if each["name"] == "echo-sleep-test")
    assert manager.post("/jobs/check", submission(type_etag=etag)).status == 204


def test_a_job_type_of_the_farms_own_can_be_used_at_once(manager: RunningManager) -> None:
    manager.config.scripts.mkdir(parents=True)
    (manager.config.scripts / "say_once.py").write_text(
        "from flamenco_core.job_types.authoring import JobType, Setting\n"
        "JOB_TYPE = JobType(label='Say once', settings=[Setting('what', 'string')])\n"
        "def compile_job(job):\n"
        "    task = job.task('say', type='misc')\n"
        "    task.command('echo', {'message': job.settings.what})\n"
    )
    job = manager.submit(type="say-once", settings={"what": "boo"})
    assert job["task_counts"] == {"queued": 1}


def test_a_worker_is_listed_with_what_it_said_of_itself(manager: RunningManager) -> None:
    worker = manager.add_worker("render-7", types=("Blender", "misc"))
    listed = manager.get("/worker-mgt/workers").json["workers"]
    assert [(each["name"], each["status"]) for each in listed] == [("render-7", "awake")]
    details = manager.get(f"/worker-mgt/workers/{worker.uuid}").json
    assert details["supported_task_types"] == ["blender", "misc"]
    assert details["ip_address"] == "127.0.0.1"
    assert details["last_seen"]
    assert manager.get("/worker-mgt/tags").json == {"tags": []}


def test_a_worker_changes_its_status_when_it_is_asked_to(manager: RunningManager) -> None:
    worker = manager.add_worker()
    assert manager.get("/worker/state", worker=worker).status == 204
    request = {"status": "asleep", "is_lazy": False}
    path = f"/worker-mgt/workers/{worker.uuid}/setstatus"
    assert manager.post(path, request).status == 204
    assert manager.get("/worker/state", worker=worker).json == {"status_requested": "asleep"}
    refused = manager.post("/worker/task", worker=worker)
    assert (refused.status, refused.json) == (423, {"status_requested": "asleep"})
    changed = manager.post("/worker/state-changed", {"status": "asleep"}, worker=worker)
    assert changed.status == 204
    assert manager.get("/worker/state", worker=worker).status == 204
    assert manager.post("/worker/sign-off", worker=worker).status == 204
    assert manager.get(f"/worker-mgt/workers/{worker.uuid}").json["status"] == "offline"


def test_the_farm_status_says_what_the_farm_is_doing(manager: RunningManager) -> None:
    statuses = [manager.get("/status").json["status"]]
    worker = manager.add_worker()
    statuses.append(manager.get("/status").json["status"])
    manager.submit()
    statuses.append(manager.get("/status").json["status"])
    take_task(manager, worker)
    statuses.append(manager.get("/status").json["status"])
    assert statuses == ["inoperative", "idle", "waiting", "active"]


def test_the_manager_tells_its_version_storage_and_variables(tmp_path: Path) -> None:
    with RunningManager(tmp_path, manager_name="Test farm") as manager:
        version = manager.get("/version").json
        assert set(version) == {"version", "shortversion", "name", "git", "farm_id"}
        assert version["name"] == "Test farm"
        storage = (tmp_path / "flamenco-shared-storage" / "jobs").as_posix()
        assert manager.get("/configuration/shared-storage/users/linux").json == {
            "location": storage,
            "audience": "users",
            "platform": "linux",
            "shamanEnabled": True,
        }
        assert manager.get("/configuration").json["storageLocation"] == storage
        variables = manager.get("/configuration/variables/workers/windows").json
        assert variables["blender"] == {"value": "blender.exe", "is_twoway": False}


def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    with RunningManager(tmp_path) as manager:
        worker = manager.add_worker()
        job = manager.submit()
        task = take_task(manager, worker)
        assert update(manager, worker, task, log="before the restart\n") == 204
    with RunningManager(tmp_path) as manager:
        assert manager.get(f"/jobs/{job['id']}").json["status"] == "active"
        assert update(manager, worker, task, taskStatus="completed", attempt=1) == 204
        log = manager.get(f"/tasks/{task['uuid']}/log.txt").content.decode()
        assert "before the restart\n" in log
