from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.config import Config, load_config, parse_config
from flamenco_core.errors import InvalidInput, StorageError
from flamenco_core.model import Audience

HOME = Path("/farm")

FLAMENCO_3_FILE = """
_meta:
  version: 3
manager_name: Studio
database: farm.sqlite
database_check_period: 10m0s
listen: :9000
autodiscoverable: true
local_manager_storage_path: ./local
shared_storage_path: /mnt/shared
shaman:
  enabled: false
  garbageCollect: {period: 24h0m0s, maxAge: 744h0m0s}
task_timeout: 20m0s
worker_timeout: 1m30s
blocklist_threshold: 5
task_fail_after_softfail_count: 2
mqtt: {client: {enabled: false, broker: ""}}
variables:
  blender:
    values:
      - platform: linux
        value: /opt/blender/blender
  blenderArgs:
    values:
      - platform: all
        value: -b -y
"""


def parse(text: str) -> Config:
    return parse_config(text, name="flamenco-manager.yaml", home=HOME)


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    return [str(problem) for problem in caught.value.problems]


def test_a_file_of_flamenco_3_is_read() -> None:
    config = parse(FLAMENCO_3_FILE)
    assert config.manager_name == "Studio"
    assert config.listen == ":9000"
    assert config.worker_timeout == timedelta(seconds=90)
    assert config.blocklist_threshold == 5
    assert config.database_file == HOME / "farm.sqlite"
    assert config.job_storage == Path("/mnt/shared")
    workers = config.variables_for(Audience.WORKERS, "linux").values
    assert workers["blender"] == "/opt/blender/blender"
    assert workers["jobs"] == "/mnt/shared"


def test_an_empty_file_means_the_defaults() -> None:
    assert parse("") == Config(home=HOME)


def test_the_job_storage_lies_in_its_own_folder_when_shaman_shares_the_storage() -> None:
    config = parse("shared_storage_path: /mnt/shared")
    assert config.job_storage == Path("/mnt/shared/jobs")
    assert config.file_store == Path("/mnt/shared/file-store")


def test_every_problem_is_named_with_its_line() -> None:
    found = problems(
        "manager_nam: x\n"
        "task_timeout: 10\n"
        "blocklist_threshold: none\n"
        "shaman:\n"
        "  enabled: maybe\n"
        "variables:\n"
        "  tool: {values: [{value: x}]}\n"
    )
    assert [problem.split(", ")[1] for problem in found] == [
        *("line 1", "line 2", "line 3", "line 5", "line 7")
    ]
    assert "did you mean manager_name?" in found[0]


def test_a_loop_between_variables_is_refused() -> None:
    text = "variables:\n  a: {values: [{platform: all, value: '{a}/x'}]}\n"
    assert "a → a" in problems(text)[0] or "variables.a" in problems(text)[0]


def test_broken_yaml_is_refused_with_its_line() -> None:
    assert "line 2" in problems("listen: ':80\nmanager_name: x")[0]


def test_another_version_of_the_file_is_refused() -> None:
    assert "version 3, not 2" in problems("_meta: {version: 2}")[0]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nothing\.yaml"):
        load_config(tmp_path / "nothing.yaml")
