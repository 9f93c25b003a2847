"""Submissions that are sent again under the same key."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.manager_service.running_manager import Reply, RunningManager, send, submission

KEY = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}


def submit(manager: RunningManager, key: dict[str, str] = KEY, **changes: Any) -> Reply:
    return manager.post("/jobs", submission(**changes), headers=key)


def names(manager: RunningManager) -> list[str]:
    return [job["name"] for job in manager.get("/jobs").json["jobs"]]


def test_the_same_key_gives_the_same_job(manager: RunningManager) -> None:
    first, second = submit(manager), submit(manager)
    assert (first.status, second.status) == (200, 200)
    assert first.json["id"] == second.json["id"]
    assert len(names(manager)) == 1
    other = submit(manager, {"Idempotency-Key": "another"})
    assert other.json["id"] != first.json["id"]


def test_the_answer_is_the_job_as_it_is_now(manager: RunningManager) -> None:
    job = submit(manager).json
    change = {"status": "cancel-requested", "reason": "test"}
    assert manager.post(f"/jobs/{job['id']}/setstatus", change).status == 204
    eventually(lambda: submit(manager).json["status"] == "canceled")


def test_requests_with_one_key_at_the_same_moment_make_one_job(manager: RunningManager) -> None:
    settings = {"message": "x", "sleep_repeats": 2000, "sleep_duration_seconds": 1}
    with ThreadPoolExecutor(8) as threads:
        replies = [*threads.map(lambda _: submit(manager, settings=settings), range(8))]
    assert [reply.status for reply in replies] == [200] * 8
    assert len({reply.json["id"] for reply in replies}) == 1
    assert len(names(manager)) == 1


def test_a_client_that_left_before_the_answer_finds_its_job(manager: RunningManager) -> None:
    connection = manager.connect()
    send(connection, "POST", "/jobs", json_body=submission(), headers=KEY)
    connection.close()
    eventually(lambda: len(names(manager)) == 1)
    job = manager.get("/jobs").json["jobs"][0]
    assert submit(manager).json["id"] == job["id"]
    assert len(names(manager)) == 1


def test_a_key_counts_after_a_restart(tmp_path: Path) -> None:
    with RunningManager(tmp_path) as manager:
        job = submit(manager).json["id"]
    with RunningManager(tmp_path) as manager:
        assert submit(manager).json["id"] == job
        assert len(names(manager)) == 1


def test_a_key_is_for_one_submission(manager: RunningManager) -> None:
    submit(manager)
    reply = submit(manager, name="something else")
    assert reply.status == 422
    assert "used for another submission" in reply.json["message"]
    assert names(manager) == ["two small tasks"]


def test_another_submission_with_the_key_of_one_that_goes_on_is_refused(
    manager: RunningManager,
) -> None:
    settings = {"message": "x", "sleep_repeats": 5000, "sleep_duration_seconds": 1}
    with ThreadPoolExecutor(2) as threads:
        going_on = threads.submit(submit, manager, settings=settings)
        while not going_on.done() and not manager.server.service.submissions._keyed:
            time.sleep(0.001)
        assert submit(manager, name="something else").status == 422
        assert going_on.result().status == 200
    assert names(manager) == ["two small tasks"]


def test_a_refused_submission_leaves_its_key_free(manager: RunningManager) -> None:
    assert submit(manager, type="no-such-type").status == 400
    assert submit(manager).status == 200


def test_a_key_of_a_deleted_job_makes_no_other_one(manager: RunningManager) -> None:
    job = submit(manager).json["id"]
    assert manager.request("DELETE", f"/jobs/{job}").status == 204
    eventually(lambda: manager.get(f"/jobs/{job}").status == 404)
    reply = submit(manager)
    assert (reply.status, job in reply.json["message"]) == (409, True)
    assert names(manager) == []


@pytest.mark.parametrize("key", ["with blank", "x" * 256, ""])
def test_a_key_of_no_use_is_refused(manager: RunningManager, key: str) -> None:
    reply = submit(manager, {"Idempotency-Key": key})
    assert (reply.status, reply.problems) == (400, ["header Idempotency-Key"])
