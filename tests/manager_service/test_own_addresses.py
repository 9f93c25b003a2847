"""A web page of another site cannot use the Manager by way of a browser."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.manager_service.people import GuardedManager, add_people
from tests.manager_service.running_manager import Reply, RunningManager, submission


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningManager]:
    home = tmp_path_factory.mktemp("farm")
    with RunningManager(home, own_url="https://Farm.Studio/") as running:
        yield running


def submit(manager: RunningManager, host: str, origin: str = "") -> Reply:
    headers = {"Host": host, **({"Origin": origin} if origin else {})}
    return manager.post("/jobs", submission(), headers=headers)


def assert_is_refused(reply: Reply, place: str) -> None:
    assert reply.status == 403, reply.content
    assert reply.json["code"] == 403
    assert reply.json["message"]
    assert reply.problems == [place]
    assert reply.json["problems"][0]["hint"]


OWN_HOSTS = [
    *("127.0.0.1", "192.168.7.9:8080", "[::1]:8080", "[fe80::1]", "localhost", "LOCALHOST:8131"),
    *("localhost.:8080", "farm.studio", "FARM.studio:8443", socket.gethostname()),
    f"{socket.gethostname().partition('.')[0]}.local:8080",
]


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_names_of_its_own_and_ip_addresses_are_answered(manager: RunningManager, host: str) -> None:
    assert submit(manager, host).status == 200
    assert submit(manager, host, f"http://{host}").status == 200


def test_the_machines_full_name_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: "Render7.lan.studio")
    with RunningManager(tmp_path) as manager:
        for host in ("render7.lan.studio:8080", "render7", "render7.local"):
            assert submit(manager, host).status == 200
        other = "render8.lan.studio"
        assert_is_refused(submit(manager, other, f"http://{other}"), "header Host")


@pytest.mark.parametrize(
    "host",
    ["evil.example:8131", "localhost.evil.example", "127.0.0.1.evil.example", "farm", "a:b:c"],
)
def test_a_name_that_was_made_to_lead_here_is_refused(manager: RunningManager, host: str) -> None:
    before = manager.get("/jobs").json
    assert_is_refused(submit(manager, host, f"http://{host}"), "header Host")
    browser = {"Host": host, "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
    assert_is_refused(manager.get("/jobs", headers=browser), "header Host")
    assert manager.get("/jobs").json == before


def test_workers_and_other_programs_may_use_any_name_of_the_network(
    manager: RunningManager,
) -> None:
    assert submit(manager, "render-manager.studio.lan:8080").status == 200
    assert manager.get("/version", headers={"Host": "farm-alias"}).status == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:1", "http://localhost:8080", "null", "?"]
)
def test_a_page_of_another_address_is_refused(manager: RunningManager, origin: str) -> None:
    assert_is_refused(submit(manager, "127.0.0.1:8080", origin), "header Origin")


def test_own_pages_behind_a_proxy_that_hides_their_name_are_answered(
    manager: RunningManager,
) -> None:
    assert submit(manager, "127.0.0.1:8080", "https://farm.studio").status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_says_comes_from_another_site_is_refused(
    manager: RunningManager, site: str
) -> None:
    headers = {"Sec-Fetch-Site": site}
    assert_is_refused(manager.post("/jobs", submission(), headers=headers), "header Sec-Fetch-Site")
    # People may come by a link on a page of another site.
    assert manager.get("/jobs", headers=headers).status == 200


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_what_a_browser_says_comes_from_the_managers_page_is_answered(
    manager: RunningManager, site: str
) -> None:
    assert manager.post("/jobs", submission(), headers={"Sec-Fetch-Site": site}).status == 200


def test_a_login_makes_no_difference(tmp_path: Path) -> None:
    add_people(tmp_path, ada="admin")
    with GuardedManager(tmp_path, own_url="https://farm.studio/") as guarded:
        ada = guarded.session("ada")
        for name, value in {
            "Origin": "http://evil.example",
            "Sec-Fetch-Site": "cross-site",
        }.items():
            reply = guarded.post("/jobs", submission(), headers={**ada, name: value})
            assert_is_refused(reply, f"header {name}")
        browser = {**ada, "Host": "evil.example", "User-Agent": "Mozilla/5.0"}
        assert_is_refused(guarded.get("/users", headers=browser), "header Host")
        own = {**ada, "Origin": "https://farm.studio"}
        assert guarded.post("/jobs", submission(), headers=own).status == 200
