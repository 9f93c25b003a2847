"""A Worker that dies in the middle of a frame costs time, never a frame."""

from __future__ import annotations

from pathlib import Path

import psutil

from tests.eventually import eventually
from tests.farm.farm import Farm
from tests.farm.frames import decoded_size, files_below, frames_in
from tests.farm.slow_scene import FRAMES, RESOLUTION, make_slow_scene
from tests.processes import is_alive


def test_killing_the_worker_in_mid_frame_neither_tears_nor_loses_one(
    farm: Farm, blender: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "the last frame may begin"
    slow_scene = make_slow_scene(blender, tmp_path, gate)
    farm.start_worker()
    job_id = farm.submit_file(slow_scene, chunk_size=FRAMES)
    folder = Path(farm.job(job_id)["settings"]["render_output_path"]).parent
    eventually(lambda: files_below(folder, "000001.png"), "the first frame is there")
    assert farm.worker is not None
    started = psutil.Process(farm.worker.pid).children(recursive=True)
    farm.kill_worker()
    # What the Worker started must end with it, else two Blenders would write the same frames.
    eventually(
        lambda: not any(is_alive(process) for process in started), "Blender ends with the Worker"
    )
    assert not (folder / f"{FRAMES:06d}.png").exists()

    gate.touch()
    farm.start_worker()
    assert farm.wait_for_end(job_id)["status"] == "completed", farm.logs()
    frames = [f"{frame:06d}.png" for frame in range(1, FRAMES + 1)]
    assert frames_in(folder) == [*frames, f"slow-1-{FRAMES}.mp4"]
    assert {decoded_size(folder / name) for name in frames} == {RESOLUTION}
