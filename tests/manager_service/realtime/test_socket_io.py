"""Flamenco 3's live updates, with the client that its pages use, under Node."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from manager_service.realtime.socket_follower import MOST_TOPICS
from tests.flamenco_core.images import RED, plain
from tests.manager_service.people import GuardedManager, add_people
from tests.manager_service.realtime.following import report, take_task
from tests.manager_service.realtime.interrupted_line import InterruptedLine
from tests.manager_service.running_manager import TIME_LIMIT, RunningManager, WorkerLogin

CLIENT = Path(__file__).with_name("socket_io_client")
NPM_SECONDS = 120


@pytest.fixture(scope="session")
def client_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client with the packages of its lock file."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node and npm are missing: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("socket-io") / "client"
    shutil.copytree(CLIENT, folder, ignore=shutil.ignore_patterns("node_modules"))
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=NPM_SECONDS)
    return folder


class NodeClient:
    """A running client, and what it says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.heard: list[list[Any]] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.heard.append(json.loads(line))
                self._changed.notify_all()

    def emit(self, *request: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def subscribe(self, kind: str, uuid: str | None = None, op: str = "subscribe") -> str:
        """Returns what is acknowledged."""
        before = len(self.heard)
        more = {} if uuid is None else {"uuid": uuid}
        self.emit("/subscription", {"op": op, "type": kind, **more})
        return str(self.wait("ack", after=before))

    def wait(
        self, name: str, is_it: Callable[[Any], bool] = lambda _: True, *, after: int = 0
    ) -> Any:
        """What came with the first event of this name that fits."""
        deadline = time.monotonic() + TIME_LIMIT
        with self._changed:
            while True:
                for heard in self.heard[after:]:
                    if heard[0] == name and is_it(heard[1]):
                        return heard[1]
                left = deadline - time.monotonic()
                assert left > 0, f"no such {name} among {self.heard}"
                self._changed.wait(left)

    def data(self, name: str) -> list[Any]:
        return [heard[1] for heard in self.heard if heard[0] == name]

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(TIME_LIMIT) == 0
        self._thread.join()


@contextmanager
def node_client(folder: Path, port: int) -> Iterator[NodeClient]:
    command = ["node", "follow.js", f"http://127.0.0.1:{port}"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, encoding="utf-8") as node:
        client = NodeClient(node)
        try:
            client.wait("connect")
            yield client
            client.end()
        finally:
            if node.poll() is None:
                node.kill()


@pytest.fixture
def client(client_folder: Path, manager: RunningManager) -> Iterator[NodeClient]:
    with node_client(client_folder, manager.port) as made:
        yield made


def show(manager: RunningManager, worker: WorkerLogin, task: str) -> None:
    """Has a worker show an image of what it renders."""
    path = f"/worker/task/{task}/output-produced"
    headers = {"Content-Type": "image/png"}
    reply = manager.request("POST", path, body=plain(RED), headers=headers, worker=worker)
    assert reply.status == 202


def test_jobs_are_told_as_flamenco_3_does(manager: RunningManager, client: NodeClient) -> None:
    assert client.subscribe("allJobs") == "ok"
    job = manager.submit(name="shot 3")
    told = client.wait("/jobs", lambda data: data["status"] == "queued")
    assert {"id", "updated", "status", "type", "priority", "refresh_tasks"} <= set(told)
    assert (told["id"], told["name"], told["steps_total"]) == (job["id"], "shot 3", 2)
    assert "previous_status" not in told
    change = {"status": "cancel-requested", "reason": "test"}
    assert manager.post(f"/jobs/{job['id']}/setstatus", change).status == 204
    # The wish and its fulfilment may be told as one, or one after the other.
    client.wait("/jobs", lambda data: data["status"] == "canceled" and data["refresh_tasks"])
    changed = [data for data in client.data("/jobs") if "previous_status" in data]
    assert changed[0]["previous_status"] == "queued"
    assert {data["previous_status"] for data in changed} <= {"queued", "cancel-requested"}
    assert manager.request("DELETE", f"/jobs/{job['id']}").status == 204
    assert client.wait("/jobs", lambda data: data.get("was_deleted"))["id"] == job["id"]


def test_who_follows_a_job_hears_of_its_tasks_and_images(
    manager: RunningManager, client: NodeClient
) -> None:
    worker = manager.add_worker("render-01")
    other, job = manager.submit(), manager.submit(priority=90)
    assert client.subscribe("job", job["id"]) == "ok"
    task = take_task(manager, worker)["uuid"]
    told = client.wait("/task", lambda data: data["status"] == "active")
    assert (told["id"], told["job_id"], told["worker"]["name"]) == (task, job["id"], "render-01")
    assert told["previous_status"] == "queued"
    assert {"updated", "activity", "steps_completed", "steps_total", "name"} <= set(told)
    show(manager, worker, task)
    shown = client.wait("/last-rendered")
    assert shown["job_id"] == job["id"]
    assert shown["thumbnail"]["base"].startswith("/")
    assert manager.get(f"{shown['thumbnail']['base']}/{shown['thumbnail']['suffixes'][0]}").content
    report(manager, worker, task, taskStatus="completed")
    client.wait("/task", lambda data: data["status"] == "completed")
    assert client.subscribe("job", job["id"], op="unsubscribe") == "ok"
    before = len(client.data("/task"))
    assert client.subscribe("allWorkers") == "ok"
    take_task(manager, worker)
    client.wait("/workers", lambda data: data.get("task", {}).get("status") == "active")
    assert len(client.data("/task")) == before
    assert other["id"] not in {data["job_id"] for data in client.data("/task")}


def test_a_tasks_log_comes_as_it_is_written(manager: RunningManager, client: NodeClient) -> None:
    worker = manager.add_worker()
    manager.submit()
    task = take_task(manager, worker)["uuid"]
    assert client.subscribe("tasklog", task) == "ok"
    report(manager, worker, task, log="Größe 1")
    report(manager, worker, task, log="second line")
    client.wait("/tasklog", lambda data: "second line" in data["log"])
    assert {data["task_id"] for data in client.data("/tasklog")} == {task}
    text = "".join(data["log"] for data in client.data("/tasklog"))
    assert text == "Größe 1\nsecond line\n"


def test_workers_tags_and_the_farm_are_told(manager: RunningManager, client: NodeClient) -> None:
    assert client.subscribe("allWorkers") == client.subscribe("allWorkerTags") == "ok"
    client.wait("/status", lambda data: data == {"status": "inoperative"})
    worker = manager.add_worker("render-05")
    awake = client.wait("/workers", lambda data: data["status"] == "awake")
    assert (awake["id"], awake["name"], awake["can_restart"]) == (worker.uuid, "render-05", False)
    assert {"updated", "version"} <= set(awake)
    client.wait("/status", lambda data: data == {"status": "idle"})
    tag = manager.post("/worker-mgt/tags", {"name": "GPU", "description": "fast"}).json
    assert client.wait("/workertags") == {
        "tag": {"id": tag["id"], "name": "GPU", "description": "fast"}
    }


def test_what_all_rendered_last_is_told_once_to_who_follows_job_and_farm(
    manager: RunningManager, client: NodeClient
) -> None:
    worker = manager.add_worker()
    job = manager.submit()
    client.subscribe("job", job["id"])
    client.subscribe("allLastRendered")
    task = take_task(manager, worker)["uuid"]
    show(manager, worker, task)
    client.wait("/last-rendered")
    report(manager, worker, task, taskStatus="completed")
    client.wait("/task", lambda data: data["status"] == "completed")
    assert len(client.data("/last-rendered")) == 1


@pytest.mark.parametrize(
    ("kind", "uuid", "op", "answer"),
    [
        ("job", None, "subscribe", "operation on job requires a UUID"),
        ("tasklog", None, "subscribe", "operation on task requires a UUID"),
        ("job", "17", "subscribe", "invalid UUID, ignoring request"),
        ("allCats", None, "subscribe", "unknown subscription type, ignoring request"),
        ("allJobs", None, "sing", "unable to perform subscription operation: "),
    ],
)
def test_what_cannot_be_subscribed_to_is_acknowledged_in_flamenco_3s_words(
    client: NodeClient, kind: str, uuid: str | None, op: str, answer: str
) -> None:
    assert client.subscribe(kind, uuid, op).startswith(answer)


def test_the_clients_own_pings_are_answered(client: NodeClient) -> None:
    client.emit("ping")
    client.wait("pong")


def test_after_a_cut_line_the_client_connects_and_subscribes_again(
    manager: RunningManager, client_folder: Path
) -> None:
    with (
        InterruptedLine(manager.port) as line,
        node_client(client_folder, line.port) as client,
    ):
        client.subscribe("allJobs")
        line.cut()
        client.wait("disconnect")
        client.wait("reconnect")
        client.subscribe("allJobs")
        manager.submit(name="after")
        client.wait("/jobs", lambda data: data["name"] == "after")


def test_a_manager_that_stops_says_so(tmp_path: Path, client_folder: Path) -> None:
    with (
        RunningManager(tmp_path / "farm") as manager,
        node_client(client_folder, manager.port) as client,
    ):
        manager.on_loop(manager.server.service.live.close_followers())
        assert client.wait("/lifecycle") == {"type": "manager-shutdown"}
        client.wait("disconnect")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("EIO=4&transport=websocket", 400),
        ("EIO=3&transport=polling", 400),
        ("transport=websocket", 400),
    ],
)
def test_other_versions_and_transports_are_refused(
    shared_manager: RunningManager, query: str, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{shared_manager.port}/socket.io/?{query}")
    assert refused.value.response.status_code == status


def read_to_the_end(socket: ClientConnection) -> None:
    while True:
        socket.recv(TIME_LIMIT)


def socket_io_url(manager: RunningManager) -> str:
    return f"ws://127.0.0.1:{manager.port}/socket.io/?EIO=3&transport=websocket"


def test_pages_of_other_sites_cannot_listen(shared_manager: RunningManager) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(socket_io_url(shared_manager), origin=Origin("https://elsewhere.example"))
    assert refused.value.response.status_code == 403


def test_with_accounts_only_who_has_logged_in_may_listen(tmp_path: Path) -> None:
    add_people(tmp_path / "farm", vic="viewer", ada="admin")
    with GuardedManager(tmp_path / "farm") as manager:
        with pytest.raises(InvalidStatus) as refused:
            connect(socket_io_url(manager))
        assert refused.value.response.status_code == 401
        browser = manager.session("vic")
        with connect(socket_io_url(manager), additional_headers=browser) as socket:
            assert str(socket.recv(TIME_LIMIT)).startswith("0{")
            assert manager.post("/logout", headers=browser).status == 204
            with pytest.raises(ConnectionClosed):
                read_to_the_end(socket)


@pytest.mark.parametrize(
    "packet",
    [
        *("", "9", "4", "42", "42[", "42[]", "42{}", "427", "43[1]", "6"),
        *('42["/chat", {"text": "x"}]', '42["/subscription"]', '42["/subscription", 7]'),
        *('42["/subscription", {"type": []}]', '42["/subscription", {"type": "job", "uuid": {}}]'),
    ],
)
def test_packets_that_mean_nothing_here_do_no_harm(
    shared_manager: RunningManager, packet: str
) -> None:
    with connect(socket_io_url(shared_manager)) as socket:
        assert str(socket.recv(TIME_LIMIT)).startswith("0{")
        assert socket.recv(TIME_LIMIT) == "40"
        socket.send(packet)
        socket.send(b"\x04binary")
        socket.send("2probe")
        answers = []
        while "3probe" not in answers:
            answers.append(socket.recv(TIME_LIMIT))
        assert set(answers) <= {"3probe", '42["/status",{"status":"inoperative"}]'}


def test_one_page_follows_a_bounded_number_of_topics(shared_manager: RunningManager) -> None:
    with connect(socket_io_url(shared_manager)) as socket:
        acknowledged: list[str] = []
        for number in range(MOST_TOPICS):
            about = {"op": "subscribe", "type": "tasklog", "uuid": str(uuid4())}
            socket.send(f'42{number}["/subscription",{json.dumps(about)}]')
        while len(acknowledged) < MOST_TOPICS:
            packet = str(socket.recv(TIME_LIMIT))
            if packet.startswith("43"):
                acknowledged.append(packet)
        assert all(each.endswith('["ok"]') for each in acknowledged[:-1])
        # The farm's own topic is followed from the beginning.
        assert acknowledged[-1].endswith(f': {MOST_TOPICS} is the most"]')


def test_there_is_one_namespace_only(shared_manager: RunningManager) -> None:
    with connect(socket_io_url(shared_manager)) as socket:
        socket.send("40/admin,")
        answers = []
        while '44/admin,"Invalid namespace"' not in answers:
            answers.append(socket.recv(TIME_LIMIT))
