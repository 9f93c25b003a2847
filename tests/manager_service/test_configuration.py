"""The program with a configuration file of long ago, and with settings of the environment."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.manager_service.test_command_line import TIME_LIMIT, run, running
from tests.ports import free_port


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=TIME_LIMIT) as answer:
        return json.load(answer)


def test_a_file_of_flamenco_2_and_the_environment_set_the_manager_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = tmp_path / "farm"
    (tmp_path / "flamenco-manager.yaml").write_text(
        "mode: production\n"
        "manager_name: Old farm\n"
        f"listen: '127.0.0.1:{free_port()}'\n"
        "shared_storage_path: '{render}/flamenco'\n"
        "variables:\n"
        "  ffmpeg: {linux: /usr/bin/ffmpeg}\n"
        "path_replacement:\n"
        f"  render: {{linux: '{storage.as_posix()}', darwin: '{storage.as_posix()}',"
        f" windows: '{storage.as_posix()}', plan9: /n/farm}}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("FLAMENCO_MANAGER_NAME", "Container farm")
    with running("--home", tmp_path) as (process, url):
        assert get(f"{url}api/v3/version")["name"] == "Container farm"
        variables = get(f"{url}api/v3/configuration/variables/workers/plan9")
        assert variables["render"] == {"value": "/n/farm", "is_twoway": True}
        told = get(f"{url}api/v3/configuration/shared-storage/workers/plan9")
        assert told["location"] == "/n/farm/flamenco"
        assert (storage / "flamenco").is_dir()
        process.terminate()
        _, errors = process.communicate(timeout=TIME_LIMIT)
    assert "line 1: the file has the form of Flamenco 2" in errors
    assert "line 1, mode: has no meaning here" in errors


def test_two_variables_of_one_name_keep_the_manager_from_starting(tmp_path: Path) -> None:
    (tmp_path / "flamenco-manager.yaml").write_text(
        "variables:\n  render: {linux: /a}\npath_replacement:\n  render: {linux: /b}\n",
        encoding="utf-8",
    )
    ended = run("--home", tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "line 4, path_replacement.render: the name render is taken" in ended.stderr
    assert not list(tmp_path.glob("*.sqlite"))
