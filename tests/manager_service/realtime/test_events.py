"""What clients of `/api/v3/events` are told, over real sockets."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.manager_service.people import PASSWORD, GuardedManager, add_people, bearer
from tests.manager_service.realtime.following import Follower, following, report, take_task
from tests.manager_service.running_manager import TIME_LIMIT, RunningManager


def test_a_new_job_is_told_with_what_a_row_of_a_list_shows(manager: RunningManager) -> None:
    with following(manager, "jobs") as client:
        job = manager.submit(name="shot 12")
        told = client.await_event("job", lambda data: data["status"] == "queued")
    assert told["id"] == job["id"]
    assert (told["name"], told["type"], told["priority"]) == ("shot 12", "echo-sleep-test", 50)
    assert told["task_counts"] == {"queued": 2}
    assert (told["steps_completed"], told["steps_total"]) == (0, 2)
    assert "previous_status" not in told
    assert told["refresh_tasks"] is True


def test_who_follows_the_tasks_of_a_job_hears_that_it_was_compiled_again(
    manager: RunningManager,
) -> None:
    job = manager.submit()
    with following(manager, f"jobs/{job['id']}/tasks") as client:
        change: dict[str, object] = {"status": "cancel-requested", "reason": "test"}
        assert manager.post(f"/jobs/{job['id']}/setstatus", change).status == 204
        client.await_event("tasks", lambda data: data["changed"] == {"canceled": 2})
        change = {"status": "requeueing", "reason": "test", "compile_again": True}
        assert manager.post(f"/jobs/{job['id']}/setstatus", change).status == 204
        client.await_event("tasks", lambda data: data["changed"] == {})


def test_a_task_is_told_to_its_job_and_the_job_and_worker_with_it(manager: RunningManager) -> None:
    worker = manager.add_worker("render-01")
    job = manager.submit()
    with following(manager, f"jobs/{job['id']}/tasks", f"jobs/{job['id']}", "workers") as client:
        task = take_task(manager, worker)
        report(manager, worker, task["uuid"], activity="half way", steps_completed=0)
        told = client.await_event("task", lambda data: data["activity"] == "half way")
        assert told["worker"]["name"] == "render-01"
        assert (told["id"], told["job_id"]) == (task["uuid"], job["id"])
        assert (told["status"], told["attempt"], told["index_in_job"]) == ("active", 1, 1)
        busy = client.await_event("worker", lambda data: status_of_task(data) == "active")
        assert (busy["task"]["name"], busy["task"]["job_name"]) == ("echo", job["name"])
        [listed] = manager.get("/worker-mgt/workers?fields=task").json["workers"]
        whole = manager.get(f"/worker-mgt/workers/{busy['id']}").json
        assert listed["task"]["job_name"] == whole["task"]["job_name"] == job["name"]
        report(manager, worker, task["uuid"], taskStatus="completed")
        done = client.await_event("task", lambda data: data["status"] == "completed")
        assert done["previous_status"] == "active"
        progress = client.await_event("job", lambda data: data["steps_completed"] == 1)
        assert progress["task_counts"] == {"queued": 1, "completed": 1}
        client.await_event("worker", lambda data: status_of_task(data) == "completed")


def status_of_task(worker: dict[str, Any]) -> str:
    """Empty for a worker that has not had any task yet."""
    return str(worker.get("task", {}).get("status", ""))


def test_who_follows_one_job_hears_nothing_of_others(manager: RunningManager) -> None:
    job, other = manager.submit(), manager.submit()
    with following(manager, f"jobs/{job['id']}") as client:
        for changed in (other, job):
            reply = manager.post(f"/jobs/{changed['id']}/setpriority", {"priority": 77})
            assert reply.status == 204
        assert client.await_event("job")["priority"] == 77
    assert {data["id"] for data in client.data("job")} == {job["id"]}


def test_many_tasks_that_change_at_once_are_one_event_with_counts(manager: RunningManager) -> None:
    job = manager.submit()
    with following(manager, "tasks", "jobs") as client:
        change = {"status": "cancel-requested", "reason": "test"}
        assert manager.post(f"/jobs/{job['id']}/setstatus", change).status == 204
        told = client.await_event("tasks")
        assert told == {"job_id": job["id"], "changed": {"canceled": 2}}
        # The wish and its fulfilment may be told as one, or one after the other.
        client.await_event(
            "job", lambda data: data["status"] == "canceled" and data.get("refresh_tasks", False)
        )
    changed = [data for data in client.data("job") if "previous_status" in data]
    assert changed[0]["previous_status"] == "queued"
    assert {data["previous_status"] for data in changed} <= {"queued", "cancel-requested"}
    assert client.data("task") == []


def test_a_log_that_is_followed_is_complete_and_says_where_each_piece_stands(
    manager: RunningManager,
) -> None:
    worker = manager.add_worker()
    manager.submit()
    task = take_task(manager, worker)["uuid"]
    before = manager.get(f"/tasks/{task}/log.txt").content
    with following(manager, f"tasks/{task}/log") as client:
        for line in ("first", "zweite Zeile: äöü", "third"):
            report(manager, worker, task, log=line)
        client.await_event("task-log", lambda data: "third" in data["log"])
        pieces = client.data("task-log")
    text = before + "".join(piece["log"] for piece in pieces).encode()
    assert text == manager.get(f"/tasks/{task}/log.txt").content
    assert pieces[0]["start"] == len(before)
    assert {piece["attempt"] for piece in pieces} == {1}


def test_workers_are_told_from_their_registration_to_their_end(manager: RunningManager) -> None:
    with following(manager, "workers", "tags") as client:
        worker = manager.add_worker("render-02", awake=False)
        client.await_event("worker", lambda data: data["status"] in ("offline", "starting"))
        manager.post("/worker/state-changed", {"status": "awake"}, worker=worker)
        awake = client.await_event("worker", lambda data: data["status"] == "awake")
        assert awake["previous_status"] in ("starting", "offline")
        tag = manager.post("/worker-mgt/tags", {"name": "GPU"}).json
        assert client.await_event("tag") == {"tag": {"id": tag["id"], "name": "GPU"}}
        path = f"/worker-mgt/workers/{worker.uuid}"
        manager.post(f"{path}/settags", {"tag_ids": [tag["id"]]})
        tagged = client.await_event("worker", lambda data: "tags" in data)
        assert tagged["tags"][0]["name"] == "GPU"
        manager.post(f"{path}/setstatus", {"status": "asleep", "is_lazy": True})
        asked = client.await_event("worker", lambda data: "status_change" in data)
        assert asked["status_change"] == {"status": "asleep", "is_lazy": True}
        manager.request("DELETE", path)
        client.await_event("worker", lambda data: "deleted_at" in data)
        manager.request("DELETE", f"/worker-mgt/tag/{tag['id']}")
        gone = client.await_event("tag", lambda data: data.get("was_deleted", False))
        assert gone["tag"]["name"] == "GPU"


def test_a_deleted_job_is_told_as_what_it_was(manager: RunningManager) -> None:
    job = manager.submit(name="old")
    with following(manager, "jobs") as client:
        assert manager.request("DELETE", f"/jobs/{job['id']}").status == 204
        gone = client.await_event("job", lambda data: data.get("was_deleted", False))
    assert (gone["id"], gone["name"], gone["type"]) == (job["id"], "old", "echo-sleep-test")


def test_the_farms_status_is_told_when_it_is_another_one(manager: RunningManager) -> None:
    with following(manager, "farm") as client:
        client.await_event("farm-status", lambda data: data["status"] == "inoperative")
        manager.add_worker()
        client.await_event("farm-status", lambda data: data["status"] == "idle")
        manager.submit()
        client.await_event("farm-status", lambda data: data["status"] == "waiting")
        assert manager.get("/status").json["status"] == "waiting"


def test_who_comes_back_gets_what_was_missed_and_nothing_twice(manager: RunningManager) -> None:
    with following(manager, "jobs") as client:
        manager.submit(name="before")
        client.await_event("job", lambda data: data["name"] == "before")
    with following(manager, "jobs") as witness:
        missed = manager.submit(name="between")
        witness.await_event("job", lambda data: data["status"] == "queued")
    with following(manager, query=f"?topics=jobs,farm&since={client.last_id}") as again:
        again.await_type("following")
    assert [message["type"] for message in again.messages].count("events") == 1
    assert {data["id"] for data in again.data("job")} == {missed["id"]}
    numbers = [int(event["id"].partition(".")[2]) for event in again.events]
    assert min(numbers) > int(client.last_id.partition(".")[2])
    rereads = [message["topics"] for message in again.messages if message["type"] == "reread"]
    assert rereads == [["farm"]], "nobody had followed that, so that nothing of it is known"


@pytest.mark.parametrize("since", ["0badc0de.1", "", "nonsense", "{epoch}.99999999"])
def test_who_comes_back_with_an_unknown_id_has_to_read_again(
    shared_manager: RunningManager, since: str
) -> None:
    with following(shared_manager) as client:
        epoch = client.last_id.partition(".")[0]
        client.subscribe("jobs", "workers", since=since.format(epoch=epoch) or ".")
    rereads = [message for message in client.messages if message["type"] == "reread"]
    assert [message["topics"] for message in rereads] == [["jobs", "workers"]]


def test_topics_can_be_left_again(manager: RunningManager) -> None:
    job = manager.submit()
    with following(manager, "jobs", "tags") as client:
        assert client.ask("unsubscribe", "jobs")["topics"] == ["tags"]
        manager.post(f"/jobs/{job['id']}/setpriority", {"priority": 1})
        manager.post("/worker-mgt/tags", {"name": "GPU"})
        client.await_event("tag")
        assert client.data("job") == []


@pytest.mark.parametrize(
    ("request_", "where"),
    [
        ({"op": "subscribe", "topics": ["jobs", "weather"]}, "topics[1]"),
        ({"op": "subscribe", "topics": ["jobs/17"]}, "topics[0]"),
        ({"op": "shout", "topics": []}, "op"),
        ({"op": "subscribe"}, "topics"),
        ({"op": "subscribe", "topics": "jobs"}, "topics"),
    ],
)
def test_a_wrong_request_is_refused_with_its_place_and_changes_nothing(
    shared_manager: RunningManager, request_: dict[str, object], where: str
) -> None:
    with following(shared_manager, "tags") as client:
        client.socket.send(json.dumps(request_))
        error = client.await_type("refused")["error"]
        assert error["code"] == 400
        assert [problem["where"] for problem in error["problems"]] == [where]
        assert client.ask("unsubscribe")["topics"] == ["tags"]


@pytest.mark.parametrize("sent", ["{", b"\x00\xff", "[" * 10_000])
def test_what_is_no_request_at_all_is_refused_too(
    shared_manager: RunningManager, sent: str | bytes
) -> None:
    with following(shared_manager) as client:
        client.socket.send(sent)
        assert client.await_type("refused")["error"]["code"] == 400


def test_wrong_topics_in_the_address_are_refused_before_the_socket_opens(
    shared_manager: RunningManager,
) -> None:
    with pytest.raises(InvalidStatus) as refused, following(shared_manager, query="?topics=x,y"):
        pass
    assert refused.value.response.status_code == 400
    places = [problem["where"] for problem in json.loads(refused.value.response.body)["problems"]]
    assert places == ["topics[0]", "topics[1]"]


def test_a_request_that_is_no_websocket_is_told_so(shared_manager: RunningManager) -> None:
    reply = shared_manager.get("/events")
    assert reply.status == 426
    assert reply.headers["Upgrade"] == "websocket"


def test_pages_of_other_sites_cannot_listen(shared_manager: RunningManager) -> None:
    url = f"ws://127.0.0.1:{shared_manager.port}/api/v3/events"
    with pytest.raises(InvalidStatus) as refused:
        connect(url, origin=Origin("https://elsewhere.example"))
    assert refused.value.response.status_code == 403
    own = f"http://127.0.0.1:{shared_manager.port}"
    with connect(url, origin=Origin(own)) as client:
        assert json.loads(client.recv(TIME_LIMIT))["type"] == "hello"


def test_with_accounts_only_viewers_may_listen_and_only_as_long_as_they_are(
    tmp_path: Path,
) -> None:
    add_people(tmp_path / "farm", ada="admin")
    with GuardedManager(tmp_path / "farm") as manager:
        url = f"ws://127.0.0.1:{manager.port}/api/v3/events"
        with pytest.raises(InvalidStatus) as refused:
            connect(url)
        assert refused.value.response.status_code == 401
        browser = manager.session("ada")
        with connect(url, additional_headers=browser) as opened, Follower(opened) as client:
            client.subscribe("jobs")
            assert manager.post("/logout", headers=browser).status == 204
            with pytest.raises(ConnectionClosed) as closed:
                client.receive()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008


def test_that_accounts_and_tokens_change_is_told_to_all_and_names_nobody(tmp_path: Path) -> None:
    add_people(tmp_path / "farm", ada="admin", vera="viewer")
    with GuardedManager(tmp_path / "farm") as manager:
        url = f"ws://127.0.0.1:{manager.port}/api/v3/events"
        ada, vera = manager.session("ada"), manager.session("vera")
        with connect(url, additional_headers=vera) as opened, Follower(opened) as client:
            client.subscribe("accounts")
            nora = {"name": "nora", "role": "artist", "password": PASSWORD}
            assert manager.post("/users", nora, headers=ada).status == 200
            client.await_event("accounts", lambda data: data["users"])
            token = {"name": "pipeline", "role": "viewer"}
            made = manager.post("/tokens", token, headers=ada)
            assert made.status == 200
            client.await_event("accounts", lambda data: data["tokens"])
            told = len(client.data("accounts"))
            secret = bearer(made.json["secret"])
            assert manager.get("/whoami", headers=secret).status == 200
            while not any(data["tokens"] for data in client.data("accounts")[told:]):
                client.receive()
            assert all(data.keys() == {"users", "tokens"} for data in client.data("accounts"))


def test_a_client_that_does_not_read_is_told_to_read_again(manager: RunningManager) -> None:
    worker = manager.add_worker()
    manager.submit()
    task = take_task(manager, worker)["uuid"]
    piece = "x" * 1000 + "\n"
    raw = socket.create_connection(("127.0.0.1", manager.port), TIME_LIMIT)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**17)
    url = f"ws://127.0.0.1:{manager.port}/api/v3/events"
    with (
        connect(url, sock=raw, max_size=2**24, max_queue=1, ping_interval=None) as opened,
        Follower(opened) as client,
    ):
        client.subscribe(f"tasks/{task}/log")
        with following(manager, f"tasks/{task}/log") as witness:
            for number in range(60):
                report(manager, worker, task, log=f"{number}\n{piece * 200}")
                log = f"{number}\n"
                witness.await_event("task-log", lambda data, log=log: log in data["log"])  # type: ignore[misc]
        assert client.await_type("reread")["topics"] == [f"tasks/{task}/log"]
        report(manager, worker, task, log="the end")
        end = client.await_event("task-log", lambda data: "the end" in data["log"])
    told = sum(len(data["log"]) for data in client.data("task-log"))
    size = manager.get(f"/tasks/{task}/log").json["size"]
    assert told < size
    assert end["start"] + len(end["log"]) == size


def test_a_manager_that_stops_says_farewell(tmp_path: Path) -> None:
    with RunningManager(tmp_path / "farm") as manager, following(manager, "farm") as client:
        manager.on_loop(manager.server.service.live.close_followers())
        client.await_event("life-cycle", lambda data: data["type"] == "manager-shutdown")
        with pytest.raises(ConnectionClosed) as closed:
            client.receive()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001


def test_prometheus_is_told_how_many_follow(manager: RunningManager) -> None:
    with following(manager, "jobs"), following(manager, "tags"):
        lines = manager.get("/metrics", headers={"Accept": "text/plain"}).content.decode()
        assert 'flamenco_followers{channel="events"} 2.0' in lines
        assert 'flamenco_followers{channel="socket.io"} 0.0' in lines
