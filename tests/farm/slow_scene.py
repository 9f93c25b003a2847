"""A scene that is interrupted while it renders, however fast the machine is."""

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
scene.cycles.samples = 100
scene.cycles.use_adaptive_sampling = False
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y = {resolution}
scene.frame_start, scene.frame_end = 1, {frames}
script = {script!r}
if script:
    text = bpy.data.texts.new("gate.py")
    text.write(script)
    text.use_module = True
bpy.ops.wm.save_as_mainfile(filepath={path!r})
"""

_WAIT = """
import os, time, bpy

def wait(scene, *_):
    while scene.frame_current == {frame} and not os.path.exists({gate!r}):
        time.sleep(0.05)

bpy.app.handlers.frame_change_pre.append(wait)
"""


def make_slow_scene(
    blender: Path, folder: Path, gate: Path | None = None, *, waits_at: int = FRAMES
) -> Path:
    """A third of a second a frame or more; the frame `waits_at` begins when `gate` exists.

    It is not a render handler that waits: a scene that has one is rendered in place.
    """
    blend = folder / "slow.blend"
    script = _WAIT.format(frame=waits_at, gate=str(gate)) if gate else ""
    expression = _MAKE.format(resolution=RESOLUTION, frames=FRAMES, script=script, path=str(blend))
    run_blender(blender, "--python-expr", expression)
    return blend
