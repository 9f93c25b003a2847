"""Statistics of jobs, workers, machines and the farm, as workers report and people ask for them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.manager_service.running_manager import RunningManager, WorkerLogin

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def run_a_task(manager: RunningManager, worker: WorkerLogin, **statistics: Any) -> dict[str, Any]:
    task: dict[str, Any] = manager.post("/worker/task", worker=worker).json
    update = {"taskStatus": "completed", "attempt": 1, "statistics": statistics}
    assert manager.post(f"/worker/task/{task['uuid']}", update, worker=worker).status == 204
    return task


def test_a_job_adds_up_what_its_attempts_took(manager: RunningManager) -> None:
    worker = manager.add_worker()
    job = manager.submit()
    files = ["/r/shot-0001.png", "/r/shot-0002.png", "/r/preview.mp4"]
    first = run_a_task(
        manager,
        worker,
        run_seconds=30,
        render_seconds=21,
        peak_memory=1000,
        output_files=files,
        is_warm=True,
    )
    run_a_task(manager, worker, run_seconds=10.5, peak_memory=3000)
    sums = manager.get(f"/jobs/{job['id']}/statistics").json
    assert sums == {
        "attempts": 2,
        "completed": 2,
        "failed": 0,
        "measured": 1,
        "warm": 1,
        "run_seconds": 40.5,
        "load_seconds": 0.0,
        "render_seconds": 21.0,
        "save_seconds": 0.0,
        "output_count": 3,
        "peak_memory": 3000,
        "task_counts": {"completed": 2},
    }
    attempts = manager.get(f"/jobs/{job['id']}/attempts?sort=duration").json["attempts"]
    assert [attempt["run_seconds"] for attempt in attempts] == [10.5, 30]
    page = manager.get(f"/jobs/{job['id']}/attempts?limit=1&fields=run_seconds").json
    assert page["attempts"] == [{"task_id": first["uuid"], "run_seconds": 30}]
    frames = manager.get(f"/jobs/{job['id']}/statistics/frames").json["frames"]
    assert [(frame["frame"], frame["seconds"], frame["render_seconds"]) for frame in frames] == [
        (1, 10, 7),
        (2, 10, 7),
    ]
    by_type = manager.get("/statistics").json["sums"]
    assert [(each["job_type"], each["attempts"]) for each in by_type] == [("echo-sleep-test", 2)]
    of_worker = manager.get(f"/worker-mgt/workers/{worker.uuid}/statistics").json["sums"]
    assert of_worker == by_type
    assert manager.get(f"/worker-mgt/workers/{UNKNOWN}/statistics").json == {"sums": []}


@pytest.mark.parametrize("what", ["statistics", "attempts", "statistics/frames"])
def test_a_job_of_which_nothing_is_known_has_no_statistics(
    shared_manager: RunningManager, what: str
) -> None:
    assert shared_manager.get(f"/jobs/{UNKNOWN}/{what}").status == 404


def test_the_farm_is_told_in_numbers(manager: RunningManager) -> None:
    empty: dict[str, dict[str, int]] = {"jobs": {}, "tasks": {}, "workers": {}}
    assert manager.get("/status/overview").json == empty
    worker = manager.add_worker()
    manager.add_worker("second", awake=False)
    manager.submit()
    manager.post("/worker/task", worker=worker)
    assert manager.get("/status/overview").json == {
        "jobs": {"active": 1},
        "tasks": {"active": 1, "queued": 1},
        "workers": {"awake": 1, "starting": 1},
    }


def test_a_machine_tells_what_it_does_and_people_see_it(manager: RunningManager) -> None:
    worker = manager.add_worker()
    samples = [{"age_seconds": 3, "cpu_percent": 50.0}, {"cpu_percent": 99.5, "disk_free": 2**40}]
    body = {"samples": samples}
    assert manager.post("/worker/host-statistics", body, worker=worker).status == 204
    path = f"/worker-mgt/workers/{worker.uuid}/host-statistics"
    points = manager.get(path).json["points"]
    assert [point["cpu_percent"] for point in points] == [50.0, 99.5]
    assert points[1]["disk_free"] == 2**40
    minutes = manager.get(f"{path}?resolution=minute&since=2026-01-01").json
    assert minutes["problems"][0]["where"] == "query since"
    minutes = manager.get(f"{path}?resolution=minute").json["points"]
    # Both samples may lie in different minutes.
    assert 1 <= len(minutes) <= 2
    until = points[1]["time"]
    assert manager.get(f"{path}?until={until}").json == {"points": points[:1]}


def test_only_workers_tell_what_machines_do(shared_manager: RunningManager) -> None:
    assert shared_manager.post("/worker/host-statistics", {"samples": []}).status in (401, 403)
    path = f"/worker-mgt/workers/{UNKNOWN}/host-statistics"
    assert shared_manager.get(path).status == 404
    bad = shared_manager.get(f"{path}?since=tomorrow&until=9999-12-31&resolution=hour")
    assert sorted(bad.problems) == ["query resolution", "query since", "query until"]


def test_samples_that_cannot_be_are_refused(manager: RunningManager) -> None:
    worker = manager.add_worker()
    body = {"samples": [{"cpu_percent": 101}, {"memory_used": "much"}]}
    reply = manager.post("/worker/host-statistics", body, worker=worker)
    assert reply.status == 400
    many = {"samples": [{"cpu_percent": 1}] * 1001}
    assert manager.post("/worker/host-statistics", many, worker=worker).status == 400
