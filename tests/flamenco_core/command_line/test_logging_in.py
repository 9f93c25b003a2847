"""`flamenco login`, `logout` and `whoami`, and how the other commands show the token."""

from __future__ import annotations

import io
import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flamenco_core.command_line.conftest import Program
from tests.manager_service.people import PASSWORD, GuardedManager, add_people, bearer
from tests.manager_service.running_manager import RunningManager


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[GuardedManager]:
    add_people(tmp_path / "guarded", ada="admin", vic="viewer")
    with GuardedManager(tmp_path / "guarded") as running:
        yield running


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of tokens, which is not there yet."""
    path = tmp_path / "config" / "credentials.json"
    monkeypatch.setenv("FLAMENCO_CREDENTIALS", str(path))
    monkeypatch.delenv("FLAMENCO_TOKEN", raising=False)
    return path


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))


@pytest.mark.usefixtures("typed")
def test_after_a_login_all_commands_are_let_in_until_the_logout(
    flamenco: Program, guarded: GuardedManager, kept: Path
) -> None:
    refused = flamenco("jobs", manager=guarded)
    assert refused.code == 1
    assert "flamenco login" in refused.err
    logged_in = flamenco("login", "--name", "Vic")
    assert logged_in.code == 0, logged_in.err
    assert "Logged in as vic (viewer)" in logged_in.out
    if sys.platform != "win32":
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert flamenco("jobs").code == 0
    assert flamenco("whoami").out == "vic (viewer)\n"
    assert flamenco("whoami", "--json").json["kind"] == "person"
    secret = next(iter(json.loads(kept.read_text()).values()))["token"]
    assert PASSWORD not in kept.read_text()
    assert flamenco("logout").code == 0
    assert guarded.get("/jobs", headers=bearer(secret)).status == 401
    assert flamenco("jobs").code == 1
    assert flamenco("logout").code == 1
    assert guarded.sql("SELECT 1 FROM sessions") == [], "the login left no session behind"


def test_logging_in_again_revokes_the_token_of_before(
    flamenco: Program, guarded: GuardedManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
        assert flamenco("login", "--name", "ada", manager=guarded).code == 0
    assert guarded.sql("SELECT count(*) FROM tokens") == [(1,)]


def test_a_wrong_password_leaves_nothing_behind(
    flamenco: Program, guarded: GuardedManager, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("something wrong\n"))
    ended = flamenco("login", "--name", "ada", manager=guarded)
    assert ended.code == 1
    assert "name or the password is wrong" in ended.err
    assert not kept.exists()


def test_programs_show_the_token_of_the_environment(
    flamenco: Program, guarded: GuardedManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = guarded.session("ada")
    secret = guarded.post("/tokens", {"name": "program"}, headers=ada).json["secret"]
    monkeypatch.setenv("FLAMENCO_TOKEN", secret)
    assert flamenco("jobs", manager=guarded).code == 0
    assert flamenco("whoami").out == "ada (admin)\n"
    monkeypatch.setenv("FLAMENCO_TOKEN", "ünusable")
    ended = flamenco("jobs")
    assert ended.code == 1
    assert "no token" in ended.err
    assert "ünusable" not in ended.err


@pytest.mark.usefixtures("typed")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights on files")
def test_a_file_that_others_can_read_is_not_used(
    flamenco: Program, guarded: GuardedManager, kept: Path
) -> None:
    assert flamenco("login", "--name", "ada", manager=guarded).code == 0
    kept.chmod(0o644)
    ended = flamenco("jobs")
    assert ended.code == 1
    assert f"chmod 600 {kept}" in ended.err


@pytest.mark.parametrize("content", ["", "[]", "{", '{"http://127.0.0.1:PORT": 3}'])
def test_a_broken_file_is_explained(
    flamenco: Program, guarded: GuardedManager, kept: Path, content: str
) -> None:
    kept.parent.mkdir()
    kept.write_text(content.replace("PORT", str(guarded.port)))
    kept.chmod(0o600)
    ended = flamenco("jobs", manager=guarded)
    assert ended.code == 1
    assert "delete it" in ended.err
    assert "unexpected" not in ended.err


def test_a_manager_that_trusts_everybody_needs_no_login(
    flamenco: Program, farm: RunningManager
) -> None:
    ended = flamenco("login", manager=farm)
    assert ended.code == 1
    assert "trusts everybody" in ended.err
    assert "trusts everybody" in flamenco("whoami").out
    assert flamenco("jobs").code == 0


def test_another_managers_token_is_never_shown(
    flamenco: Program, guarded: GuardedManager, farm: RunningManager, kept: Path
) -> None:
    kept.parent.mkdir()
    entry = {"id": "1", "user": "ada", "token": "flamenco_of_another"}
    kept.write_text(json.dumps({"http://elsewhere:8080": entry}))
    kept.chmod(0o600)
    assert flamenco("jobs", manager=farm).code == 0
    assert "invalid_token" not in flamenco("whoami", manager=guarded).out
    assert "not logged in" in flamenco("whoami", manager=guarded).out
