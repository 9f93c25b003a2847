"""Files of the newest Blender: everything is found that Blender itself knows of, and more.

Blender Asset Tracer 2 asks Blender, which it runs in; ours reads the files. They share no code.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extension_wheels import cache_folder
from flamenco_core.packing import Packer
from tests.flamenco_addon.bpy_pythons import bpy_python
from tests.flamenco_core.packing.conftest import run

HERE = Path(__file__).parent
LIST_FILES = """
import json, os, sys
from pathlib import Path
blend, root, asset_tracer = sys.argv[1:]
sys.path.insert(0, asset_tracer)
import bpy
from blender_asset_tracer import file_usage
bpy.ops.wm.open_mainfile(filepath=blend)
files = file_usage.dependencies_of_current_blendfile(Path(root)).file_infoes
print("FILES", json.dumps([str(file) for file in files]), flush=True)
os._exit(0)
"""

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def python() -> Path:
    return bpy_python("5.1+")


@pytest.fixture(scope="module")
def asset_tracer_2(python: Path) -> Path:
    folder = cache_folder() / "asset-tracer-2"
    if not (folder / "blender_asset_tracer").exists():
        pip = [str(python), "-m", "pip", "install", "--quiet", "--target", str(folder)]
        run([*pip, "blender-asset-tracer>=2,<3"])
    return folder


def known_to_blender(python: Path, asset_tracer: Path, blend: Path, root: Path) -> set[Path]:
    command = [str(python), "-W", "ignore", "-c", LIST_FILES, str(blend), str(root)]
    (line,) = (
        line for line in run([*command, str(asset_tracer)]).splitlines() if line.startswith("FILES")
    )
    return {Path(file) for file in json.loads(line.removeprefix("FILES "))}


@pytest.mark.parametrize(
    ("script", "blend", "more"),
    [
        ("make_project.py", "show/shots/scene.blend", set()),
        (
            "make_wide_project.py",
            "show/shots/wide.blend",
            # Blender tells of one file only where a sequence is meant.
            {"sequence002.png", "sequence003.png", "smoke_002.vdb"},
        ),
    ],
)
def test_nothing_that_blender_knows_of_is_missed(
    python: Path, asset_tracer_2: Path, tmp_path: Path, script: str, blend: str, more: set[str]
) -> None:
    run([str(python), "-W", "ignore", str(HERE / script), str(tmp_path)])
    known = known_to_blender(python, asset_tracer_2, tmp_path / blend, tmp_path)
    plan = Packer(tmp_path / blend).prepare()
    assert plan.missing == ()
    found = {file.source for file in plan.files}
    assert len(known) > 5
    assert known <= found
    assert {file.name for file in found - known} == more
