"""Real projects, written by real Blenders in processes of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("make_project.py")
TIME_LIMIT = 180
"""Seconds; Blender hangs at its end with some faults."""


@pytest.fixture(scope="session")
def bpy_projects(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes (once) the project of `make_project.py` with the `bpy` module."""
    made: dict[str, Path] = {}

    def project(variant: str) -> Path:
        if variant not in made:
            folder = tmp_path_factory.mktemp(f"bpy-{variant}")
            run([sys.executable, str(SCRIPT), variant, str(folder)])
            made[variant] = folder
        return made[variant]

    return project


@pytest.fixture
def project(bpy_projects: Callable[[str], Path], tmp_path: Path) -> Path:
    """A fresh copy of the project, uncompressed; holds `show` and `elsewhere`."""
    return copied(bpy_projects("plain"), tmp_path)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Shows a folder at another place, where nothing can be written, not even by root."""
    with ExitStack() as stack:

        def show(folder: Path) -> Path:
            frozen = tmp_path / "read-only"
            frozen.mkdir()
            for options in (["--bind"], ["-o", "remount,ro,bind"]):
                command = ["mount", *options, str(folder), str(frozen)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    pytest.skip(f"cannot mount a folder: {done.stderr.strip()}")
                if options == ["--bind"]:
                    stack.callback(subprocess.run, ["umount", str(frozen)], check=True)
            return frozen

        yield show


def copied(source: Path, tmp_path: Path) -> Path:
    """A copy to change; note that the scene's absolute paths still lead to the original."""
    return Path(shutil.copytree(source, tmp_path / "copy"))


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
