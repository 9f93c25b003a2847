"""Commands of a studio's own, from a distribution that is really installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flamenco_worker.blenders import ROOT
from tests.flamenco_worker.protocol_manager import ProtocolManager, command, task_of

TASK = "11111111-1111-4111-8111-111111111111"
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "studio-commands"
version = "1.2"
[project.entry-points."flamenco_worker.commands"]
publish = "studio_commands:Publish"
echo = "studio_commands:LoudEcho"
broken = "studio_commands.missing:Broken"
not-a-command = "studio_commands:nothing"
"""
MODULE = '''\
"""Commands as a studio would write them."""

from dataclasses import dataclass
from pathlib import Path

from flamenco_worker.commands import CommandFailed, ParameterReader

nothing = None


@dataclass(frozen=True)
class Publish:
    path: Path
    version: int

    @classmethod
    def from_parameters(cls, parameters):
        reader = ParameterReader("publish", parameters)
        command = cls(Path(reader.text("path")), int(reader.number("version", least=1)))
        reader.check()
        return command

    def run(self, context):
        if not self.path.exists():
            raise CommandFailed(f"There is nothing to publish: {self.path}")
        context.activity("publishing")
        context.run([context.program("python"), "-c", f"print('published', {self.version})"])


@dataclass(frozen=True)
class LoudEcho:
    message: str

    @classmethod
    def from_parameters(cls, parameters):
        return cls(parameters["message"])

    def run(self, context):
        context.log(self.message.upper())
'''


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the studio's distribution is installed into, by pip."""
    project = tmp_path_factory.mktemp("project")
    (project / "studio_commands").mkdir()
    (project / "studio_commands" / "__init__.py").write_text(MODULE, encoding="utf-8")
    (project / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--quiet"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(folder), str(project)],
        check=True,
        timeout=120,
    )
    return folder


@pytest.fixture
def manager() -> Iterator[ProtocolManager]:
    with ProtocolManager() as running:
        yield running


def run_one_task(
    manager: ProtocolManager, installed: Path, home: Path, name: str, **parameters: Any
) -> tuple[str, str]:
    """Lets a worker that finds the distribution run a task; returns its last status and its log."""
    manager.hand_out(task_of(TASK, command(name, **parameters)))
    done = subprocess.run(
        [sys.executable, "-m", "flamenco_worker", "--single", "--manager", manager.url],
        cwd=installed,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(installed)])}
        | {"FLAMENCO_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return manager.statuses_of(TASK)[-1], manager.log_of(TASK)


def test_an_installed_command_runs_like_a_built_in_one(
    manager: ProtocolManager, installed: Path, tmp_path: Path
) -> None:
    status, log = run_one_task(
        manager, installed, tmp_path, "publish", path=str(installed), version=3
    )
    assert status == "completed"
    assert "> published 3" in log


def test_its_parameters_are_checked_and_its_failures_told(
    manager: ProtocolManager, installed: Path, tmp_path: Path
) -> None:
    status, log = run_one_task(manager, installed, tmp_path, "publish", path="", version=0)
    assert status == "failed"
    assert "parameters.path: is empty" in log
    assert "parameters.version: is 0, it must be at least 1" in log
    status, log = run_one_task(manager, installed, tmp_path, "publish", path="/none", version=1)
    assert status == "failed"
    assert "There is nothing to publish: /none" in log


def test_it_may_take_the_place_of_a_built_in_command(
    manager: ProtocolManager, installed: Path, tmp_path: Path
) -> None:
    status, log = run_one_task(manager, installed, tmp_path, "echo", message="hello")
    assert (status, log) == ("completed", "HELLO\n")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("broken", "cannot be imported: ModuleNotFoundError: No module named 'studio_commands.mis"),
        ("not-a-command", "is None, which lacks from_parameters or run"),
        ("unheard-of", "it knows blender-render, broken, concatenate-videos"),
    ],
)
def test_one_that_cannot_be_used_fails_its_task_and_nothing_else(
    manager: ProtocolManager, installed: Path, tmp_path: Path, name: str, why: str
) -> None:
    status, log = run_one_task(manager, installed, tmp_path, name, message="x")
    assert status == "failed"
    assert why in log
    if name in ("broken", "not-a-command"):
        assert f"The command {name} of studio-commands 1.2 cannot be used" in log
