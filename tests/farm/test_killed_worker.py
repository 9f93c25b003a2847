"""A Worker that dies in the middle of a frame costs time, never a frame."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.farm.farm import Farm, eventually, run_blender
from tests.farm.frames import decoded_size, frames_in

FRAMES = 4

MAKE_SLOW_SCENE = """
import bpy
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.device = "CPU"
scene.cycles.samples = 400
scene.cycles.use_adaptive_sampling = False
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y = 160, 90
scene.frame_start, scene.frame_end = 1, {frames}
bpy.ops.wm.save_as_mainfile(filepath={path!r})
"""


@pytest.fixture(scope="session")
def slow_scene(tmp_path_factory: pytest.TempPathFactory, blender: Path) -> Path:
    """A scene whose frames take long enough to be interrupted."""
    blend = tmp_path_factory.mktemp("slow") / "slow.blend"
    run_blender(blender, "--python-expr", MAKE_SLOW_SCENE.format(frames=FRAMES, path=str(blend)))
    return blend


def test_killing_the_worker_in_mid_frame_neither_tears_nor_loses_one(
    farm: Farm, slow_scene: Path
) -> None:
    farm.start_worker()
    job_id = farm.submit_file(slow_scene, chunk_size=FRAMES)
    folder = Path(farm.job(job_id)["settings"]["render_output_path"]).parent
    eventually(lambda: list(folder.rglob("000001.png")), "the first frame is there")
    assert farm.worker is not None
    started = psutil.Process(farm.worker.pid).children(recursive=True)
    farm.kill_worker()
    assert not (folder / f"{FRAMES:06d}.png").exists(), "the kill came too late to mean anything"
    # What the Worker started must end with it, else two Blenders would write the same frames.
    eventually(
        lambda: not any(is_alive(process) for process in started), "Blender ends with the Worker"
    )

    farm.start_worker()
    assert farm.wait_for_end(job_id)["status"] == "completed", farm.logs()
    frames = [f"{frame:06d}.png" for frame in range(1, FRAMES + 1)]
    assert frames_in(folder) == [*frames, f"slow-1-{FRAMES}.mp4"]
    assert {decoded_size(folder / name) for name in frames} == {(160, 90)}


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
