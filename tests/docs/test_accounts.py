"""What the documentation says of accounts is so."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from flamenco_core.client.credentials_file import FILE_VARIABLE, TOKEN_VARIABLE, credentials_path
from flamenco_core.model import UserRole
from flamenco_core.rules import accounts
from flamenco_worker.config import variable_of
from flamenco_worker.credentials import CREDENTIALS_NAME, Credentials, load_credentials
from manager_service.command_options import read_options
from manager_service.login_limits import OF_ACCOUNTS, OF_ADDRESSES
from manager_service.machine_key import key_file
from manager_service.user_options import add_user_options
from tests.manager_service.people import GuardedManager, add_people
from tests.manager_service.running_manager import WorkerLogin

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "accounts.md").read_text(encoding="utf-8")
FLOWING = " ".join(TEXT.split())


def rows(after: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    table = TEXT.partition(after)[2].partition("| ---")[2].partition("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]
    ]


def test_every_role_is_explained_from_the_lowest_to_the_highest() -> None:
    assert [row[0].strip("`") for row in rows("## Roles")] == [role.value for role in UserRole]


def test_every_command_is_documented_and_understood() -> None:
    documented = [row[0].strip("`") for row in rows("## Commands")]
    names = {command.split()[2] for command in documented}
    parser = argparse.ArgumentParser()
    add_user_options(parser)
    [action] = [each for each in parser._actions if isinstance(each.choices, dict)]
    assert names == set(action.choices or ())
    for command in documented:
        words = shlex.split(command.replace("NAME", "anna").replace("ROLE", "artist"))
        assert words[0] == "flamenco-manager"
        assert read_options(words[1:]).user_command == words[2]


def test_the_numbers_are_those_of_the_program() -> None:
    assert f"up to {accounts.LONGEST_NAME} letters" in FLOWING
    assert f"at least {accounts.SHORTEST_PASSWORD} characters" in FLOWING
    assert f"at most {accounts.LONGEST_PASSWORD}, all" in FLOWING
    assert f"ends {accounts.SESSION_IDLE.days} days after its last use" in FLOWING
    assert f"{accounts.SESSION_LIFETIME.days} days after its begin" in FLOWING
    assert accounts.USE_IS_NOTED_AFTER.total_seconds() == 5 * 60
    assert f"After {OF_ACCOUNTS.free} failures" in FLOWING
    assert f"after {OF_ADDRESSES.free} an address" in FLOWING
    assert (OF_ACCOUNTS.longest, OF_ADDRESSES.longest) == (60, 15 * 60)


def test_files_and_variables_have_the_documented_names(tmp_path: Path) -> None:
    of_workers = variable_of("worker_registration_secret")
    for name in (FILE_VARIABLE, TOKEN_VARIABLE, of_workers, CREDENTIALS_NAME):
        assert f"`{name}`" in TEXT
    assert f"`{key_file(tmp_path / 'flamenco-manager.sqlite').name}`" in TEXT
    path = credentials_path({"XDG_CONFIG_HOME": str(tmp_path), "APPDATA": str(tmp_path)})
    assert path.name in TEXT


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_worker_of_flamenco_3_is_registered_as_it_is_shown(tmp_path: Path) -> None:
    found = re.search(r"    (curl -u .*?register-worker)\n", TEXT, re.DOTALL)
    assert found
    add_people(tmp_path / "farm", ada="admin")
    with GuardedManager(tmp_path / "farm", worker_registration_secret="some text") as manager:
        command = found[1].replace("http://manager:8080", f"http://127.0.0.1:{manager.port}")
        answer = subprocess.run(
            command,
            shell=True,
            env={"SECRET": "some text", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        uuid = json.loads(answer.stdout)["uuid"]
        example = TEXT.partition('```yaml\nworker_id: "')[2].partition("```")[0]
        kept = 'worker_id: "' + example.replace("the uuid of the answer", uuid)
        assert set(yaml.safe_load(kept)) == {"worker_id", "worker_secret"}
        (tmp_path / CREDENTIALS_NAME).write_text(kept)
        credentials = load_credentials(tmp_path)
        assert isinstance(credentials, Credentials)
        login = WorkerLogin(credentials.worker_id, credentials.secret)
        sign_on = {"name": "w", "supported_task_types": ["misc"], "software_version": "3.8"}
        assert manager.post("/worker/sign-on", sign_on, worker=login).status == 200
