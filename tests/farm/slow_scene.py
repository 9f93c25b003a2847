"""A scene whose frames take long enough to be interrupted."""

from __future__ import annotations

from pathlib import Path

from tests.farm.farm import run_blender

FRAMES = 4
RESOLUTION = (160, 90)

_MAKE = """
import bpy
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.device = "CPU"
scene.cycles.samples = 400
scene.cycles.use_adaptive_sampling = False
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y = {resolution}
scene.frame_start, scene.frame_end = 1, {frames}
bpy.ops.wm.save_as_mainfile(filepath={path!r})
"""


def make_slow_scene(blender: Path, folder: Path) -> Path:
    blend = folder / "slow.blend"
    expression = _MAKE.format(resolution=RESOLUTION, frames=FRAMES, path=str(blend))
    run_blender(blender, "--python-expr", expression)
    return blend
