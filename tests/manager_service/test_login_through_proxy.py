"""Behind a trusted proxy, people are told apart, and their cookies are as the proxy is reached."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from tests.manager_service.people import (
    PASSWORD,
    GuardedManager,
    add_people,
    bearer,
    stop_the_clock_of_logins,
)
from tests.manager_service.running_manager import RunningManager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[GuardedManager]:
    add_people(tmp_path, ada="admin", **{f"user{number}": "viewer" for number in range(30)})
    with GuardedManager(tmp_path, trusted_proxies=("127.0.0.1",)) as running:
        yield running


def through_proxy(client: str, scheme: str = "https") -> dict[str, str]:
    return {
        "X-Forwarded-For": client,
        "X-Forwarded-Proto": scheme,
        "X-Forwarded-Host": "farm.studio.example",
    }


def test_the_cookie_is_for_https_if_people_reach_the_proxy_so(manager: GuardedManager) -> None:
    reply = manager.log_in("ada", headers=through_proxy("10.0.0.7"))
    [(name, cookie)] = SimpleCookie(reply.headers["Set-Cookie"]).items()
    assert name.startswith("__Host-")
    assert cookie["secure"]
    sent = {"Cookie": f"{name}={cookie.value}", **through_proxy("10.0.0.7")}
    assert manager.get("/users", headers=sent).status == 200
    plain = manager.log_in("ada", headers=through_proxy("10.0.0.7", "http"))
    [(name, cookie)] = SimpleCookie(plain.headers["Set-Cookie"]).items()
    assert not name.startswith("__Host-")
    assert not cookie["secure"]


def test_who_guesses_keeps_nobody_else_behind_the_proxy_out(manager: GuardedManager) -> None:
    stop_the_clock_of_logins(manager)
    for number in range(25):
        manager.log_in(f"user{number}", "wrong password", headers=through_proxy("10.0.0.66"))
    assert manager.log_in("ada", headers=through_proxy("10.0.0.66")).status == 429
    assert manager.log_in("ada", headers=through_proxy("10.0.0.7")).status == 200
    [[address]] = manager.sql(
        "SELECT json_extract(details, '$.address') FROM audit WHERE action = 'user.log-in'"
    )
    assert address == "10.0.0.7"


def test_what_comes_through_a_proxy_is_never_from_this_machine(
    manager: GuardedManager, tmp_path: Path
) -> None:
    key = bearer(manager.server.service.access.machine_key)
    assert manager.get("/users", headers={**key, **through_proxy("127.0.0.1")}).status == 401
    with RunningManager(tmp_path / "open", trusted_proxies=("127.0.0.1",)) as trusting:
        new = {"name": "eve", "password": PASSWORD, "role": "admin"}
        assert trusting.post("/users", new, headers=through_proxy("127.0.0.1")).status == 403
        assert trusting.post("/users", new).status == 403, "the proxy may not have said so"


def test_commands_on_the_machine_of_the_proxy_are_let_in_by_their_key(
    manager: GuardedManager, tmp_path: Path
) -> None:
    key = bearer(manager.server.service.access.machine_key)
    assert manager.get("/users", headers=key).status == 200
    with RunningManager(tmp_path / "open", trusted_proxies=("127.0.0.1",)) as trusting:
        key = bearer(trusting.server.service.access.machine_key)
        new = {"name": "ada", "password": PASSWORD, "role": "admin"}
        assert trusting.post("/users", new, headers=key).status == 200
