"""`flamenco-manager user …`, on a farm that runs and on one that does not."""

from __future__ import annotations

import io
import stat
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from flamenco_core.config import Authentication, load_config
from flamenco_core.errors import Conflict
from flamenco_core.manager import Manager
from manager_service.cli import main
from tests.manager_service.people import PASSWORD, GuardedManager, add_people, bearer
from tests.manager_service.running_manager import RunningManager, submission

TIME_LIMIT = 60


@dataclass(frozen=True)
class Outcome:
    returncode: int
    stdout: str
    stderr: str


def user(home: Path, *arguments: str, stdin: str = "") -> Outcome:
    """Runs the command in this process, which is quicker."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            code = main(["--home", str(home), "user", *arguments])
        except SystemExit as end:
            code = int(end.code or 0)
    return Outcome(code, out.getvalue(), err.getvalue())


def done(home: Path, *arguments: str, stdin: str = "") -> str:
    """What a command has printed that went well."""
    result = user(home, *arguments, stdin=stdin)
    assert result.returncode == 0, result
    notes = result.stderr.splitlines()
    assert set(notes) <= {"The token is shown this once:", no_farm(home)}
    return result.stdout


def no_farm(home: Path) -> str:
    """What is said of a farm that is made for an account."""
    return f"There was no farm at {home / 'flamenco-manager.sqlite'}; it was made."


def test_it_is_said_where_a_farm_is_made_for_an_account(tmp_path: Path) -> None:
    first = user(tmp_path, "add", "ada", stdin=f"{PASSWORD}\n")
    assert (first.returncode, first.stderr) == (0, f"{no_farm(tmp_path)}\n")
    second = user(tmp_path, "add", "ben", stdin=f"{PASSWORD}\n")
    assert (second.returncode, second.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["passwd", "ada"],
        ["role", "ada", "admin"],
        ["disable", "ada"],
        ["remove", "ada"],
        ["token", "ada"],
        ["token", "--service", "importer", "--role", "viewer"],
    ],
)
def test_nothing_but_a_first_account_makes_a_farm(tmp_path: Path, arguments: list[str]) -> None:
    home = tmp_path / "mistyped"
    result = user(home, *arguments, stdin=f"{PASSWORD}\n")
    assert (result.returncode, result.stdout) == (1, "")
    assert f"There is no farm at {home / 'flamenco-manager.sqlite'}" in result.stderr
    assert "--home" in result.stderr
    assert not home.exists()


def test_the_first_admin_is_made_before_the_manager_ever_runs(tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "manager_service.cli", "--home", str(tmp_path)]
    subprocess.run(
        [*arguments, "user", "add", "Ada", "--role", "admin"],
        input=f"{PASSWORD}\n",
        text=True,
        timeout=TIME_LIMIT,
        check=True,
    )
    with RunningManager(tmp_path, authentication=Authentication.LOCAL) as manager:
        login = {"name": "ada", "password": PASSWORD}
        assert manager.post("/login", login).json["role"] == "admin"


def test_accounts_are_changed_while_the_manager_runs(tmp_path: Path) -> None:
    add_people(tmp_path, ada="admin")
    with GuardedManager(tmp_path) as manager:
        done(tmp_path, "add", "art", stdin=PASSWORD)
        assert manager.log_in("art").json["role"] == "artist"
        listed = done(tmp_path, "list").splitlines()
        assert [line.split()[:2] for line in listed] == [["ada", "admin"], ["art", "artist"]]
        session = manager.session("art")
        done(tmp_path, "role", "art", "wrangler")
        assert manager.get("/whoami", headers=session).json["role"] == "wrangler"
        done(tmp_path, "passwd", "art", stdin="another pass phrase\r\n")
        assert manager.get("/jobs", headers=session).status == 401
        assert manager.log_in("art", "another pass phrase").status == 200
        secret = done(tmp_path, "token", "art", "--role", "viewer", "--days", "3").strip()
        assert manager.get("/jobs", headers=bearer(secret)).status == 200
        assert manager.post("/jobs", submission(), headers=bearer(secret)).status == 403
        service = done(tmp_path, "token", "--service", "importer", "--role", "artist").strip()
        assert manager.get("/whoami", headers=bearer(service)).json["kind"] == "service"
        done(tmp_path, "disable", "art")
        assert manager.get("/jobs", headers=bearer(secret)).status == 401
        done(tmp_path, "enable", "art")
        assert manager.get("/jobs", headers=bearer(secret)).status == 200
        done(tmp_path, "remove", "art")
        assert manager.get("/jobs", headers=bearer(secret)).status == 401
        assert manager.sql("SELECT count(*) FROM tokens")[0][0] == 1
        refused = user(tmp_path, "remove", "ada")
        assert refused.returncode == 1
        assert "only admin" in refused.stderr


def test_a_farm_that_is_not_running_is_changed_in_its_file(tmp_path: Path) -> None:
    add_people(tmp_path, ada="admin", art="artist")
    done(tmp_path, "role", "art", "viewer")
    secret = done(tmp_path, "token", "art").strip()
    service = done(tmp_path, "token", "--service", "importer", "--role", "artist").strip()
    done(tmp_path, "passwd", "ada", stdin="another pass phrase\n")
    with GuardedManager(tmp_path) as manager:
        assert manager.get("/whoami", headers=bearer(secret)).json["role"] == "viewer"
        assert manager.get("/whoami", headers=bearer(service)).json["role"] == "artist"
        assert manager.log_in("ada", "another pass phrase").status == 200


def test_accounts_can_be_made_before_they_are_switched_on(tmp_path: Path) -> None:
    with RunningManager(tmp_path) as manager:
        done(tmp_path, "add", "ada", "--role", "admin", stdin=PASSWORD)
        assert [user["name"] for user in manager.get("/users").json["users"]] == ["ada"]


@pytest.mark.parametrize("password", ["", "short", "aaaaaaaaaaaaaaaaaaaa"])
def test_a_password_that_is_easily_guessed_is_refused(tmp_path: Path, password: str) -> None:
    result = user(tmp_path, "add", "ada", stdin=f"{password}\n")
    assert result.returncode == 1
    assert "password" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "flamenco-manager.sqlite").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["remove", "nobody"], "no user nobody"),
        (["add", "../x"], "cannot be the name"),
        (["token", "--service", "importer"], "--role"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    add_people(tmp_path, ada="admin")
    result = user(tmp_path, *arguments, stdin=PASSWORD)
    assert result.returncode == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("days", ["0", "-3", "1.5", "99999999999", "soon"])
def test_a_token_counts_for_days_that_there_are(tmp_path: Path, days: str) -> None:
    done(tmp_path, "add", "art", stdin=f"{PASSWORD}\n")
    refused = user(tmp_path, "token", "art", f"--days={days}")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"'{days}' is not a number from 1 to 36500" in refused.stderr


def test_there_is_no_way_to_say_a_password_on_the_command_line(tmp_path: Path) -> None:
    assert user(tmp_path, "add", "ada", "--password", PASSWORD).returncode == 2


def test_the_key_of_a_running_manager_is_for_its_user_alone(tmp_path: Path) -> None:
    key = tmp_path / "flamenco-manager.sqlite.key"
    with RunningManager(tmp_path):
        if sys.platform != "win32":
            assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert not key.exists()


def test_a_farm_that_another_program_holds_cannot_be_changed(tmp_path: Path) -> None:
    with Manager.open(tmp_path / "flamenco-manager.sqlite"):
        result = user(tmp_path, "list")
    assert result.returncode == 1
    assert "is run by process" in result.stderr


def test_a_manager_that_ended_badly_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "flamenco-manager.sqlite.key").write_text(
        '{"url": "http://localhost:1", "key": ""}'
    )
    done(tmp_path, "add", "ada", "--role", "admin", stdin=PASSWORD)


def test_accounts_cannot_be_switched_on_while_nobody_could_log_in(tmp_path: Path) -> None:
    add_people(tmp_path, art="artist")
    with pytest.raises(Conflict) as refused, GuardedManager(tmp_path):
        pass
    assert "flamenco-manager user add NAME --role admin" in str(refused.value)


def test_they_cannot_be_switched_on_over_http_either(tmp_path: Path) -> None:
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text("manager_name: Studio\n")
    config = load_config(file, home=tmp_path, environment={})
    change = {"settings": {"authentication": "local"}}
    with RunningManager(tmp_path, config=config) as manager:
        refused = manager.request("PATCH", "/configuration/settings", json_body=change)
        assert refused.status == 400
        assert refused.problems == ["authentication"]
        assert "flamenco-manager user add" in refused.json["problems"][0]["hint"]
        whole = manager.request(
            "PUT",
            "/configuration/text",
            body=b"authentication: local\n",
            headers={"Content-Type": "application/yaml", "If-Match": "*"},
        )
        assert whole.status == 400
        assert file.read_text() == "manager_name: Studio\n"
        done(tmp_path, "add", "ada", "--role", "admin", stdin=PASSWORD)
        reply = manager.request("PATCH", "/configuration/settings", json_body=change)
        assert reply.status in (200, 204), reply
    assert "local" in file.read_text()
