"""Libraries of libraries, with names of all kinds, are found and packed; Blender opens the pack."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from flamenco_core.packing import Packer
from flamenco_core.packing.folder_pack import pack_into_folder
from tests.flamenco_core.packing.conftest import run

SCRIPT = Path(__file__).with_name("make_deep_project.py")
OPEN = """
import os, sys
import bpy
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
for library in bpy.data.libraries:
    print("LIBRARY", os.path.abspath(bpy.path.abspath(library.filepath)))
for image in bpy.data.images:
    print("IMAGE", image.has_data or bool(image.pixels), tuple(image.size))
sys.stdout.flush()
os._exit(0)
"""


def test_everything_comes_along_from_four_levels_deep(tmp_path: Path) -> None:
    root, storage = tmp_path / "project", tmp_path / "storage"
    storage.mkdir()
    run([sys.executable, str(SCRIPT), str(root)])
    plan = Packer(root / "show/Szene/Größe.blend").prepare()
    assert plan.missing == ()
    outside = (root / "far away").as_posix().lstrip("/")
    assert {file.path_in_pack for file in plan.files} == {
        "Szene/Größe.blend",
        "a/ä.blend",
        "b/ß/木.blend",
        f"_outside_project/{outside}/Ω.blend",
        f"_outside_project/{outside}/été.png",
    }
    folder = pack_into_folder(plan, storage, "deep", now=lambda: datetime.now(UTC))
    root.rename(tmp_path / "moved away")
    script = tmp_path / "open.py"
    script.write_text(OPEN, encoding="utf-8")
    printed = run([sys.executable, str(script), str(folder / plan.blend_in_pack)]).splitlines()
    libraries = {line.partition(" ")[2] for line in printed if line.startswith("LIBRARY")}
    assert libraries == {
        str(folder / file.path_in_pack)
        for file in plan.files
        if file.path_in_pack.endswith(".blend") and file.path_in_pack != plan.blend_in_pack
    }
    assert "IMAGE True (4, 4)" in printed
