"""A scene that uses files in every way that is traced, packed, and opened where it was packed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flamenco_core.packing import Packer, PackPlan
from flamenco_core.packing.folder_pack import pack_into_folder
from tests.flamenco_core.packing.conftest import run

SCRIPT = Path(__file__).with_name("make_wide_project.py")

LIST_PATHS = """
import os, sys
import bpy
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
def show(what, path):
    print("USES", what, os.path.abspath(bpy.path.abspath(path)))
for image in bpy.data.images:
    if image.source in ("FILE", "SEQUENCE") and not image.packed_file:
        show("image", image.filepath)
for volume in bpy.data.volumes:
    show("volume", volume.filepath)
for sound in bpy.data.sounds:
    show("sound", sound.filepath)
modifiers = bpy.data.objects["object"].modifiers
show("cache", modifiers["cache"].filepath)
show("bakes", modifiers["nodes"].bake_directory)
editor = bpy.context.scene.sequence_editor
for strip in editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all:
    if strip.type == "IMAGE":
        for element in strip.elements:
            show("strip", os.path.join(bpy.path.abspath(strip.directory), element.filename))
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wide")
    run([sys.executable, "-W", "ignore", str(SCRIPT), str(folder)])
    return folder


@pytest.fixture(scope="module")
def plan(root: Path) -> PackPlan:
    return Packer(root / "show/shots/wide.blend").prepare()


def test_every_file_is_found(root: Path, plan: PackPlan) -> None:
    assert plan.missing == ()
    outside = sorted(file for file in (root / "far").rglob("*") if file.is_file())
    assert len(outside) > 15
    assert {file.source for file in plan.files} == {
        *outside,
        root / "show/shots/wide.blend",
        root / "show/bakes/1/meta.json",
    }


def test_a_cache_that_was_not_baked_is_no_missing_file(plan: PackPlan) -> None:
    assert [cache.path.parent.name for cache in plan.absent_caches] == ["blendcache_wide"]


def test_every_path_leads_into_the_pack(plan: PackPlan, tmp_path: Path) -> None:
    folder = pack_into_folder(plan, tmp_path, "wide", now=lambda: datetime.now(UTC))
    script = tmp_path / "list.py"
    script.write_text(LIST_PATHS)
    lines = run([sys.executable, str(script), str(folder / plan.blend_in_pack)]).splitlines()
    uses = [line.split(" ", 2)[1:] for line in lines if line.startswith("USES ")]
    assert {what for what, _ in uses} == {"image", "volume", "sound", "cache", "bakes", "strip"}
    for what, path in uses:
        assert Path(path).is_relative_to(folder), (what, path)
        assert Path(path).exists(), (what, path)
