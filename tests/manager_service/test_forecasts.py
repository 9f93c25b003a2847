"""Why not, and who would get what, over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager, submission
from tests.manager_service.test_operations import take_task, update

UNKNOWN = "00000000-0000-0000-0000-000000000000"


def conditions(worker: dict[str, Any]) -> list[list[str]]:
    return [[reason["condition"] for reason in kind["reasons"]] for kind in worker["tasks"]]


def test_a_worker_is_told_why_it_gets_nothing_of_a_job(manager: RunningManager) -> None:
    job = manager.submit()["id"]
    fitting = manager.add_worker("fits")
    other = manager.add_worker("other", types=("blender",), awake=False)
    found = manager.get(f"/jobs/{job}/why-not/{fitting.uuid}").json
    assert (found["gets_tasks"], conditions(found)) == (True, [[]])
    found = manager.get(f"/jobs/{job}/why-not/{other.uuid}").json
    assert (found["worker_name"], found["gets_tasks"]) == ("other", False)
    assert conditions(found) == [["worker-awake", "task-type"]]
    assert found["tasks"][0]["reasons"][1] == {
        "condition": "task-type",
        "what": "worker other takes no tasks of type misc",
        "remedy": "add misc to the worker's task types",
    }


def test_the_reasons_of_all_workers_are_counted(manager: RunningManager) -> None:
    job = manager.submit()["id"]
    manager.add_worker("fits")
    for number in range(3):
        manager.add_worker(f"blender-{number}", types=("blender",))
    manager.add_worker("sleeper", awake=False)
    found = manager.get(f"/jobs/{job}/why-not").json
    assert (found["workers_looked_at"], found["workers_that_get_tasks"]) == (5, 1)
    assert [(each["condition"], each["workers"]) for each in found["reasons"]] == [
        ("task-type", 3),
        ("worker-awake", 1),
    ]
    assert found["reasons"][0]["task_types"] == ["misc"]
    assert "next" not in found


def test_the_workers_of_a_large_farm_come_in_pages(manager: RunningManager) -> None:
    job = manager.submit()["id"]
    workers = [manager.add_worker(f"render-{number}").uuid for number in range(5)]
    seen, after = [], ""
    while True:
        page = manager.get(f"/jobs/{job}/why-not?limit=2{after}").json
        seen += [worker["worker_id"] for worker in page["workers"]]
        if "next" not in page:
            break
        after = f"&after={page['next']}"
    assert seen == workers


def test_an_archived_job_says_so(manager: RunningManager) -> None:
    manager.add_worker()
    job = manager.submit()["id"]
    manager.post(f"/jobs/{job}/action", {"action": "cancel"})
    archive = {"action": "archive"}
    eventually(lambda: manager.post(f"/jobs/{job}/action", archive).status == 204)
    found = manager.get(f"/jobs/{job}/why-not").json
    assert found["note"] == "The job is archived, and cannot run again; submit it anew."
    assert found["workers_that_get_tasks"] == 0
    plan = manager.get(f"/jobs/{job}/plan").json
    assert plan["summary"] == "No task of this job is waiting."


@pytest.mark.parametrize("path", ["why-not", f"why-not/{UNKNOWN}", "plan"])
def test_nothing_is_foretold_of_an_unknown_job(manager: RunningManager, path: str) -> None:
    assert manager.get(f"/jobs/{UNKNOWN}/{path}").status == 404


def test_a_plan_names_the_task_that_each_free_worker_would_get(manager: RunningManager) -> None:
    first, second = manager.add_worker("first"), manager.add_worker("second")
    manager.add_worker("asleep", awake=False)
    settings = {"message": "x", "sleep_repeats": 3, "sleep_duration_seconds": 1}
    low = manager.submit(priority=20, settings=settings)["id"]
    high = manager.submit(priority=80, name="urgent")["id"]
    plan = manager.get(f"/jobs/{low}/plan").json
    assert [(each["worker_name"], each["task_name"]) for each in plan["hand_outs"]] == [
        ("second", "echo"),
    ]
    assert (plan["able_workers"], plan["awake_workers"], plan["free_workers"]) == (3, 2, 2)
    assert plan["tasks_waiting"] == 4
    everything = manager.get("/jobs/plan").json
    assert [each["job_name"] for each in everything["hand_outs"]] == ["urgent", "two small tasks"]
    assert everything["free_workers"] == 2
    for each, worker in zip(everything["hand_outs"], (first, second), strict=True):
        assert take_task(manager, worker)["uuid"] == each["task_id"]
    plan = manager.get(f"/jobs/{high}/plan").json
    assert (plan["free_workers"], plan["hand_outs"]) == (0, [])


def test_a_job_is_planned_before_it_is_submitted(manager: RunningManager) -> None:
    worker = manager.add_worker()
    manager.submit()
    for _ in range(2):
        task = take_task(manager, worker)
        done = {"taskStatus": "completed", "statistics": {"run_seconds": 60.0}}
        assert update(manager, worker, task, **done) == 204
    settings = {"message": "x", "sleep_repeats": 9, "sleep_duration_seconds": 1}
    plan = manager.post("/jobs/plan", submission(settings=settings)).json
    assert (plan["able_workers"], plan["free_workers"], plan["tasks_waiting"]) == (1, 1, 10)
    assert [each["task_name"] for each in plan["hand_outs"]] == ["echo"]
    assert "job_id" not in plan["hand_outs"][0]
    assert (plan["first_task_seconds"], plan["all_tasks_seconds"]) == (60.0, 600.0)
    assert plan["summary"] == (
        "1 worker could take this, and is free. 1 task begins at once; "
        "the first is done in about a minute. All of it takes about 10 minutes "
        "if nothing else runs."
    )
    assert len(manager.get("/jobs").json["jobs"]) == 1


def test_a_job_that_would_wait_behind_another_is_not_handed_out(manager: RunningManager) -> None:
    manager.add_worker()
    manager.submit(priority=50)
    assert manager.post("/jobs/plan", submission(priority=50)).json["hand_outs"] == []
    assert len(manager.post("/jobs/plan", submission(priority=51)).json["hand_outs"]) == 1
    paused = submission(priority=51, initial_status="paused")
    assert manager.post("/jobs/plan", paused).json["hand_outs"] == []


def test_task_types_that_nobody_takes_are_named(manager: RunningManager) -> None:
    manager.add_worker(types=("blender",))
    plan = manager.post("/jobs/plan", submission()).json
    assert plan["missing_task_types"] == ["misc"]
    assert plan["summary"].startswith("No worker could take this.")


def test_a_plan_refuses_what_a_submission_would(manager: RunningManager) -> None:
    reply = manager.post("/jobs/plan", submission(settings={"sleep_repeats": "two"}))
    assert (reply.status, "settings.sleep_repeats" in reply.problems) == (400, True)
    assert manager.post("/jobs/plan", submission(type_etag="old")).status == 412
