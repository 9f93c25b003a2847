"""What workers with several slots say, and several updates in one request, over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager, WorkerLogin, receive, send

LONG = 25
"""Seconds; a test that waits this long has failed."""
SLEEPS = {"message": "x", "sleep_repeats": 3, "sleep_duration_seconds": 1}


def update(task: dict[str, Any], **said: Any) -> dict[str, Any]:
    return {"task": task["uuid"], "update": {"attempt": task["attempt"], **said}}


def take(manager: RunningManager, worker: WorkerLogin, **request: Any) -> dict[str, Any]:
    reply = manager.post("/worker/task", {"slot": 0, "holding": [], **request}, worker=worker)
    assert reply.status == 200, reply.json
    return dict(reply.json)


def report(
    manager: RunningManager, worker: WorkerLogin, *updates: Any, **request: Any
) -> dict[str, Any]:
    body: dict[str, Any] = {"updates": list(updates)}
    if request:
        body["request"] = {"slot": 0, "holding": [], **request}
    reply = manager.post("/worker/task-report", body, worker=worker)
    assert reply.status == 200, reply.json
    return dict(reply.json)


def holding(task: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"task": task["uuid"], "attempt": task["attempt"]}]


def test_the_end_of_a_task_and_the_next_one_travel_together(manager: RunningManager) -> None:
    worker = manager.add_worker()
    manager.submit(settings=SLEEPS)
    first = take(manager, worker)
    answer = report(
        manager,
        worker,
        update(first, log="almost\n", update_id="1"),
        update(first, taskStatus="completed", update_id="2"),
        slot=0,
    )
    assert answer["updates"] == [{"status": 204}, {"status": 204}]
    following = answer["next"]["task"]
    assert (following["status"], following["slot"]) == ("active", 0)
    assert manager.get(f"/tasks/{first['uuid']}").json["status"] == "completed"
    log = manager.get(f"/tasks/{first['uuid']}/log").json
    assert log is not None


def test_a_report_whose_answer_was_lost_counts_once_and_gets_the_same_task(
    manager: RunningManager,
) -> None:
    worker = manager.add_worker()
    manager.submit(settings=SLEEPS)
    first = take(manager, worker)
    said = [update(first, log=f"line {number}\n", update_id=f"{number}") for number in range(3)]
    ended = update(first, taskStatus="completed", log="the end\n", update_id="3")
    # More may have gathered each time, and what is sent again may come one by one.
    report(manager, worker, *said[:2])
    report(manager, worker, *said)
    answers = [report(manager, worker, *said, ended, slot=0) for _ in range(2)]
    assert answers[0] == answers[1]
    assert report(manager, worker, said[0])["updates"] == [{"status": 204}]
    assert report(manager, worker, ended)["updates"] == [{"status": 204}]
    text = manager.get(f"/tasks/{first['uuid']}/log.txt").content.decode()
    told = [line for line in text.splitlines() if line in ("the end", "line 0", "line 1", "line 2")]
    assert told == ["line 0", "line 1", "line 2", "the end"]


def test_the_next_task_is_kept_while_one_runs_and_begins_with_the_report_of_its_start(
    manager: RunningManager,
) -> None:
    worker = manager.add_worker()
    manager.submit(settings=SLEEPS)
    echo = take(manager, worker)
    first = report(manager, worker, update(echo, taskStatus="completed"), slot=0)["next"]["task"]
    kept = report(manager, worker, prefetch=True, holding=holding(first))["next"]["task"]
    assert kept["status"] == "queued"
    answer = report(
        manager,
        worker,
        update(first, taskStatus="completed"),
        update(kept, taskStatus="active"),
        prefetch=True,
        holding=holding(kept),
    )
    assert answer["updates"] == [{"status": 204}, {"status": 204}]
    assert answer["next"]["task"]["uuid"] not in (first["uuid"], kept["uuid"])
    assert manager.get(f"/tasks/{kept['uuid']}").json["status"] == "active"


def test_each_update_has_an_answer_of_its_own(manager: RunningManager) -> None:
    worker, other = manager.add_worker(), manager.add_worker("other")
    manager.submit(settings=SLEEPS)
    task = take(manager, worker)
    nowhere = {"task": "6e4d4a4c-2f0d-4f5e-9f0c-111111111111", "update": {"log": "x"}}
    odd = update(task, taskStatus="paused")
    answer = report(manager, worker, nowhere, odd, update(task, log="kept\n"))
    assert [outcome["status"] for outcome in answer["updates"]] == [404, 400, 204]
    assert "a worker may report" in answer["updates"][1]["message"]
    assert "next" not in answer
    answer = report(manager, other, update(task, taskStatus="completed"), slot=0)
    assert answer["updates"][0]["status"] == 409
    assert "not assigned to this worker" in answer["updates"][0]["message"]
    assert answer["next"] == {}, "the other tasks wait for the first one"


def test_a_worker_that_is_to_sleep_is_told_so_with_its_report(manager: RunningManager) -> None:
    worker = manager.add_worker()
    manager.submit(settings=SLEEPS)
    first = take(manager, worker)
    second = report(manager, worker, update(first, taskStatus="completed"), slot=0)["next"]["task"]
    kept = report(manager, worker, prefetch=True, holding=holding(second))["next"]["task"]
    wish = {"status": "asleep", "is_lazy": True}
    assert manager.post(f"/worker-mgt/workers/{worker.uuid}/setstatus", wish).status == 204
    answer = report(
        manager,
        worker,
        update(second, taskStatus="completed"),
        update(kept, taskStatus="active"),
        slot=0,
    )
    assert answer["next"] == {"status_requested": "asleep"}
    assert [outcome["status"] for outcome in answer["updates"]] == [204, 409]
    assert manager.get(f"/tasks/{kept['uuid']}").json["status"] == "queued"
    manager.post("/worker/state-changed", {"status": "asleep"}, worker=worker)
    assert report(manager, worker, slot=0)["next"] == {"not_awake": "asleep"}


def test_too_many_updates_are_refused(manager: RunningManager) -> None:
    worker = manager.add_worker()
    body = {"updates": [{"task": "x", "update": {}}] * 101}
    reply = manager.post("/worker/task-report", body, worker=worker)
    assert reply.status == 400
    assert "at most 100 entries" in str(reply.json)


SLOTS = [
    {
        "slot": 0,
        "name": "graphics",
        "task_types": ["blender"],
        "capabilities": {"device": "gpu, optix"},
    },
    {"slot": 1, "name": "rest", "task_types": ["misc"], "capabilities": {"device": "cpu"}},
]


def sign_on(manager: RunningManager, worker: WorkerLogin, **more: Any) -> dict[str, Any]:
    body = {"name": "mill", "supported_task_types": ["misc", "blender"], "software_version": "1"}
    reply = manager.post("/worker/sign-on", body | more, worker=worker)
    assert reply.status == 200, reply.json
    manager.post("/worker/state-changed", {"status": "awake"}, worker=worker)
    return dict(reply.json)


def test_slots_get_only_what_they_take_and_are_shown_with_what_they_run(
    manager: RunningManager,
) -> None:
    worker = manager.add_worker()
    has = {"memory_gb": "64", "device": "cpu, gpu, optix"}
    told = sign_on(manager, worker, capabilities=has, slots=SLOTS)
    assert {"prefetch", "reports", "slots", "state-wait"} <= set(told["offers"])
    job = manager.submit(settings=SLEEPS)
    asked = {"slot": 0, "holding": []}
    assert manager.post("/worker/task", asked, worker=worker).status == 204
    task = take(manager, worker, slot=1)
    shown = manager.get(f"/worker-mgt/workers/{worker.uuid}").json
    assert shown["capabilities"] == has
    running = {"id": task["uuid"], "name": "echo", "job_id": job["id"], "is_reserved": False}
    assert shown["slots"] == [SLOTS[0] | {"tasks": []}, SLOTS[1] | {"tasks": [running]}]
    (listed,) = manager.get("/worker-mgt/workers?fields=slots").json["workers"]
    assert listed["slots"] == shown["slots"]
    assert "slots" not in manager.get("/worker-mgt/workers").json["workers"][0]


def test_a_worker_can_change_its_slots_and_capabilities_while_it_works(
    manager: RunningManager,
) -> None:
    worker = manager.add_worker()
    sign_on(manager, worker, slots=SLOTS)
    manager.submit(settings=SLEEPS)
    task = take(manager, worker, slot=1)
    abilities = {"supported_task_types": ["blender"], "capabilities": {"blender": "4.5.2"}}
    assert manager.request("PUT", "/worker/abilities", json_body=abilities, worker=worker).status
    shown = manager.get(f"/worker-mgt/workers/{worker.uuid}").json
    assert shown["capabilities"] == {"blender": "4.5.2"}
    assert shown["supported_task_types"] == ["blender"]
    assert "slots" not in shown
    assert manager.get(f"/tasks/{task['uuid']}").json["status"] == "queued", "it cannot run it now"


def test_two_slots_with_one_number_are_refused(manager: RunningManager) -> None:
    worker = manager.add_worker()
    body = {"supported_task_types": ["misc"], "slots": [SLOTS[1], SLOTS[1]]}
    reply = manager.request("PUT", "/worker/abilities", json_body=body, worker=worker)
    assert reply.status == 400
    assert "same number" in str(reply.json)


def test_flamenco_3_workers_are_told_nothing_new(manager: RunningManager) -> None:
    assert set(sign_on(manager, manager.add_worker())) == {"status_requested"}


def test_an_error_that_a_worker_reports_is_shown_with_its_reason_and_hears_requests(
    manager: RunningManager,
) -> None:
    worker = manager.add_worker()
    changed = {"status": "error", "reason": "the disk of /tmp has 3 MB left"}
    assert manager.post("/worker/state-changed", changed, worker=worker).status == 204
    path = f"/worker-mgt/workers/{worker.uuid}"
    shown = manager.get(path).json
    assert (shown["status"], shown["status_reason"]) == ("error", changed["reason"])
    assert manager.get("/worker-mgt/workers").json["workers"][0]["status_reason"]
    wish = {"status": "asleep", "is_lazy": False}
    assert manager.post(f"{path}/setstatus", wish).status == 204
    reply = manager.get("/worker/state", worker=worker)
    assert reply.json == {"status_requested": "asleep"}
    shown = manager.get(path).json
    assert shown["status"] == "error", "it says itself when it is asleep"
    assert manager.post("/worker/state-changed", {"status": "asleep"}, worker=worker).status == 204
    shown = manager.get(path).json
    assert shown["status"] == "asleep"
    assert "status_reason" not in shown
    assert "status_change" not in shown


@pytest.mark.parametrize("status", ["asleep", "error"])
def test_what_a_worker_does_by_itself_fulfils_no_request(
    manager: RunningManager, status: str
) -> None:
    worker = manager.add_worker()
    path = f"/worker-mgt/workers/{worker.uuid}"
    manager.post(f"{path}/setstatus", {"status": "asleep", "is_lazy": True})
    changed = {"status": status, "reason": "someone works at this machine"}
    manager.post("/worker/state-changed", changed, worker=worker)
    assert manager.get(path).json["status_change"]["status"] == "asleep"


def test_a_worker_that_rests_by_itself_is_awake_after_its_program_was_started_again(
    manager: RunningManager,
) -> None:
    worker = manager.add_worker()
    changed = {"status": "asleep", "reason": "someone works at this machine"}
    manager.post("/worker/state-changed", changed, worker=worker)
    manager.post("/worker/sign-off", worker=worker)
    assert sign_on(manager, worker) == {"status_requested": "awake"}


def test_a_sleeping_worker_that_waits_hears_at_once_that_it_is_to_wake_up(
    manager: RunningManager,
) -> None:
    worker = manager.add_worker()
    manager.post("/worker/state-changed", {"status": "asleep"}, worker=worker)
    connection = manager.connect()
    send(connection, "GET", f"/worker/state?wait={LONG}", worker=worker)
    eventually(lambda: len(manager.server.service.waiting) == 1)
    manager.submit()  # which is nothing to one that sleeps
    wish = {"status": "awake", "is_lazy": False}
    manager.post(f"/worker-mgt/workers/{worker.uuid}/setstatus", wish)
    reply = receive(connection)
    connection.close()
    assert reply.json == {"status_requested": "awake"}
