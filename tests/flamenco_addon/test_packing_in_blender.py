"""The extension packs with what it brings itself, in Blenders of both kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkouts import ROOT
from tests.flamenco_addon.blender_window import MODULE
from tests.flamenco_addon.bpy_pythons import bpy_python
from tests.flamenco_addon.in_bpy import run_in_bpy

BLEND = ROOT / "tests/flamenco_core/packing/blender_5_0/show/shots/scene.blend"
LOOK = """
import importlib, sys
packing_process = importlib.import_module(f"{module}.packing_process")
from flamenco_core.packing import PackRequest, PackTask
run = packing_process.start(PackRequest(Path(blend), task=PackTask.LOOK))
assert run.wait(100), run.progress
assert run.outcome is not None, run.failure
imported = [name for name in sys.modules if name.startswith("blender_asset_tracer")]
answer([run.outcome.files_total, len(run.outcome.missing), imported])
"""


@pytest.mark.parametrize("blender", ["4.5", pytest.param("5.1+", marks=pytest.mark.thorough)])
def test_a_file_is_traced_without_anything_of_it_in_blender_itself(
    tmp_path: Path, request: pytest.FixtureRequest, blender: str
) -> None:
    fixture = "extension_zip" if blender == "4.5" else "extension_zip_5_1"
    total, missing, imported = run_in_bpy(
        LOOK,
        home=tmp_path,
        names={"module": MODULE, "blend": str(BLEND)},
        extension=request.getfixturevalue(fixture),
        python=bpy_python(blender),
    )
    assert (total, missing) == (5, 2)
    assert imported == []
