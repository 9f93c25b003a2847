"""Farms and scenes for the tests of the whole farm."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkouts import ROOT
from tests.farm.farm import Farm, bpy_program, run_blender
from tests.farm.killing_proxy import KillingProxy
from tests.ports import free_port


@pytest.fixture(scope="session")
def blender(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bpy` wheel as a program."""
    return bpy_program(tmp_path_factory.mktemp("bin"))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, blender: Path) -> Path:
    """The folder with the scene that the quick start makes."""
    folder = tmp_path_factory.mktemp("demo")
    run_blender(blender, "--python", ROOT / "scripts" / "demo_scene.py", "--", folder)
    return folder


@pytest.fixture
def farm(tmp_path: Path, blender: Path) -> Iterator[Farm]:
    """A farm with a running Manager; the test starts the Worker."""
    farm = Farm(tmp_path / "farm", blender)
    farm.start_manager()
    yield farm
    farm.stop()


@pytest.fixture
def idle_farm(tmp_path: Path) -> Iterator[Farm]:
    """A farm with a running Manager and without Blender."""
    farm = Farm(tmp_path / "farm", Path(sys.executable))
    farm.start_manager()
    yield farm
    farm.stop()


@pytest.fixture
def proxy() -> Iterator[KillingProxy]:
    proxy = KillingProxy(free_port())
    yield proxy
    proxy.close()
