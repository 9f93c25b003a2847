"""Events reach a real broker, whatever happens to it, to the line and to the Manager."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.config import MqttClient
from manager_service.mqtt import forwarder
from manager_service.mqtt.forwarder import MQTT_QUEUE_FILE
from manager_service.mqtt.queue import MqttQueue
from tests.eventually import eventually
from tests.manager_service.https.authority import Authority, write_pair
from tests.manager_service.mqtt.mosquitto import PASSWORD, USER, Listener, Mosquitto
from tests.manager_service.realtime.following import report, take_task
from tests.manager_service.running_manager import RunningManager


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mosquitto") as running:
        yield running


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[Listener]:
    with Listener(broker.port) as made:
        yield made


def manager_with(tmp_path: Path, url: str, **settings: str) -> RunningManager:
    return RunningManager(tmp_path / "farm", mqtt=MqttClient(enabled=True, broker=url, **settings))


def kept(tmp_path: Path) -> int:
    queue = MqttQueue(tmp_path / "farm" / MQTT_QUEUE_FILE)
    try:
        return len(queue)
    finally:
        queue.close()


@pytest.fixture
def patient_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Manager that ends waits until the broker has all, however busy the machine is."""
    monkeypatch.setattr(forwarder, "FAREWELL", timedelta(minutes=2))


@pytest.mark.usefixtures("patient_farewell")
def test_events_come_under_flamenco_3s_topics(
    tmp_path: Path, broker: Mosquitto, listener: Listener
) -> None:
    with manager_with(tmp_path, f"mqtt://127.0.0.1:{broker.port}") as manager:
        assert listener.wait("flamenco/lifecycle") == {"type": "manager-startup"}
        worker = manager.add_worker("render-01")
        listener.wait("flamenco/workers", lambda data: data["status"] == "awake")
        job = manager.submit(name="shot 9")
        told = listener.wait("flamenco/jobs", lambda data: data["status"] == "queued")
        assert (told["id"], told["name"]) == (job["id"], "shot 9")
        task = take_task(manager, worker)["uuid"]
        active = listener.wait(f"flamenco/jobs/{job['id']}")
        assert (active["id"], active["status"]) == (task, "active")
        report(manager, worker, task, log="a log is too much for a broker", taskStatus="completed")
        listener.wait(f"flamenco/jobs/{job['id']}", lambda data: data["status"] == "completed")
        listener.wait("flamenco/status", lambda data: data["status"] == "active")
        tag = manager.post("/worker-mgt/tags", {"name": "GPU"}).json
        assert listener.wait("flamenco/workertags")["tag"]["id"] == tag["id"]
    listener.wait("flamenco/lifecycle", lambda data: data == {"type": "manager-shutdown"})
    topics = {topic for topic, _ in listener.heard}
    assert topics <= {
        f"flamenco/{name}"
        for name in ("lifecycle", "status", "jobs", "workers", "workertags", f"jobs/{job['id']}")
    }
    assert kept(tmp_path) == 0


def test_a_prefix_and_a_password_are_used(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.touch(0o600)
    subprocess.run(
        ["mosquitto_passwd", "-b", str(passwords), USER, PASSWORD], check=True, capture_output=True
    )
    options = ["allow_anonymous false", f"password_file {passwords}"]
    login = {"username": USER, "password": PASSWORD, "topic_prefix": "studio/farm1"}
    with (
        Mosquitto(tmp_path / "mosquitto", options) as broker,
        Listener(broker.port, password=PASSWORD) as listener,
        manager_with(tmp_path, f"tcp://127.0.0.1:{broker.port}", **login),
    ):
        listener.wait("studio/farm1/lifecycle")


def test_a_wrong_password_is_said_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    passwords = tmp_path / "passwords"
    passwords.touch(0o600)
    options = ["allow_anonymous false", f"password_file {passwords}"]
    with (
        caplog.at_level(logging.WARNING),
        Mosquitto(tmp_path / "mosquitto", options) as broker,
        manager_with(tmp_path, f"mqtt://127.0.0.1:{broker.port}", username="x", password="y"),
    ):
        eventually(lambda: "see mqtt.client.username and password" in caplog.text)
    assert "y" not in {record.getMessage() for record in caplog.records}


def test_the_connection_can_be_encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority()
    certificate, key = write_pair(tmp_path, authority.issue("localhost"))
    (tmp_path / "trusted.pem").write_bytes(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    options = ["allow_anonymous true", f"keyfile {key}", f"certfile {certificate}"]
    log = tmp_path / "mosquitto" / "mosquitto.log"
    with (
        Mosquitto(tmp_path / "mosquitto", options) as broker,
        manager_with(tmp_path, f"mqtts://localhost:{broker.port}"),
    ):
        eventually(lambda: "as flamenco" in log.read_text())
        eventually(lambda: kept(tmp_path) == 0)


def test_what_happens_while_the_broker_is_away_comes_when_it_is_back(
    tmp_path: Path, broker: Mosquitto, listener: Listener
) -> None:
    with manager_with(tmp_path, f"mqtt://127.0.0.1:{broker.port}") as manager:
        listener.wait("flamenco/lifecycle")
        broker.stop()
        names = [f"away {number}" for number in range(5)]
        for name in names:
            manager.submit(name=name)
        broker.start()
        for name in names:
            listener.wait("flamenco/jobs", lambda data, name=name: data["name"] == name)  # type: ignore[misc]
        eventually(lambda: kept(tmp_path) == 0)


def test_what_a_manager_could_not_send_the_next_one_sends(
    tmp_path: Path, broker: Mosquitto, listener: Listener
) -> None:
    broker.stop()
    url = f"mqtt://127.0.0.1:{broker.port}"
    with manager_with(tmp_path, url) as manager:
        manager.submit(name="before the restart")
        eventually(lambda: kept(tmp_path) > 1)
    assert kept(tmp_path) > 1
    broker.start()
    with manager_with(tmp_path, url):
        listener.wait("flamenco/jobs", lambda data: data["name"] == "before the restart")
        listener.wait("flamenco/lifecycle", lambda data: data == {"type": "manager-shutdown"})
        kinds = [data["type"] for topic, data in listener.heard if topic == "flamenco/lifecycle"]
        assert kinds[:2] == ["manager-startup", "manager-shutdown"]


def test_a_broker_that_never_answers_holds_nothing_up(tmp_path: Path) -> None:
    with manager_with(tmp_path, "mqtt://127.0.0.1:1") as manager:
        manager.submit(name="anyway")
        assert manager.get("/jobs").status == 200
