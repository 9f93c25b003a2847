"""The same of every other Blender that can be had here: warm frames have the pixels of cold ones.

Thorough: each of these Blenders renders each of the scenes four times.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flamenco_addon.bpy_pythons import bpy_python
from tests.flamenco_worker.blenders import BPY, ROOT, BlenderProgram
from tests.flamenco_worker.conftest import RecordedTask
from tests.flamenco_worker.test_warm_scenes import compare_warm_with_cold
from tests.flamenco_worker.warm_scenes import MOVING_CUBE, SCENES, STAYS_OPEN, rendered_scene
from window_blenders import installed_window_blender

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform != "linux", reason="these Blenders are Debian's"),
    pytest.mark.timeout(900),
]

MODULES = {"bpy 4.2": "4.2", "bpy 5": "5.1+"}
WINDOWS = {"blender 4.3": "trixie", "blender 5.2": "sid"}

EEVEE = """
scene.render.engine = 'BLENDER_EEVEE_NEXT' if bpy.app.version[:2] < (5, 0) else 'BLENDER_EEVEE'
scene.eevee.taa_render_samples = 1
"""


def program(folder: Path, command: str) -> tuple[str]:
    """An executable that runs a command with its own arguments behind."""
    made = folder / "blender"
    made.write_text(f'#!/bin/sh\n{command} "$@"\n')
    made.chmod(0o755)
    return (str(made),)


@pytest.fixture(scope="module", params=[*MODULES, *WINDOWS])
def blender(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> BlenderProgram:
    name = str(request.param)
    folder = tmp_path_factory.mktemp("bin")
    if name in MODULES:
        module = "flamenco_worker.blender.bpy_command_line"
        command = f"PYTHONPATH='{ROOT}' exec '{bpy_python(MODULES[name])}' -m {module}"
    else:
        found = installed_window_blender(WINDOWS[name])
        if found is None:
            pytest.skip(f"Debian's Blender of {WINDOWS[name]} is not here; scripts/test.py adds it")
        command = " ".join(["exec", *found.command(folders=(ROOT,))])
    return BlenderProgram(name, program(folder, command))


@pytest.mark.parametrize("name", SCENES)
def test_warm_frames_have_the_pixels_of_cold_ones(
    name: str,
    blender: BlenderProgram,
    warm_scenes: dict[str, Path],
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    compare_warm_with_cold(
        blender, warm_scenes[name], SCENES[name][1], tmp_path, new_task, scene=rendered_scene(name)
    )


@pytest.mark.parametrize("module", [*MODULES, "own"])
def test_warm_frames_of_eevee_have_the_pixels_of_cold_ones(
    module: str, tmp_path: Path, new_task: Callable[[], RecordedTask]
) -> None:
    command = "flamenco_worker.blender.bpy_command_line"
    blender = BPY
    if module != "own":
        run = f"PYTHONPATH='{ROOT}' exec '{bpy_python(MODULES[module])}' -m {command}"
        blender = BlenderProgram(module, program(tmp_path, run))
    blend = blender.make_blend(tmp_path / "files" / "scene.blend", MOVING_CUBE + EEVEE)
    compare_warm_with_cold(blender, blend, STAYS_OPEN, tmp_path / "files", new_task)
