"""What is read from a file without Blender is what Blender wrote."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from flamenco_core.packing import BlendFacts, PackingError, SceneFacts, read_blend_facts
from flamenco_core.packing.scene_facts import ImageFormat
from tests.flamenco_core.packing.conftest import SCRIPT, run

FPS = 30 / 1.001

SHOT = SceneFacts(
    name="Shot 10 – Größe",
    frame_start=3,
    frame_end=7,
    fps=pytest.approx(FPS),  # type: ignore[arg-type]
    width=100,
    height=50,
    image_format=ImageFormat("OPEN_EXR", ".exr"),
    has_previews=True,
)
OTHER = SceneFacts(
    name="Other",
    frame_start=100,
    frame_end=101,
    fps=24.0,
    width=1920,
    height=1080,
    image_format=ImageFormat("JPEG", ".jpg"),
    has_previews=False,
)


def check(facts: BlendFacts, version: str) -> None:
    assert facts.blender_version == version
    assert facts.scene() == SHOT
    assert facts.scene("Other") == OTHER
    assert facts.scene("Nobody") is None
    assert len(facts.scenes) == 2


@pytest.mark.parametrize("variant", ["plain", "compressed"])
def test_scenes_of_blender_4_5(bpy_projects: Callable[[str], Path], variant: str) -> None:
    check(read_blend_facts(bpy_projects(variant) / "show/shots/scene.blend"), "4.5")


def test_scenes_of_blender_5_0() -> None:
    folder = Path(__file__).with_name("blender_5_0")
    check(read_blend_facts(folder / "show/shots/scene.blend"), "5.0")


@pytest.mark.skipif(not shutil.which("blender"), reason="there is no `blender` on PATH")
def test_scenes_of_the_installed_blender(tmp_path: Path) -> None:
    blender = str(shutil.which("blender"))
    version = run([blender, "--version"]).split()[1].rpartition(".")[0]
    root = tmp_path / "project"
    run([blender, "-b", "--factory-startup", "-P", str(SCRIPT), "--", "plain", str(root)])
    check(read_blend_facts(root / "show/shots/scene.blend"), version)


def test_every_image_format_of_blender_has_its_name_and_extension(tmp_path: Path) -> None:
    script = tmp_path / "formats.py"
    script.write_text(_WRITE_ALL_FORMATS)
    import sys

    expected = dict(
        line.split()[1:]
        for line in run([sys.executable, str(script), str(tmp_path)]).splitlines()
        if line.startswith("FORMAT ")
    )
    facts = read_blend_facts(tmp_path / "formats.blend")
    found = {
        scene.name: scene.image_format.extension
        for scene in facts.scenes
        if scene.image_format is not None and scene.image_format.name == scene.name
    }
    assert len(expected) > 10
    assert found == expected


_WRITE_ALL_FORMATS = """
import os, sys
import bpy
formats = bpy.types.ImageFormatSettings.bl_rna.properties["file_format"].enum_items_static
for item in formats:
    if item.identifier in ("FFMPEG", "AVI_JPEG", "AVI_RAW"):
        continue  # their extension depends on the container
    scene = bpy.data.scenes.new(item.identifier)
    try:
        scene.render.image_settings.file_format = item.identifier
    except TypeError:  # this build cannot write it
        bpy.data.scenes.remove(scene)
        continue
    print("FORMAT", item.identifier, scene.render.file_extension)
for scene in [scene for scene in bpy.data.scenes if scene.name == "Scene"]:
    bpy.data.scenes.remove(scene)
bpy.ops.wm.save_as_mainfile(filepath=os.path.join(sys.argv[-1], "formats.blend"))
sys.stdout.flush()
os._exit(0)
"""


def test_a_broken_file_is_refused_by_name(tmp_path: Path) -> None:
    blend = tmp_path / "broken.blend"
    blend.write_bytes(b"BLENDER-v405")
    with pytest.raises(PackingError, match=r"broken\.blend"):
        read_blend_facts(blend)
