"""Frames show what other files hold only because packing sends those along."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import demo_scene
from tests.farm.farm import Farm, render_job, run_blender
from tests.farm.frames import frames_in, pixel_faults, probe_video


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, blender: Path) -> Iterator[Farm]:
    farm = Farm(tmp_path_factory.mktemp("packing") / "farm", blender)
    farm.start_manager()
    farm.start_worker()
    yield farm
    farm.stop()


def output_folder(farm: Farm, job_id: str) -> Path:
    return Path(farm.job(job_id)["settings"]["render_output_path"]).parent


def test_texture_and_linked_object_arrive_in_every_frame(farm: Farm, demo: Path) -> None:
    job_id = farm.submit_file(demo / demo_scene.BLENDFILE, chunk_size=5)
    job = farm.wait_for_end(job_id)
    assert job["status"] == "completed", farm.logs()
    folder = output_folder(farm, job_id)
    frames = [f"{frame:06d}.png" for frame in range(1, 13)]
    assert frames_in(folder) == [*frames, "demo-1-12.mp4"]
    assert [fault for name in frames for fault in pixel_faults(folder / name)] == []
    assert probe_video(folder / "demo-1-12.mp4") == {
        "frames": 12,
        "size": demo_scene.RESOLUTION,
        "rate": "12/1",
        "codec": "h264",
    }


@pytest.fixture
def bare(demo: Path, tmp_path: Path) -> Path:
    """The .blend alone, somewhere else, without what it refers to."""
    copy = tmp_path / "alone" / "demo.blend"
    copy.parent.mkdir()
    shutil.copy(demo / demo_scene.BLENDFILE, copy)
    return copy


def test_without_packing_the_pixels_are_wrong(blender: Path, bare: Path, tmp_path: Path) -> None:
    run_blender(blender, bare, "--render-output", tmp_path / "######", "--render-frame", "1")
    faults = pixel_faults(tmp_path / "000001.png")
    assert [fault.split(" shows")[0] for fault in faults] == [
        "000001.png: the texture",
        "000001.png: the linked object",
    ]


def test_a_job_without_packing_fails_and_names_what_is_missing(
    farm: Farm, bare: Path, tmp_path: Path
) -> None:
    job_id = farm.submit_job(render_job(bare, tmp_path / "output"))
    assert farm.wait_for_end(job_id)["status"] == "failed"
    (task,) = [task for task in farm.tasks(job_id) if task["task_type"] == "blender"]
    assert "card.png" in task["activity"], farm.logs()
    assert "props.blend" in task["activity"]
    assert [file for file in (tmp_path / "output").rglob("*") if file.suffix == ".png"] == []
