"""People log in with a browser: sessions, their end, and passwords."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from manager_service.api import all_operations
from manager_service.routing import Role
from tests.eventually import eventually
from tests.manager_service.people import (
    PASSWORD,
    GuardedManager,
    add_people,
    add_token,
    bearer,
    cookie_pair,
    stop_the_clock_of_logins,
)
from tests.manager_service.running_manager import RunningManager, receive, submission

NEW_PASSWORD = "a different pass phrase"
DAY = 24 * 3600 * 1_000_000


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[GuardedManager]:
    add_people(tmp_path, ada="admin", art="artist")
    with GuardedManager(tmp_path) as running:
        yield running


def test_logging_in_gives_a_cookie_that_scripts_and_other_sites_never_see(
    manager: GuardedManager,
) -> None:
    reply = manager.log_in("Ada")
    assert reply.status == 200
    assert reply.json == {
        "authentication": "local",
        "kind": "person",
        "name": "ada",
        "role": "admin",
        "actor": "person:ada",
    }
    cookie = next(iter(SimpleCookie(reply.headers["Set-Cookie"]).values()))
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert len(cookie.value) >= 43
    assert "no-store" in reply.headers["Cache-Control"]
    session = {"Cookie": cookie_pair(reply)}
    assert manager.get("/whoami", headers=session).json["name"] == "ada"
    assert manager.get("/users", headers=session).status == 200


def test_secrets_are_stored_as_hashes_only(manager: GuardedManager) -> None:
    secret = manager.session("ada")["Cookie"].partition("=")[2]
    [[stored]] = manager.sql("SELECT secret_hash FROM sessions")
    assert stored == hashlib.sha256(secret.encode()).hexdigest()
    [[password_hash]] = manager.sql("SELECT password_hash FROM users WHERE name = 'ada'")
    assert password_hash.startswith("$argon2id$")
    for file in manager.config.home.iterdir():
        if file.is_file():
            content = file.read_bytes()
            assert secret.encode() not in content
            assert PASSWORD.encode() not in content


def test_all_that_can_be_wrong_with_a_login_is_answered_alike(manager: GuardedManager) -> None:
    ada = manager.session("ada")
    assert (
        manager.request("PUT", "/users/art", json_body={"is_disabled": True}, headers=ada).status
        == 200
    )
    wrong = manager.log_in("ada", "wrong password")
    unknown = manager.log_in("nobody")
    disabled = manager.log_in("art")
    for reply in (wrong, unknown, disabled):
        assert reply.status == 401
        assert "WWW-Authenticate" in reply.headers
        assert "Set-Cookie" not in reply.headers
        assert reply.json == wrong.json


def test_nobody_can_tell_from_the_work_done_whether_a_user_exists(
    manager: GuardedManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    from argon2 import PasswordHasher

    checked: list[str] = []
    real = PasswordHasher.verify

    def verify(self: PasswordHasher, hash: str, password: str) -> bool:  # noqa: A002
        checked.append(hash.rpartition("$")[0].rpartition("$")[0])
        return real(self, hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    manager.log_in("ada", "wrong password")
    manager.log_in("nobody", "wrong password")
    assert len(checked) == 2
    assert checked[0] == checked[1], "both take the same parameters"


def test_a_login_ends_the_session_that_the_browser_had(manager: GuardedManager) -> None:
    first = manager.session("art")
    reply = manager.log_in("ada", headers=first)
    assert manager.get("/jobs", headers=first).status == 401
    assert manager.get("/jobs", headers={"Cookie": cookie_pair(reply)}).status == 200


def test_logging_out_ends_the_session(manager: GuardedManager) -> None:
    here, elsewhere = manager.session("art"), manager.session("art")
    reply = manager.post("/logout", headers=here)
    assert reply.status == 204
    assert "max-age=0" in reply.headers["Set-Cookie"].lower()
    assert manager.get("/jobs", headers=here).status == 401
    assert manager.get("/jobs", headers=elsewhere).status == 200
    assert manager.post("/logout", headers=here).status == 204


def test_logging_out_everywhere_ends_all_sessions_of_one_person(manager: GuardedManager) -> None:
    sessions = [manager.session("art") for _ in range(3)]
    other = manager.session("ada")
    assert manager.post("/logout?everywhere=true", headers=sessions[0]).status == 204
    assert [manager.get("/jobs", headers=session).status for session in sessions] == [401] * 3
    assert manager.get("/jobs", headers=other).status == 200


def test_a_session_ends_when_it_is_not_used_and_at_the_latest_after_a_month(
    manager: GuardedManager,
) -> None:
    session = manager.session("art")
    [[created, ends]] = manager.sql("SELECT created_at, ends_at FROM sessions")
    assert ends - created == 3 * DAY
    # Two days later it is used, which puts the end off.
    manager.sql("UPDATE sessions SET used_at = used_at - ?, ends_at = ends_at - ?", *[2 * DAY] * 2)
    assert manager.get("/jobs", headers=session).status == 200
    eventually(lambda: manager.sql("SELECT ends_at FROM sessions")[0][0] > created + 2 * DAY)
    # Begun almost a month ago, it cannot be put off far.
    manager.sql("UPDATE sessions SET created_at = ?, used_at = 0", created - 29 * DAY)
    assert manager.get("/jobs", headers=session).status == 200
    eventually(lambda: manager.sql("SELECT ends_at FROM sessions")[0][0] == created + DAY)
    manager.sql("UPDATE sessions SET ends_at = ?", created)
    assert manager.get("/jobs", headers=session).status == 401
    manager.session("ada")
    assert len(manager.sql("SELECT 1 FROM sessions")) == 1, "the one that is over was cleared"


def test_changing_the_password_needs_the_present_one_and_ends_other_sessions(
    manager: GuardedManager,
) -> None:
    here, elsewhere = manager.session("art"), manager.session("art")

    def change(current: str, new: str) -> int:
        body = {"current_password": current, "new_password": new}
        return manager.post("/whoami/password", body, headers=here).status

    assert change("wrong password", NEW_PASSWORD) == 401
    assert change(PASSWORD, "short") == 400
    assert change(PASSWORD, NEW_PASSWORD) == 204
    assert manager.get("/jobs", headers=here).status == 200
    assert manager.get("/jobs", headers=elsewhere).status == 401
    assert manager.log_in("art").status == 401
    assert manager.log_in("art", NEW_PASSWORD).status == 200


def test_a_password_counts_to_its_last_character(manager: GuardedManager) -> None:
    long = "x1y2" * 200 + "end"
    ada = manager.session("ada")
    new = {"name": "long", "password": long, "role": "viewer"}
    assert manager.post("/users", new, headers=ada).status == 200
    assert manager.log_in("long", long[:-1]).status == 401
    assert manager.log_in("long", long).status == 200
    new = {"name": "longer", "password": "x1y2" * 300}
    assert manager.post("/users", new, headers=ada).status == 400


def test_an_account_that_is_guessed_at_has_to_wait_and_says_how_long(
    manager: GuardedManager,
) -> None:
    stop_the_clock_of_logins(manager)
    statuses = [manager.log_in("art", "wrong password").status for _ in range(7)]
    assert statuses[:5] == [401] * 5
    late = manager.log_in("art")
    assert late.status == 429, "not even the right password is looked at"
    assert 1 <= int(late.headers["Retry-After"]) <= 60
    assert manager.log_in("ada").status == 200, "others are not kept out"


def test_passwords_and_unknown_names_never_get_into_the_log(
    manager: GuardedManager, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    manager.log_in("hunter2-typed-as-name", "hunter2-typed")
    manager.log_in("ada", "hunter2-typed")
    session = manager.session("ada")
    assert "hunter2" not in caplog.text
    assert PASSWORD not in caplog.text
    assert session["Cookie"].partition("=")[2] not in caplog.text
    assert "as ada failed" in caplog.text
    assert "logged in from 127.0.0.1" in caplog.text


def test_who_am_i_tells_how_people_are_known(manager: GuardedManager) -> None:
    assert manager.get("/whoami").json == {
        "authentication": "local",
        "kind": "anonymous",
        "actor": "person:127.0.0.1",
    }
    key = bearer(manager.server.service.access.machine_key)
    assert manager.get("/whoami", headers=key).json["kind"] == "this-machine"


def test_changes_are_put_down_to_whoever_logged_in(tmp_path: Path) -> None:
    add_people(tmp_path, ada="admin", wim="wrangler")
    service = add_token(tmp_path, "ada", "artist", is_service=True)
    with GuardedManager(tmp_path) as manager:
        tag = {"name": "fast"}
        wim = manager.session("wim")
        assert manager.post("/worker-mgt/tags", tag, headers=wim).status == 200
        body = submission()
        assert manager.post("/jobs", body, headers=bearer(service)).status == 200
        actors = dict(manager.sql("SELECT action, actor FROM audit"))
    assert actors["tag.create"] == "person:wim"
    assert actors["job.submit"] == "service:token of ada"


def test_without_accounts_nobody_logs_in_and_everybody_may_everything(tmp_path: Path) -> None:
    add_people(tmp_path, ada="admin")
    with RunningManager(tmp_path) as manager:
        who = manager.get("/whoami").json
        assert who.pop("actor") == "person:127.0.0.1"
        assert who == {"authentication": "none", "kind": "anonymous", "role": "admin"}
        login = {"name": "ada", "password": PASSWORD}
        assert manager.post("/login", login).status == 409


def test_without_accounts_who_asks_from_elsewhere_is_told_what_they_cannot_do(
    tmp_path: Path,
) -> None:
    elsewhere = {"X-Forwarded-For": "10.0.0.7"}
    with RunningManager(tmp_path) as manager:
        who = manager.get("/whoami", headers=elsewhere).json
        refused = manager.post("/configuration/restart", headers=elsewhere)
        assert refused.status == 403
        assert who["sensitive_refusal"] == refused.json["problems"][0]["what"]
        key = bearer(manager.server.service.access.machine_key)
        assert "sensitive_refusal" not in manager.get("/whoami", headers=key).json


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/login", "/worker/register-worker"])
def test_strangers_cannot_send_much(manager: GuardedManager, path: str, chunked: bool) -> None:
    body = b'{"name": "' + b"x" * 200_000 + b'"}'
    connection = manager.connect()
    try:
        connection.request(
            "POST",
            f"/api/v3{path}",
            iter([body[:100_000], body[100_000:]]) if chunked else body,
            {"Content-Type": "application/json"},
            encode_chunked=chunked,
        )
        assert receive(connection).status == 413
    finally:
        connection.close()


def test_only_small_bodies_are_taken_from_strangers() -> None:
    for operation in all_operations():
        if operation.role is Role.ANYONE and operation.body is not None:
            assert operation.body.largest is not None, operation.name
