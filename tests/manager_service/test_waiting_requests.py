"""Workers that wait inside their request, over real HTTP."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.eventually import eventually
from tests.manager_service.running_manager import (
    Reply,
    RunningManager,
    WorkerLogin,
    receive,
    send,
)

LONG = 25
"""Seconds; a test that waits this long has failed."""


def waiting(manager: RunningManager) -> int:
    return len(manager.server.service.waiting)


def ask(
    manager: RunningManager, worker: WorkerLogin, path: str = f"/worker/task?wait={LONG}"
) -> http.client.HTTPConnection:
    """Asks for a task and returns once the request waits."""
    before = waiting(manager)
    connection = manager.connect()
    send(connection, "POST", path, worker=worker)
    eventually(lambda: waiting(manager) == before + 1)
    return connection


@contextmanager
def asking(
    manager: RunningManager, *workers: WorkerLogin
) -> Iterator[list[http.client.HTTPConnection]]:
    with ExitStack() as stack:
        connections = [ask(manager, worker) for worker in workers]
        for connection in connections:
            stack.callback(connection.close)
        yield connections


def is_answered(connection: http.client.HTTPConnection) -> bool:
    """Whether there is something to read, without waiting for it."""
    import select

    return bool(select.select([connection.sock], [], [], 0)[0])


def test_a_new_job_starts_on_a_worker_that_waits(manager: RunningManager) -> None:
    with asking(manager, manager.add_worker()) as [connection]:
        job = manager.submit()
        reply = receive(connection)
    assert (reply.status, reply.json["job"]) == (200, job["id"])


def test_as_many_workers_wake_as_there_are_tasks(manager: RunningManager) -> None:
    workers = [manager.add_worker(f"worker {number}") for number in range(3)]
    with asking(manager, *workers) as connections:
        manager.submit(settings={"message": "x", "sleep_repeats": 2, "sleep_duration_seconds": 1})
        first = receive(connections[0])  # the sleeping tasks depend on the echo
        assert first.json["name"] == "echo"
        eventually(lambda: waiting(manager) == 2)
        update = {"taskStatus": "completed"}
        path = f"/worker/task/{first.json['uuid']}"
        assert manager.post(path, update, worker=workers[0]).status == 204
        tasks = [receive(connection).json["name"] for connection in connections[1:]]
    assert [name.split("-")[0] for name in tasks] == ["sleep", "sleep"]


def test_a_worker_of_another_kind_goes_on_waiting(manager: RunningManager) -> None:
    blender = manager.add_worker("blender", types=("blender",))
    misc = manager.add_worker("misc", types=("misc",))
    with asking(manager, blender, misc) as [for_blender, for_misc]:
        manager.submit()
        assert receive(for_misc).status == 200
        assert not is_answered(for_blender)
        assert waiting(manager) == 1


def test_a_task_that_failed_on_one_worker_wakes_another(manager: RunningManager) -> None:
    failing, other = manager.add_worker("failing"), manager.add_worker("other")
    manager.submit()
    task = manager.post("/worker/task", worker=failing).json
    with asking(manager, other) as [connection]:
        update = {"taskStatus": "failed", "activity": "no luck"}
        path = f"/worker/task/{task['uuid']}"
        assert manager.post(path, update, worker=failing).status == 204
        assert receive(connection).json["uuid"] == task["uuid"]


def test_a_status_request_ends_the_waiting(manager: RunningManager) -> None:
    worker = manager.add_worker()
    with asking(manager, worker) as [connection]:
        request = {"status": "asleep", "is_lazy": True}
        path = f"/worker-mgt/workers/{worker.uuid}/setstatus"
        assert manager.post(path, request).status == 204
        reply = receive(connection)
    assert (reply.status, reply.json) == (423, {"status_requested": "asleep"})


def test_a_worker_that_went_away_is_given_nothing(manager: RunningManager) -> None:
    gone, there = manager.add_worker("gone"), manager.add_worker("there")
    connection = ask(manager, gone)
    connection.close()
    eventually(lambda: waiting(manager) == 0)
    job = manager.submit()
    task = manager.get(f"/jobs/{job['id']}/tasks").json["tasks"][0]
    assert (task["status"], task["worker"]["id"]) == ("queued", "")
    assert manager.post("/worker/task", worker=there).json["uuid"] == task["id"]


def test_waiting_ends_without_a_task_when_the_time_is_up(manager: RunningManager) -> None:
    worker = manager.add_worker()
    assert manager.post("/worker/task?wait=1", worker=worker).status == 204
    assert manager.post("/worker/task?wait=9999", worker=worker).status == 400


def test_a_stopping_manager_lets_its_waiting_workers_go(tmp_path: Path) -> None:
    replies: list[Reply] = []
    with RunningManager(tmp_path) as manager:
        connection = ask(manager, manager.add_worker())
    replies.append(receive(connection))
    connection.close()
    assert replies[0].status == 204


def test_a_slot_that_holds_its_task_is_given_another_one(manager: RunningManager) -> None:
    worker = manager.add_worker()
    manager.submit(name="one")
    manager.submit(name="two")
    first = manager.post("/worker/task", {"slot": 0}, worker=worker).json
    holding = {"slot": 1, "holding": [{"task": first["uuid"], "attempt": first["attempt"]}]}
    second = manager.post("/worker/task", holding, worker=worker).json
    assert second["uuid"] != first["uuid"]
    assert (first["slot"], second["slot"]) == (0, 1)


def test_a_worker_that_asks_anew_is_not_kept_waiting_by_its_lost_request(
    manager: RunningManager,
) -> None:
    worker = manager.add_worker()
    with asking(manager, worker) as [lost]:
        connection = manager.connect()
        send(connection, "POST", f"/worker/task?wait={LONG}", worker=worker)
        assert receive(lost).status == 204
        job = manager.submit()
        assert receive(connection).json["job"] == job["id"]
        connection.close()
