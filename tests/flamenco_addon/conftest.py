"""The extension as artists get it, built once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from build_extension import build_one
from extension_editions import EDITIONS


@pytest.fixture(scope="session")
def extension_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For Blender 4.2 to 5.0, on every platform, without the local farm."""
    return build_one(EDITIONS[0], None, tmp_path_factory.mktemp("extension"))


@pytest.fixture(scope="session")
def extension_zip_5_1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For Blender 5.1 and newer, on every platform, without the local farm."""
    return build_one(EDITIONS[1], None, tmp_path_factory.mktemp("extension"))
