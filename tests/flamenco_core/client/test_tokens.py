"""Clients show who they are to a Manager that wants to know it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.client import AccountsClient, ManagerClient, ManagerRefused
from flamenco_core.client.credentials_file import StoredToken, forget_token, store_token
from flamenco_core.errors import InvalidInput
from flamenco_core.model import Login, NewToken, NewUser, UserChange, UserRole
from tests.manager_service.people import PASSWORD, GuardedManager, add_people, add_token
from tests.manager_service.running_manager import TIME_LIMIT, submission


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedManager]:
    monkeypatch.setenv("FLAMENCO_CREDENTIALS", str(tmp_path / "credentials.json"))
    monkeypatch.delenv("FLAMENCO_TOKEN", raising=False)
    home = tmp_path / "farm"
    add_people(home, ada="admin", art="artist", vic="viewer")
    for name, role in {"ada": "admin", "art": "artist", "vic": "viewer"}.items():
        add_token(home, name, role)
    with GuardedManager(home) as running:
        yield running


def url(manager: GuardedManager) -> str:
    return f"http://127.0.0.1:{manager.port}"


def name_of(manager: GuardedManager, token: str | None = None) -> str | None:
    with AccountsClient(url(manager), token=token) as client:
        return client.who_am_i().name


def test_the_argument_counts_more_than_the_environment_and_that_more_than_the_file(
    manager: GuardedManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert name_of(manager) is None
    store_token(url(manager), StoredToken("1", "vic", "flamenco_vic-viewer-False"))
    assert name_of(manager) == "vic"
    monkeypatch.setenv("FLAMENCO_TOKEN", "flamenco_art-artist-False")
    assert name_of(manager) == "art"
    assert name_of(manager, "flamenco_ada-admin-False") == "ada"
    assert name_of(manager, "") is None
    monkeypatch.delenv("FLAMENCO_TOKEN")
    forget_token(url(manager))
    assert name_of(manager) is None


def test_the_file_holds_the_tokens_of_several_managers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "new" / "credentials.json"
    environment = {"FLAMENCO_CREDENTIALS": str(file)}
    for host in ("one", "two"):
        token = StoredToken(f"id of {host}", "ada", f"secret of {host}")
        assert store_token(f"http://{host}:8080", token, environment) == file
    forget_token("http://ONE:8080", environment)
    assert list(json.loads(file.read_text())) == ["http://two:8080"]
    assert "secret" not in repr(StoredToken("id", "ada", "secret"))


def test_a_token_that_cannot_be_one_is_refused_without_being_repeated() -> None:
    for token in ("two\nlines", "ünicode"):
        with pytest.raises(InvalidInput) as refused:
            ManagerClient("http://localhost:1", token=token)
        assert token not in str(refused.value)


def test_a_refusal_says_which_role_is_needed(manager: GuardedManager) -> None:
    with ManagerClient(url(manager), token="flamenco_vic-viewer-False") as client:
        job = manager.post("/jobs", submission(), headers=manager.session("art")).json["id"]
        with pytest.raises(ManagerRefused, match="needs the role artist") as refused:
            client.delete_job(job)
        assert refused.value.status == 403


def test_following_shows_the_token_too(manager: GuardedManager) -> None:
    with ManagerClient(url(manager)) as stranger, pytest.raises(ManagerRefused) as refused:
        stranger.follow("jobs")
    assert refused.value.status == 401
    with (
        ManagerClient(url(manager), token="flamenco_vic-viewer-False") as client,
        client.follow("jobs") as stream,
    ):
        manager.post("/jobs", submission(), headers=manager.session("art"))
        assert stream.next(timedelta(seconds=TIME_LIMIT)) is not None


def test_admins_keep_accounts_from_scripts(manager: GuardedManager) -> None:
    with AccountsClient(url(manager), token="flamenco_ada-admin-False") as client:
        new = NewUser(name="wim", password=PASSWORD, role=UserRole.VIEWER)
        assert client.add_user(new).role is UserRole.VIEWER
        assert client.change_user("wim", UserChange(role=UserRole.WRANGLER)).role == "wrangler"
        client.reset_password("wim", "another pass phrase")
        assert [user.name for user in client.fetch_users()] == ["ada", "art", "vic", "wim"]
        login = Login(name="wim", password="another pass phrase")
        with AccountsClient(url(manager), token="") as stranger:
            made = stranger.token_for_login(login, NewToken(name="script"))
        assert made.token.role is UserRole.WRANGLER
        tokens = {token.owner for token in client.fetch_tokens(of_everybody=True)}
        assert tokens == {"ada", "art", "vic", "wim"}
        client.revoke_token(made.token.id)
        assert name_of(manager, made.secret) is None
        client.delete_user("wim")
        assert len(client.fetch_users()) == 3
