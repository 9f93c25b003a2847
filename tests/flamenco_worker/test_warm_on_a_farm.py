"""One Blender for many tasks, on a farm of real programs."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.eventually import eventually
from tests.flamenco_worker.blenders import BPY
from tests.flamenco_worker.farm_programs import Farm
from tests.processes import is_alive

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the farm's programs end by signals"
)


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    with Farm(tmp_path / "farm") as running:
        running.worker.start()
        yield running


def submit(farm: Farm, frames: str, **metadata: str) -> str:
    """A job without a video, one frame a task."""
    blend = farm.folder / "small.blend"
    if not blend.exists():
        BPY.make_blend(blend)
    output = farm.folder / "out"
    settings = {
        "frames": frames,
        "chunk_size": 1,
        "render_output_root": str(output),
        "add_path_components": 0,
        "render_output_path": f"{output}/######",
        "blendfile": str(blend),
        "fps": 0.0,
        "format": "PNG",
        "image_file_extension": ".png",
        "has_previews": False,
        "scene": "Scene",
    }
    job = {"name": "warm", "type": "simple-blender-render", "submitter_platform": "manager"}
    return str(farm.ask("POST", "/jobs", {**job, "settings": settings, "metadata": metadata})["id"])


def attempts_of(farm: Farm, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = farm.ask("GET", f"/jobs/{job}/attempts")["attempts"]
    return found


def test_frames_follow_each_other_in_one_blender_that_dies_with_its_worker(farm: Farm) -> None:
    job = submit(farm, "1-3")
    farm.wait_for_job(job, "completed")
    attempts = attempts_of(farm, job)
    assert [attempt["is_warm"] for attempt in attempts] == [False, True, True]
    assert all(attempt["peak_memory"] for attempt in attempts)
    assert [attempt["output_count"] for attempt in attempts] == [1, 1, 1]
    cold = submit(farm, "4-5", **{"blender.warm": "off"})
    farm.wait_for_job(cold, "completed")
    assert [attempt["is_warm"] for attempt in attempts_of(farm, cold)] == [False, False]
    again = submit(farm, "6")
    farm.wait_for_job(again, "completed")
    assert [attempt["is_warm"] for attempt in attempts_of(farm, again)] == [True]
    process = psutil.Process(open_blender(farm))
    farm.worker.send(signal.SIGKILL)
    eventually(lambda: not is_alive(process), "Blender ends with its worker")


def open_blender(farm: Farm) -> int:
    """The process that keeps a Blender open."""
    record = (farm.folder / "worker" / "flamenco-worker-programs.json").read_text(encoding="utf-8")
    (found,) = re.findall(r'"(\d+)": ', record)
    return int(found)


def test_a_worker_that_sleeps_keeps_none_open(farm: Farm) -> None:
    job = submit(farm, "1")
    farm.wait_for_job(job, "completed")
    process = psutil.Process(open_blender(farm))
    (worker,) = farm.ask("GET", "/worker-mgt/workers")["workers"]
    wish = {"status": "asleep", "is_lazy": False}
    farm.ask("POST", f"/worker-mgt/workers/{worker['id']}/setstatus", wish)
    eventually(lambda: not is_alive(process), "Blender ends when its worker sleeps")
