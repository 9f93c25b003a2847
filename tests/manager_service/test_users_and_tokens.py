"""Admins look after accounts; people make tokens for their programs."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.manager_service.people import PASSWORD, GuardedManager, add_people, add_token, bearer
from tests.manager_service.running_manager import RunningManager, submission


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[GuardedManager]:
    add_people(tmp_path, ada="admin", art="artist")
    with GuardedManager(tmp_path) as running:
        yield running


@pytest.fixture
def ada(manager: GuardedManager) -> dict[str, str]:
    return manager.session("ada")


def change(manager: GuardedManager, who: dict[str, str], name: str, **what: Any) -> int:
    return manager.request("PUT", f"/users/{name}", json_body=what, headers=who).status


def remove(manager: GuardedManager, who: dict[str, str], path: str) -> int:
    return manager.request("DELETE", path, headers=who).status


def test_who_gets_the_name_of_a_removed_account_finds_none_of_its_queries(
    manager: GuardedManager, ada: dict[str, str]
) -> None:
    query = {"name": "Mine", "list": "jobs", "query": {"status": "failed"}}

    def saved(who: dict[str, str]) -> list[str]:
        queries = manager.get("/saved-queries", headers=who).json["queries"]
        return [each["name"] for each in queries]

    for who in (ada, art := manager.session("art")):
        assert manager.post("/saved-queries", query, headers=who).status == 200
    assert saved(art) == ["Mine"]
    assert remove(manager, ada, "/users/art") == 204
    again = {"name": "art", "password": PASSWORD, "role": "artist"}
    assert manager.post("/users", again, headers=ada).status == 200
    assert saved(manager.session("art")) == []
    assert saved(ada) == ["Mine"]


def test_an_admin_makes_changes_and_removes_accounts(
    manager: GuardedManager, ada: dict[str, str]
) -> None:
    new = {"name": " Wim@Studio.example ", "password": PASSWORD, "role": "wrangler"}
    reply = manager.post("/users", new, headers=ada)
    assert reply.status == 200
    assert {**reply.json, "created": ""} == {
        "name": "wim@studio.example",
        "role": "wrangler",
        "is_disabled": False,
        "created": "",
    }
    assert manager.post("/users", new, headers=ada).status == 409
    assert manager.log_in("WIM@studio.example").status == 200
    listed = manager.get("/users", headers=ada).json["users"]
    assert [user["name"] for user in listed] == ["ada", "art", "wim@studio.example"]
    assert all("password" not in key for user in listed for key in user)
    assert "last_login" in listed[2]
    assert "last_login" not in listed[1]
    assert remove(manager, ada, "/users/wim@studio.example") == 204
    assert manager.log_in("wim@studio.example").status == 401
    assert remove(manager, ada, "/users/wim@studio.example") == 404


@pytest.mark.parametrize("name", ["", "a b", "../x", "a" * 65, "ünïcode", ".x", "x\n"])
def test_a_name_that_would_be_mistaken_is_refused(
    manager: GuardedManager, ada: dict[str, str], name: str
) -> None:
    reply = manager.post("/users", {"name": name, "password": PASSWORD}, headers=ada)
    if name == "x\n":  # blanks around a name do not count
        assert reply.json["name"] == "x"
        return
    assert reply.status == 400
    assert reply.problems == ["name"]


def possible_actions(manager: GuardedManager, who: dict[str, str], name: str) -> set[str]:
    users = manager.get("/users", headers=who).json["users"]
    [user] = [each for each in users if each["name"] == name]
    impossible = [each for each in user["actions"] if not each["is_possible"]]
    assert all(each["reason"] for each in impossible)
    return {each["action"] for each in user["actions"]} - {each["action"] for each in impossible}


def test_what_may_be_done_with_an_account_is_said_with_it(
    manager: GuardedManager, ada: dict[str, str]
) -> None:
    assert possible_actions(manager, ada, "ada") == {"set-password"}, "nobody else is an admin"
    assert possible_actions(manager, ada, "art") == {
        *("set-role", "disable", "set-password", "delete")
    }
    assert change(manager, ada, "art", role="admin") == 200
    assert "delete" in possible_actions(manager, ada, "ada")
    assert change(manager, ada, "art", is_disabled=True) == 200
    assert possible_actions(manager, ada, "art") == {
        *("set-role", "enable", "set-password", "delete")
    }
    assert possible_actions(manager, ada, "ada") == {"set-password"}


def test_another_role_counts_at_once(manager: GuardedManager, ada: dict[str, str]) -> None:
    art = manager.session("art")
    assert manager.post("/jobs", submission(), headers=art).status == 200
    assert change(manager, ada, "art", role="viewer") == 200
    assert manager.post("/jobs", submission(), headers=art).status == 403
    assert manager.get("/jobs", headers=art).status == 200


def test_a_disabled_account_is_shut_out_at_once(
    manager: GuardedManager, ada: dict[str, str]
) -> None:
    art = manager.session("art")
    token = _token(manager, art, name="script")
    assert change(manager, ada, "art", is_disabled=True) == 200
    assert manager.get("/jobs", headers=art).status == 401
    assert manager.get("/jobs", headers=token).status == 401
    assert change(manager, ada, "art", is_disabled=False) == 200
    assert manager.get("/jobs", headers=art).status == 401, "sessions have ended"
    assert manager.get("/jobs", headers=token).status == 200


def test_somebody_always_can_look_after_the_accounts(
    manager: GuardedManager, ada: dict[str, str]
) -> None:
    assert change(manager, ada, "ada", role="wrangler") == 409
    assert change(manager, ada, "ada", is_disabled=True) == 409
    assert remove(manager, ada, "/users/ada") == 409
    assert change(manager, ada, "art", role="admin") == 200
    assert change(manager, ada, "art", is_disabled=True) == 200
    assert remove(manager, ada, "/users/ada") == 409, "the other admin cannot log in"
    assert change(manager, ada, "art", is_disabled=False) == 200
    assert remove(manager, ada, "/users/ada") == 204
    assert manager.get("/jobs", headers=ada).status == 401


def test_a_new_password_by_an_admin_ends_sessions(
    manager: GuardedManager, ada: dict[str, str]
) -> None:
    art = manager.session("art")
    new = {"password": "another pass phrase"}
    assert manager.post("/users/art/password", new, headers=ada).status == 204
    assert manager.get("/jobs", headers=art).status == 401
    assert manager.log_in("art", "another pass phrase").status == 200
    assert manager.post("/users/nobody/password", new, headers=ada).status == 404


def test_a_token_acts_for_its_owner_until_it_is_revoked(manager: GuardedManager) -> None:
    art = manager.session("art")
    reply = manager.post("/tokens", {"name": "script"}, headers=art)
    assert reply.status == 200
    assert "no-store" in reply.headers["Cache-Control"]
    token, secret = reply.json["token"], reply.json["secret"]
    assert secret.startswith("flamenco_")
    assert (token["role"], token["owner"], token["is_service"]) == ("artist", "art", False)
    assert manager.get("/whoami", headers=bearer(secret)).json["name"] == "art"
    assert manager.post("/jobs", submission(), headers=bearer(secret)).status == 200
    [listed] = manager.get("/tokens", headers=art).json["tokens"]
    assert listed["id"] == token["id"]
    assert secret not in str(listed)
    eventually(lambda: "last_used" in manager.get("/tokens", headers=art).json["tokens"][0])
    assert remove(manager, art, f"/tokens/{token['id']}") == 204
    assert manager.get("/jobs", headers=bearer(secret)).status == 401


def test_a_token_may_never_do_more_than_its_owner(
    manager: GuardedManager, ada: dict[str, str]
) -> None:
    art = manager.session("art")
    refused = manager.post("/tokens", {"name": "more", "role": "admin"}, headers=art)
    assert refused.status == 403
    small = _token(manager, art, name="less", role="viewer")
    large = _token(manager, art, name="all")
    assert manager.post("/jobs", submission(), headers=small).status == 403
    assert manager.post("/jobs", submission(), headers=large).status == 200
    assert change(manager, ada, "art", role="viewer") == 200
    assert manager.post("/jobs", submission(), headers=large).status == 403
    assert manager.get("/jobs", headers=large).status == 200


def test_a_token_expires(manager: GuardedManager) -> None:
    art = manager.session("art")
    now = datetime.now(UTC)
    past = {"name": "late", "expires": (now - timedelta(seconds=1)).isoformat()}
    assert manager.post("/tokens", past, headers=art).status == 400
    token = _token(manager, art, name="short", expires=(now + timedelta(days=1)).isoformat())
    assert manager.get("/jobs", headers=token).status == 200
    manager.sql("UPDATE tokens SET expires_at = ?", int(time.time() * 1e6) - 1)
    assert manager.get("/jobs", headers=token).status == 401


def test_people_see_and_revoke_their_own_tokens_only(
    manager: GuardedManager, ada: dict[str, str]
) -> None:
    art = manager.session("art")
    mine = manager.post("/tokens", {"name": "of art"}, headers=art).json["token"]["id"]
    hers = manager.post("/tokens", {"name": "of ada"}, headers=ada).json["token"]["id"]
    assert [item["id"] for item in manager.get("/tokens", headers=art).json["tokens"]] == [mine]
    assert manager.get("/tokens?all=true", headers=art).status == 403
    everybodys = manager.get("/tokens?all=true", headers=ada).json["tokens"]
    assert {item["id"] for item in everybodys} == {mine, hers}
    assert remove(manager, art, f"/tokens/{hers}") == 404
    assert remove(manager, ada, f"/tokens/{mine}") == 204


def test_no_token_makes_another_one(manager: GuardedManager, ada: dict[str, str]) -> None:
    token = _token(manager, ada, name="all of it")
    assert manager.get("/users", headers=token).status == 200
    assert manager.post("/tokens", {"name": "more"}, headers=token).status == 403
    assert manager.post("/users/art/tokens", {"name": "more"}, headers=token).status == 403


def test_a_service_belongs_to_nobody(manager: GuardedManager, ada: dict[str, str]) -> None:
    art = manager.session("art")
    wanted = {"name": "importer", "is_service": True, "role": "artist"}
    assert manager.post("/tokens", wanted, headers=art).status == 403
    service = bearer(manager.post("/tokens", wanted, headers=ada).json["secret"])
    assert manager.get("/whoami", headers=service).json["kind"] == "service"
    assert change(manager, ada, "art", role="admin") == 200
    art = manager.session("art")
    assert remove(manager, art, "/users/ada") == 204
    assert manager.post("/jobs", submission(), headers=service).status == 200
    assert manager.get("/tokens", headers=service).json == {"tokens": []}


def test_a_service_that_is_called_like_a_user_revokes_none_of_their_tokens(
    manager: GuardedManager, ada: dict[str, str]
) -> None:
    art = manager.session("art")
    personal = manager.post("/tokens", {"name": "mine"}, headers=art).json["token"]["id"]
    wanted = {"name": "art", "is_service": True, "role": "viewer"}
    made = manager.post("/tokens", wanted, headers=ada).json
    service = bearer(made["secret"])
    assert remove(manager, service, f"/tokens/{personal}") == 404
    assert remove(manager, service, f"/tokens/{made['token']['id']}") == 404
    assert remove(manager, art, f"/tokens/{personal}") == 204


def test_without_accounts_rights_are_handed_out_on_the_own_machine_only(tmp_path: Path) -> None:
    with RunningManager(tmp_path) as manager:
        new = {"name": "ada", "password": PASSWORD, "role": "admin"}
        elsewhere = {"X-Forwarded-For": "10.0.0.7"}
        refused = manager.post("/users", new, headers=elsewhere)
        assert refused.status == 403
        assert "own machine" in refused.json["message"]
        wanted = {"name": "importer", "is_service": True, "role": "admin"}
        assert manager.post("/tokens", wanted, headers=elsewhere).status == 403
        assert manager.post("/users", new).status == 200
        assert manager.post("/tokens", wanted).status == 200
        assert manager.post("/tokens", {"name": "personal"}).status == 409


def test_on_a_trusted_network_a_token_still_says_who_asks(tmp_path: Path) -> None:
    add_people(tmp_path, ada="admin")
    token = bearer(add_token(tmp_path, "ada", "admin"))
    with RunningManager(tmp_path) as manager:
        job = manager.post("/jobs", submission(), headers=token)
        assert job.status == 200
        assert manager.post("/jobs", submission(), headers=bearer("nonsense")).status == 200
        assert manager.post("/jobs", submission()).status == 200
        rows = _actors(manager)
    assert rows == ["person:ada", "person:127.0.0.1", "person:127.0.0.1"]


def _actors(manager: RunningManager) -> list[str]:

    db = sqlite3.connect(manager.config.database_file)
    try:
        found = db.execute("SELECT actor FROM audit WHERE action = 'job.submit' ORDER BY id")
        return [actor for (actor,) in found]
    finally:
        db.close()


def _token(manager: GuardedManager, who: dict[str, str], **wanted: Any) -> dict[str, str]:
    reply = manager.post("/tokens", wanted, headers=who)
    assert reply.status == 200, reply
    return bearer(reply.json["secret"])
