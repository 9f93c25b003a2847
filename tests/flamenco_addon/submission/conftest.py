"""A farm for all tests of this folder that need a Manager, and no Worker unless they start one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.farm.farm import Farm, bpy_program


@pytest.fixture(scope="session")
def blender_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bpy` wheel as a program for Workers."""
    return bpy_program(tmp_path_factory.mktemp("bin"))


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, blender_program: Path) -> Iterator[Farm]:
    farm = Farm(tmp_path_factory.mktemp("farm") / "farm", blender_program)
    farm.start_manager()
    yield farm
    farm.stop()
