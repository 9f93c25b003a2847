"""Looking after workers over real HTTP: schedules, tags, deletion."""

from __future__ import annotations

from manager_service.waiting import WaitingWorkers
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


def make_tag(manager: RunningManager, name: str) -> str:
    reply = manager.post("/worker-mgt/tags", {"name": name, "description": "for tests"})
    assert reply.status == 200, reply
    return str(reply.json["id"])


def test_tags_are_made_renamed_listed_and_deleted(manager: RunningManager) -> None:
    tag = make_tag(manager, "gpu")
    assert (
        manager.request("PUT", f"/worker-mgt/tag/{tag}", json_body={"name": "gpus"}).status == 204
    )
    expected = {"id": tag, "name": "gpus", "description": "for tests"}
    assert manager.get(f"/worker-mgt/tag/{tag}").json == expected
    assert manager.get("/worker-mgt/tags").json == {"tags": [expected]}
    assert manager.request("DELETE", f"/worker-mgt/tag/{tag}").status == 204
    assert manager.get(f"/worker-mgt/tag/{tag}").status == 404


def test_a_name_that_a_tag_has_already_is_refused(manager: RunningManager) -> None:
    make_tag(manager, "gpu")
    assert manager.post("/worker-mgt/tags", {"name": " gpu "}).status == 409
    reply = manager.post("/worker-mgt/tags", {"name": " ", "id": "x", "description": "d" * 256})
    assert (reply.status, sorted(reply.problems)) == (400, ["description", "id", "name"])


def test_a_job_with_a_tag_waits_for_a_worker_that_has_it(manager: RunningManager) -> None:
    tag = make_tag(manager, "gpu")
    worker = manager.add_worker()
    job = manager.submit()
    assert manager.post(f"/jobs/{job['id']}/settag", {"name": "gpu"}).status == 204
    assert manager.get(f"/jobs/{job['id']}").json["worker_tag"] == tag
    assert manager.post("/worker/task", worker=worker).status == 204
    settags = f"/worker-mgt/workers/{worker.uuid}/settags"
    assert manager.post(settags, {"tag_ids": [tag]}).status == 204
    assert [
        had["name"] for had in manager.get(f"/worker-mgt/workers/{worker.uuid}").json["tags"]
    ] == ["gpu"]
    assert manager.post("/worker/task", worker=worker).status == 200
    reply = manager.request("DELETE", f"/worker-mgt/tag/{tag}")
    assert reply.status == 409
    assert "two small tasks" in reply.json["message"]


def test_unknown_tags_are_named(manager: RunningManager) -> None:
    worker = manager.add_worker()
    reply = manager.post(f"/worker-mgt/workers/{worker.uuid}/settags", {"tag_ids": [UNKNOWN]})
    assert (reply.status, reply.problems) == (400, ["tag_ids[0]"])
    job = manager.submit()
    reply = manager.post(f"/jobs/{job['id']}/settag", {"name": "no such"})
    assert (reply.status, reply.problems) == (400, ["name"])


def test_a_deleted_worker_is_nobody_any_more(manager: RunningManager) -> None:
    worker = manager.add_worker()
    job = manager.submit()
    assert manager.post("/worker/task", worker=worker).status == 200
    assert manager.request("DELETE", f"/worker-mgt/workers/{worker.uuid}").status == 204
    assert manager.get(f"/worker-mgt/workers/{worker.uuid}").status == 404
    assert manager.get("/worker-mgt/workers").json == {"workers": []}
    assert manager.post("/worker/task", worker=worker).status == 403
    tasks = manager.get(f"/jobs/{job['id']}/tasks").json["tasks"]
    assert tasks[0]["status"] == "queued"
    assert tasks[0]["worker"]["id"] == worker.uuid


def test_who_waits_for_a_task_counts_as_being_there() -> None:
    waiting = WaitingWorkers()
    with waiting.enter("beech"), waiting.enter("beech", slot=1), waiting.enter("oak"):
        assert waiting.worker_ids() == {"beech", "oak"}
    assert waiting.worker_ids() == set()
