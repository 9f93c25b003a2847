"""What the documentation says of a worker's settings is what it takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from flamenco_core.errors import InvalidInput
from flamenco_core.job_types.library import JobTypeLibrary
from flamenco_core.model import Command
from flamenco_worker.commands import COMMANDS, CommandFailed, make_command
from flamenco_worker.commands.registry import OTHER_NAMES
from flamenco_worker.config import DEFAULT_TASK_TYPES, load_config, variable_of
from tests.flamenco_worker.conftest import RecordedTask, task
from tests.manager_service.upstream.test_commands import FLAMENCO_2_COMMANDS

__all__ = ["task"]

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "workers.md").read_text(encoding="utf-8")
_SETTINGS, _COMMANDS = TEXT.partition("## Commands")[::2]
_ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| .+ \|$", re.MULTILINE)


def documented() -> dict[str, str]:
    """The settings with their defaults, as they stand in the table."""
    return dict(_ROW.findall(_SETTINGS))


def test_the_table_has_every_setting_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "flamenco-worker.yaml"
    file.write_text("no_such_setting: 1")
    with pytest.raises(InvalidInput) as refused:
        load_config(config_file=file, home=tmp_path, environment={})
    known = refused.value.problems[0].hint.removeprefix("known are ").split(", ")
    assert sorted(documented()) == sorted(known)


def test_the_defaults_are_those_of_the_table(tmp_path: Path) -> None:
    config = load_config(home=tmp_path, environment={})
    for name, text in documented().items():
        if not text.startswith("`"):
            continue
        default = getattr(config, name.removesuffix("_seconds"))
        written = load_config(home=tmp_path, environment={variable_of(name): text.strip("`")})
        assert getattr(written, name.removesuffix("_seconds")) == default, name
    assert list(DEFAULT_TASK_TYPES) == yaml.safe_load(documented()["task_types"].strip("`"))


def test_the_examples_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "flamenco-worker.yaml"
    for example in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL):
        file.write_text(example)
        load_config(config_file=file, home=tmp_path, environment={})


def test_the_table_of_commands_has_every_command_and_its_parameters() -> None:
    rows = re.findall(r"^\| (`.+`) \| (`.+`) \| .+ \|$", _COMMANDS, re.MULTILINE)
    named = {name: parameters for names, parameters in rows for name in _quoted(names)}
    assert named.keys() == COMMANDS.keys()
    for name, parameters in named.items():
        with pytest.raises(InvalidInput) as refused:
            make_command(Command(name=name, parameters={}, total_step_count=0))
        missing = {problem.where.split(".")[-1] for problem in refused.value.problems}
        assert missing <= set(_quoted(parameters)), name


def test_every_command_of_flamenco_2_has_the_same_name_or_another_that_is_told() -> None:
    instead = dict(re.findall(r"^\| `(\w+_\w+)` \| (.+) \|$", _COMMANDS, re.MULTILINE))
    known = COMMANDS.keys() | OTHER_NAMES.keys()
    assert instead.keys() == set(FLAMENCO_2_COMMANDS) - known
    job_types = {job_type.name for job_type in JobTypeLibrary([]).available()}
    for name, text in instead.items():
        told = set(_quoted(text))
        assert told or name == "log_a_lot"
        assert told <= COMMANDS.keys() | job_types


def test_the_example_of_a_command_runs(tmp_path: Path, task: RecordedTask) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", _COMMANDS, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(source, "docs/workers.md", "exec"), names)
    publish = names["Publish"]
    with pytest.raises(InvalidInput, match=r"parameters\.path: is missing"):
        publish.from_parameters({})
    with pytest.raises(CommandFailed, match="nothing to publish"):
        publish.from_parameters({"path": str(tmp_path / "none")}).run(task.context())


def _quoted(text: str) -> list[str]:
    return re.findall(r"`([\w-]+)`", text)
