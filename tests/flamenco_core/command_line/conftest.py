"""A real Manager, and the program run in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.command_line.program import run
from tests.flamenco_core.packing.conftest import bpy_projects
from tests.manager_service.running_manager import RunningManager

__all__ = ["bpy_projects"]


@dataclass(frozen=True)
class Ended:
    """How the program ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Program = Callable[..., Ended]


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningManager]:
    """One Manager for the tests of a module that do not mind each other's jobs."""
    with RunningManager(tmp_path_factory.mktemp("farm")) as running:
        yield running


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[RunningManager]:
    """A Manager that no other test has used."""
    with RunningManager(tmp_path / "farm") as running:
        yield running


@pytest.fixture
def flamenco(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Program:
    """Runs the program with these arguments; `manager=` is the one that it talks to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FLAMENCO_MANAGER", raising=False)

    def program(*arguments: object, manager: RunningManager | None = None) -> Ended:
        if manager is not None:
            monkeypatch.setenv("FLAMENCO_MANAGER", f"http://127.0.0.1:{manager.port}")
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return program
