"""What runs our programs: Blender's own Python if it can be found and works, else Blender."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flamenco_addon import host_python
from flamenco_core.packing import PackRequest, PackTask, start_packing
from tests.checkouts import ROOT

BLEND = ROOT / "tests/flamenco_core/packing/blender_5_0/show/shots/scene.blend"


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    host_python._found.cache_clear()
    yield
    host_python._found.cache_clear()


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_python_that_blender_names_is_used() -> None:
    assert host_python.find_host("/no/blender").command == (sys.executable, "-I")


@pytest.mark.parametrize(
    "script", ["echo 2.7", "exit 1", "echo broken >&2; exit 127"], ids=["other", "fails", "broken"]
)
def test_a_python_that_does_not_work_gives_way_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(sys, "executable", str(program(tmp_path / "python3.11", script)))
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    named = Path(sys.prefix, "bin", version)
    assert host_python.find_host("/no/blender").command == (str(named), "-I")


@pytest.mark.parametrize("named", ["blender", ""])
def test_without_a_python_blender_is_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    blender = program(tmp_path / "bin/python3", "echo this is Blender") if named else tmp_path
    monkeypatch.setattr(sys, "executable", named and str(tmp_path / "blender"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    host = host_python.find_host(str(blender))
    assert host == host_python.blender_host(str(blender))


def test_blender_itself_can_pack(tmp_path: Path) -> None:
    """As where no Python lies beside it."""
    blender = shutil.which("blender")
    if blender is None:
        pytest.skip("there is no blender; scripts/test.py installs it")
    request = PackRequest(BLEND, task=PackTask.LOOK)
    # Neither gets it the library of the Python that runs this: it is another version's. A Blender
    # that brings no Python takes the library of the first Python in PATH, as does a test
    # environment that stands there.
    paths = [str(ROOT), sysconfig.get_path("purelib")]
    environment = os.environ | {"PATH": os.defpath}
    host = replace(host_python.blender_host(blender), environment=environment)
    run = start_packing(request, lambda: host, paths=paths)
    assert run.wait(120)
    assert run.outcome is not None, run.failure
    assert (run.outcome.files_total, len(run.outcome.missing)) == (5, 2)
