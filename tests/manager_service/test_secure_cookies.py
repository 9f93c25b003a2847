"""Over HTTPS a session's cookie never travels in the clear, and is bound to the host."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from flamenco_core.config import Tls
from tests.manager_service.https.authority import Authority, write_pair
from tests.manager_service.people import PASSWORD, GuardedManager, add_people
from tests.manager_service.running_manager import TIME_LIMIT, Reply

AUTHORITY = Authority()


def ask(
    manager: GuardedManager,
    method: str,
    path: str,
    body: Any = None,
    cookie: str = "",
    origin: str = "",
) -> Reply:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", manager.port, timeout=TIME_LIMIT, context=AUTHORITY.context
    )
    with closing(connection):
        headers = {"Content-Type": "application/json", **({"Cookie": cookie} if cookie else {})}
        if origin:
            headers |= {"Origin": origin, "Host": origin.removeprefix("https://")}
        connection.request(method, f"/api/v3{path}", json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        return Reply(response.status, dict(response.headers.items()), response.read())


def test_the_cookie_is_secure_and_of_this_host(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, AUTHORITY.issue("localhost", "127.0.0.1"))
    add_people(tmp_path / "farm", ada="admin")
    tls = Tls(listen="127.0.0.1:0", key=key, certificate=certificate)
    with GuardedManager(tmp_path / "farm", tls=tls) as manager:
        reply = ask(manager, "POST", "/login", {"name": "ada", "password": PASSWORD})
        assert reply.status == 200
        [(name, cookie)] = SimpleCookie(reply.headers["Set-Cookie"]).items()
        assert name.startswith("__Host-")
        assert cookie["secure"]
        assert cookie["httponly"]
        assert cookie["path"] == "/"
        assert not cookie["domain"]
        assert ask(manager, "GET", "/users", cookie=f"{name}={cookie.value}").status == 200
        # One that somebody in between could have set, without HTTPS.
        plain = name.removeprefix("__Host-")
        assert ask(manager, "GET", "/users", cookie=f"{plain}={cookie.value}").status == 401
        gone = ask(manager, "POST", "/logout", cookie=f"{name}={cookie.value}")
        [(cleared, morsel)] = SimpleCookie(gone.headers["Set-Cookie"]).items()
        assert cleared == name
        assert morsel["secure"], "or browsers would not take it"
        assert morsel["max-age"] == "0"


def test_pages_may_use_the_manager_by_the_names_of_its_certificate(tmp_path: Path) -> None:
    names = ("farm.studio.example", "localhost", "127.0.0.1")
    certificate, key = write_pair(tmp_path, AUTHORITY.issue(*names))
    add_people(tmp_path / "farm", ada="admin")
    tls = Tls(listen="127.0.0.1:0", key=key, certificate=certificate)
    with GuardedManager(tmp_path / "farm", tls=tls) as manager:
        login = {"name": "ada", "password": PASSWORD}
        own = f"https://farm.studio.example:{manager.port}"
        assert ask(manager, "POST", "/login", login, origin=own).status == 200
        other = "https://farm.evil.example"
        assert ask(manager, "POST", "/login", login, origin=other).status == 403
