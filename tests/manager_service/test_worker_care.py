"""Looking after workers over real HTTP: schedules, tags, deletion."""

from __future__ import annotations

from tests.manager_service.running_manager import RunningManager

UNKNOWN = "00000000-0000-0000-0000-000000000000"
SCHEDULE = {
    "is_active": True,
    "days_of_week": "mo tu",
    "start_time": "22:00",
    "end_time": "06:00",
}


def test_a_sleep_schedule_is_stored_and_fetched(manager: RunningManager) -> None:
    worker = manager.add_worker()
    path = f"/worker-mgt/workers/{worker.uuid}/sleep-schedule"
    assert manager.get(path).status == 204
    assert manager.post(path, SCHEDULE).status == 204
    assert manager.get(path).json == SCHEDULE


def test_all_that_is_wrong_with_a_sleep_schedule_is_answered(manager: RunningManager) -> None:
    worker = manager.add_worker()
    path = f"/worker-mgt/workers/{worker.uuid}/sleep-schedule"
    bad = {**SCHEDULE, "days_of_week": "m", "start_time": "9", "end_time": "25:00"}
    reply = manager.post(path, bad)
    assert reply.status == 400
    assert reply.problems == ["days_of_week", "start_time", "end_time"]
    assert manager.get(path).status == 204


def test_an_unknown_worker_has_no_schedule(manager: RunningManager) -> None:
    path = f"/worker-mgt/workers/{UNKNOWN}/sleep-schedule"
    assert manager.get(path).status == 404
    assert manager.post(path, SCHEDULE).status == 404


def test_a_worker_is_told_to_sleep_when_its_schedule_says_so(manager: RunningManager) -> None:
    worker = manager.add_worker()
    always = {"is_active": True, "days_of_week": "", "start_time": "", "end_time": ""}
    path = f"/worker-mgt/workers/{worker.uuid}/sleep-schedule"
    assert manager.post(path, always).status == 204
    reply = manager.post("/worker/task", worker=worker)
    assert (reply.status, reply.json) == (423, {"status_requested": "asleep"})
