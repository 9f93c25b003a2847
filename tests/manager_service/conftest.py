from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import build_web
from tests.manager_service.running_manager import RunningManager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[RunningManager]:
    with RunningManager(tmp_path / "farm") as running:
        yield running


@pytest.fixture(scope="module")
def shared_manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningManager]:
    """One Manager for all tests of a module that leave no traces, or do not mind them."""
    with RunningManager(tmp_path_factory.mktemp("farm")) as running:
        yield running


@pytest.fixture(scope="session")
def web_build() -> None:
    """The page that Managers serve is built from its sources as they are now."""
    build_web.install_packages(with_checks=True)
    build_web.build_web()
