"""What proxies say of clients is believed of those that are trusted, and of nobody else.

Tests speak from 127.0.0.1, which is the trusted proxy; the Manager tells who asked by the address
that it notes of a worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from manager_service.server import ListenAddress, Server
from tests.manager_service.running_manager import Reply, RunningManager

PROXIES = ("127.0.0.1/32", "10.9.0.0/16", "fd00:9::/32")


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningManager]:
    home = tmp_path_factory.mktemp("farm")
    with RunningManager(home, trusted_proxies=PROXIES, own_url="https://farm.studio/") as running:
        yield running


def register(manager: RunningManager, headers: dict[str, str]) -> Reply:
    body = {
        "name": "worker",
        "secret": "correct horse",
        "platform": "linux",
        "supported_task_types": ["misc"],
    }
    return manager.post("/worker/register-worker", body, headers=headers)


def noted_address(manager: RunningManager, headers: dict[str, str]) -> str:
    registered = register(manager, headers)
    assert registered.status == 200, registered
    uuid = registered.json["uuid"]
    address: str = manager.get(f"/worker-mgt/workers/{uuid}").json["ip_address"]
    return address


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ({}, "127.0.0.1"),
        ({"X-Forwarded-For": "10.1.2.3"}, "10.1.2.3"),
        ({"X-Forwarded-For": "10.1.2.3:4711"}, "10.1.2.3"),
        ({"X-Forwarded-For": "[fd00::3]:4711"}, "fd00::3"),
        ({"X-Forwarded-For": "::ffff:10.1.2.3"}, "10.1.2.3"),
        # What stands before the first stranger was made up by that stranger, or may be.
        ({"X-Forwarded-For": "192.0.2.66, 10.1.2.3"}, "10.1.2.3"),
        ({"X-Forwarded-For": "192.0.2.66, 10.1.2.3, 10.9.0.1, fd00:9::1"}, "10.1.2.3"),
        ({"X-Forwarded-For": "10.9.0.5, 10.9.0.1"}, "10.9.0.5"),
        ({"X-Forwarded-For": "10.1.2.3, unknown, 10.9.0.1"}, "10.9.0.1"),
        ({"X-Forwarded-For": "<script>"}, "127.0.0.1"),
        ({"X-Forwarded-For": ""}, "127.0.0.1"),
        ({"X-Forwarded-Proto": "https"}, "127.0.0.1"),
        ({"Forwarded": "for=10.1.2.3;proto=https;host=farm.studio"}, "10.1.2.3"),
        ({"Forwarded": 'for=192.0.2.66, for="[fd00::3]:47", for=10.9.0.1'}, "fd00::3"),
        ({"Forwarded": "for=_hidden"}, "127.0.0.1"),
        ({"Forwarded": "for=10.1.2.3", "X-Forwarded-For": "10.1.2.3"}, "10.1.2.3"),
    ],
)
def test_the_client_is_the_last_one_that_is_no_proxy(
    manager: RunningManager, headers: dict[str, str], client: str
) -> None:
    assert noted_address(manager, headers) == client


def test_headers_that_contradict_each_other_are_refused(manager: RunningManager) -> None:
    headers = {"Forwarded": "for=127.0.0.1", "X-Forwarded-For": "10.1.2.3"}
    refused = register(manager, headers)
    assert refused.status == 400
    assert refused.problems == ["header Forwarded"]


def test_strangers_cannot_say_who_they_are(tmp_path: Path) -> None:
    headers = {"X-Forwarded-For": "10.1.2.3"}
    for trusted in ((), ("10.9.0.0/16",)):
        with RunningManager(tmp_path / str(len(trusted)), trusted_proxies=trusted) as manager:
            assert noted_address(manager, headers) == "127.0.0.1"


def test_the_log_of_requests_names_the_client(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manager = RunningManager(tmp_path, trusted_proxies=PROXIES)
    manager.server = Server(manager.config, ListenAddress("127.0.0.1", 0), access_log=True)
    with caplog.at_level("INFO"), manager:
        manager.get("/version", headers={"X-Forwarded-For": "192.0.2.66, 10.1.2.3"})
    said = [message for message in caplog.messages if "GET /api/v3/version" in message]
    assert [message.split()[0] for message in said] == ["10.1.2.3"]


@pytest.mark.parametrize(
    ("host", "status"), [("farm.studio", 200), ("Farm.Studio:443", 200), ("elsewhere.net", 403)]
)
def test_the_name_that_the_browser_used_has_to_be_the_managers(
    manager: RunningManager, host: str, status: int
) -> None:
    headers = {
        "User-Agent": "Mozilla/5.0",
        "Host": "backend.internal",
        "X-Forwarded-For": "10.1.2.3",
        "X-Forwarded-Host": host,
        "X-Forwarded-Proto": "https",
        "Origin": f"https://{host}",
    }
    assert register(manager, headers).status == status
