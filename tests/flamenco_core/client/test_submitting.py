"""Submitting through a network that loses answers; the Manager behind it is a real one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.client import ManagerClient, ManagerRefused, ManagerUnreachable, submitting
from flamenco_core.model import SubmittedJob
from tests.eventually import eventually
from tests.manager_service.running_manager import RunningManager

JOB = SubmittedJob(
    name="only once",
    type="echo-sleep-test",
    submitter_platform="linux",
    settings={"message": "hello"},
)
PAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
    b"Content-Length: 19\r\n\r\n<html>Log in</html>"
)
FLAMENCO_3 = b'{"version": "3.8", "shortversion": "3.8", "name": "Flamenco", "git": "abc"}'


class LossyNetwork:
    """Hands each request on to a Manager, and loses the answers to the first submissions."""

    def __init__(
        self, manager_port: int, *, lose: int, version: bytes | None = None, pages: int = 0
    ) -> None:
        """`version`: what to answer, in the Manager's stead, to who asks for its version.

        With `pages`, so many of the first requests reach no Manager, but are answered by a page.
        """
        self.submissions = 0
        self.pages_left = pages
        self._manager_port = manager_port
        self._lose = lose
        self._version = version
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client:
                self._pass_on(client)

    def _pass_on(self, client: socket.socket) -> None:
        request = received(client)
        if not request:
            return  # whoever came has gone again
        if self.pages_left:
            self.pages_left -= 1
            client.sendall(PAGE)
            return
        answer = self._answer(request)
        if request.startswith(b"POST /api/v3/jobs "):
            self.submissions += 1
            if self.submissions <= self._lose:
                return
        client.sendall(answer)

    def _answer(self, request: bytes) -> bytes:
        if self._version and request.startswith(b"GET /api/v3/version "):
            return (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(self._version), self._version)
            )
        head, blank, body = request.partition(b"\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self._manager_port)) as manager:
            manager.sendall(head + b"\r\nConnection: close" + blank + body)
            parts = []
            while part := manager.recv(65536):
                parts.append(part)
        return b"".join(parts)


def received(client: socket.socket) -> bytes:
    """One request, with its body; nothing if the client leaves before it has sent that."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (part := client.recv(65536)):
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    while len(body) < sum(lengths):
        if not (part := client.recv(65536)):
            return b""
        body += part
    return head + b"\r\n\r\n" + body


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submitting, "PAUSES", (timedelta(0),) * 3)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[RunningManager]:
    with RunningManager(tmp_path / "farm") as running:
        yield running


def stored(manager: RunningManager) -> list[str]:
    return [job["id"] for job in manager.get("/jobs").json["jobs"]]


def test_a_lost_answer_is_asked_for_again_and_makes_no_second_job(
    manager: RunningManager,
) -> None:
    network = LossyNetwork(manager.port, lose=2)
    try:
        with ManagerClient(network.url, token="") as client:
            job = client.submit_job(JOB)
    finally:
        network.close()
    assert network.submissions == 3
    assert stored(manager) == [job.id]


def test_a_submission_is_sent_again_when_the_network_answers_with_a_page_of_its_own(
    manager: RunningManager,
) -> None:
    """It takes the first submission, and the first look whether the Manager is back."""
    network = LossyNetwork(manager.port, lose=0, pages=2)
    try:
        with ManagerClient(network.url, token="") as client:
            job = client.submit_job(JOB)
    finally:
        network.close()
    assert network.pages_left == 0
    assert network.submissions == 1
    assert stored(manager) == [job.id]


def test_a_network_that_loses_everything_is_given_up(manager: RunningManager) -> None:
    network = LossyNetwork(manager.port, lose=100)
    try:
        with ManagerClient(network.url, token="") as client, pytest.raises(ManagerUnreachable):
            client.submit_job(JOB)
    finally:
        network.close()
    assert network.submissions == 4
    assert len(stored(manager)) == 1


def test_nothing_is_sent_twice_to_a_manager_that_knows_no_keys(manager: RunningManager) -> None:
    network = LossyNetwork(manager.port, lose=1, version=FLAMENCO_3)
    try:
        with ManagerClient(network.url, token="") as client, pytest.raises(ManagerUnreachable):
            client.submit_job(JOB)
    finally:
        network.close()
    assert network.submissions == 1


def test_a_key_of_ones_own_gives_the_same_job_in_another_program(
    manager: RunningManager,
) -> None:
    url = f"http://127.0.0.1:{manager.port}"
    with ManagerClient(url, token="") as first, ManagerClient(url, token="") as second:
        job = first.submit_job(JOB, idempotency_key="shot-12-v3")
        assert second.submit_job(JOB, idempotency_key="shot-12-v3").id == job.id
        assert second.submit_job(JOB).id != job.id
        other = SubmittedJob(name="x", type="echo-sleep-test", submitter_platform="linux")
        with pytest.raises(ManagerRefused, match="used for another submission") as refusal:
            first.submit_job(other, idempotency_key="shot-12-v3")
        assert refusal.value.status == 422


def test_a_manager_that_is_not_there_is_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = ManagerClient(f"http://127.0.0.1:{port}", token="")
    with client, pytest.raises(ManagerUnreachable, match="nothing listens there"):
        client.submit_job(JOB)


def test_who_gives_up_does_not_wait_for_another_try(
    manager: RunningManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting, "PAUSES", (timedelta(minutes=10),))
    network = LossyNetwork(manager.port, lose=1)
    client = ManagerClient(network.url, token="")
    ends: list[Exception] = []

    def submit() -> None:
        try:
            client.submit_job(JOB)
        except ManagerUnreachable as error:
            ends.append(error)

    thread = threading.Thread(target=submit)
    thread.start()
    try:
        eventually(lambda: network.submissions == 1)
        while thread.is_alive():
            client.abort()
            thread.join(0.05)
    finally:
        network.close()
    assert len(ends) == 1
    assert network.submissions == 1
