"""What a script may import, and what that costs."""

from __future__ import annotations

import subprocess
import sys

import flamenco_core

HEAVY = ["aiohttp", "bpy", "requests", "cattrs", "sqlite_utils", "yaml", "click", "rich"]


def test_importing_the_core_imports_nothing_heavy() -> None:
    code = f"import flamenco_core, sys; print([m for m in {HEAVY} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert result.stdout.strip() == b"[]"


def test_every_public_name_exists_and_is_listed_once() -> None:
    assert sorted(flamenco_core.__all__) == sorted(flamenco_core._HOMES)
    for name in flamenco_core.__all__:
        value = getattr(flamenco_core, name)
        assert getattr(value, "__name__", name) == name


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    assert not hasattr(flamenco_core, "Manger")
