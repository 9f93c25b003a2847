"""Pythons with `bpy` of other Blenders than the one of the test environment, for thorough runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from extension_wheels import cache_folder
from pythons import find_python

OWN = "4.5"
"""What the test environment itself has."""
_OTHERS = {
    "4.2": ((3, 11), "bpy==4.2.*"),
    "5.0": ((3, 11), "bpy==5.0.*"),
    "5.1+": ((3, 13), "bpy>=5.1,<6"),
}
BLENDERS = [OWN, *(pytest.param(each, marks=pytest.mark.thorough) for each in _OTHERS)]
"""Parameters of tests that run in each of them, thoroughly."""
_WITH_IT = (
    *("requests", "zstandard", "PyYAML", "cattrs", "sqlite-utils"),
    "blender-asset-tracer>=1.23,<2",
)
"""What Blender brings along, and what the core needs when it comes from the checkout."""
_READY = "ready"


def bpy_python(blender: str) -> Path:
    """A Python with the `bpy` of that Blender: made once, in the user's cache."""
    if blender == OWN:
        return Path(sys.executable)
    release, requirement = _OTHERS[blender]
    folder = cache_folder() / "bpy" / blender
    python = folder / "bin" / "python"
    if not (folder / _READY).exists():
        found = find_python([release])
        if found is None:
            pytest.skip(f"there is no Python {release[0]}.{release[1]} for Blender {blender}")
        run([found, "-m", "venv", "--clear", str(folder)])
        run([str(python), "-m", "pip", "install", "--quiet", requirement, *_WITH_IT])
        (folder / _READY).touch()
    return python


def run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
