"""What a script may import, and what that costs."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

import flamenco_core
from flamenco_core import model, packing

HEAVY = ["aiohttp", "bpy", "requests", "cattrs", "sqlite_utils", "yaml", "click", "rich"]


def test_importing_the_core_imports_nothing_heavy() -> None:
    code = f"import flamenco_core, sys; print([m for m in {HEAVY} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert result.stdout.strip() == b"[]"


@pytest.mark.parametrize(
    "package", [flamenco_core, model, packing], ids=lambda package: package.__name__
)
def test_every_public_name_exists_and_is_listed_once(package: ModuleType) -> None:
    listed = [name for names in package._MODULES.values() for name in names.split()]
    assert sorted(package.__all__) == sorted(listed) == dir(package)
    for name in package.__all__:
        value = getattr(package, name)
        assert getattr(value, "__name__", name) == name
        assert name in vars(package), "it is looked up again and again"


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    assert not hasattr(flamenco_core, "Manger")
    assert not hasattr(model, "Jub")


def test_only_what_is_asked_for_of_the_model_is_imported() -> None:
    code = (
        "import sys; from flamenco_core.model import JobPlan;"
        "print(sorted(m for m in sys.modules if m.startswith('flamenco_core.model.')))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert result.stdout.strip() == b"['flamenco_core.model.forecast']"
