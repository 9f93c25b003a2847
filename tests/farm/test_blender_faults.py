"""Blender crashes, hangs, eats the memory, finds no file or no room: the task fails with a
sentence, nothing torn is left, and once the cause is gone the job is completed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.farm.farm import Farm, request
from tests.farm.faulty_jobs import render, requeue, submit_tasks
from tests.farm.frames import decoded_size, frames_in
from tests.flamenco_worker.blenders import SMALL_SCENE

RESOLUTION = (32, 24)
LITTLE_MEMORY = """
import re, resource, bpy
used = int(re.search(r'VmSize:\\s+(\\d+)', open('/proc/self/status').read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + 400_000_000,) * 2)
bpy.context.scene.render.resolution_percentage = 100
bpy.context.scene.render.resolution_x = bpy.context.scene.render.resolution_y = 20000
"""
FAULTS = {
    "crash": ("import ctypes; ctypes.string_at(0)", "Blender crashed (SIGSEGV)"),
    "hang": ("import time; time.sleep(1000)", "Blender said nothing for 20s, and was ended"),
    "memory": (LITTLE_MEMORY, "The machine ran out of memory"),
}


@pytest.fixture(scope="module")
def small_scene(tmp_path_factory: pytest.TempPathFactory, blender: Path) -> Path:
    blend = tmp_path_factory.mktemp("small") / "small.blend"
    save = f"{SMALL_SCENE}\nbpy.ops.wm.save_as_mainfile(filepath={str(blend)!r})"
    command = [str(blender), "-b", "--factory-startup", "--python-expr", save]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return blend


@pytest.mark.skipif(sys.platform != "linux", reason="Windows and macOS limit memory otherwise")
def test_a_blender_that_goes_wrong_fails_its_task_and_nothing_else(
    farm: Farm, small_scene: Path, tmp_path: Path
) -> None:
    cured = tmp_path / "cured"
    scene = tmp_path / "moved.blend"
    jobs = {}
    for name, (script, _sentence) in FAULTS.items():
        guarded = f"import os\nif not os.path.exists({str(cured)!r}):\n" + "".join(
            f"    {line}\n" for line in script.splitlines()
        )
        command = render(small_scene, tmp_path / name, "--python-expr", guarded)
        limits = {"limits.silence": "20s"} if name == "hang" else None
        jobs[name] = submit_tasks(farm, (name, "blender", [command]), metadata=limits)
    jobs["gone"] = submit_tasks(farm, ("gone", "blender", [render(scene, tmp_path / "gone")]))
    sentences = {name: sentence for name, (_script, sentence) in FAULTS.items()}
    sentences["gone"] = f"Blender cannot open {scene}: No such file or directory"

    farm.start_worker()
    for name, job_id in jobs.items():
        assert farm.wait_for_end(job_id)["status"] == "failed", farm.logs()
        (task,) = farm.tasks(job_id)
        assert sentences[name] in task["activity"]
        assert not (tmp_path / name).exists() or frames_in(tmp_path / name) == []
    assert farm.worker is not None
    assert farm.worker.poll() is None, farm.logs()

    cured.touch()
    scene.write_bytes(small_scene.read_bytes())
    for job_id in jobs.values():
        requeue(farm, job_id)
    for name, job_id in jobs.items():
        eventually(lambda job_id=job_id: farm.job(job_id)["status"] == "completed", name)  # type: ignore[misc]
        assert frames_in(tmp_path / name) == ["000001.png", "000002.png"]
        sizes = {decoded_size(tmp_path / name / frame) for frame in frames_in(tmp_path / name)}
        assert sizes == {RESOLUTION}
        outcomes = [
            each["outcome"] for each in farm.get(f"/api/v3/jobs/{job_id}/attempts")["attempts"]
        ]
        assert sorted(outcomes) == ["completed", "failed"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own that is full after a few kilobytes."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip(
            "Windows, macOS and people without the rights of root cannot mount a small disk"
        )
    folder = tmp_path / "small disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12k", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_makes_the_task_wait_and_leaves_no_torn_frame(
    farm: Farm, small_scene: Path, small_disk: Path
) -> None:
    larger = "import bpy; bpy.context.scene.render.resolution_x = 1024; "
    larger += "bpy.context.scene.render.resolution_y = 768"
    output = small_disk / "out"
    command = render(small_scene, output, "--python-expr", larger)
    job_id = submit_tasks(farm, ("full", "blender", [command]))
    farm.start_worker()
    eventually(lambda: "disk is full" in farm.tasks(job_id)[0].get("activity", ""), "it is seen")
    (task,) = farm.tasks(job_id)
    assert task["status"] == "queued"
    assert "disk-full" in task["failure"].values()
    assert [name for name in frames_in(output) if name.endswith(".png")] == []
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    change = {"status": "queued", "reason": "there is room"}
    status, answer = request(f"{farm.url}/api/v3/tasks/{task['id']}/setstatus", change)
    assert status == 204, answer
    assert farm.wait_for_end(job_id)["status"] == "completed", farm.logs()
    assert frames_in(output) == ["000001.png", "000002.png"]
    assert {decoded_size(output / name) for name in frames_in(output)} == {(512, 384)}
