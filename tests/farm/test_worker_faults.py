"""What can go wrong while a Worker works for the real Manager: nothing is lost, no frame is torn,
and each task is completed once.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.farm.farm import Farm, request
from tests.farm.faulty_proxy import Fault, FaultyProxy
from tests.farm.frames import decoded_size, files_below, frames_in
from tests.farm.slow_scene import RESOLUTION, make_slow_scene
from tests.ports import free_port

FRAMES = 2
ANYTHING = r"(GET|POST) /api/v3/"
IMAGE = r"POST /api/v3/worker/task/[0-9a-f-]+/output-produced"
SAYING = r"POST /api/v3/worker/task(/[0-9a-f-]+|-report) "


@pytest.fixture
def proxy() -> Iterator[FaultyProxy]:
    proxy = FaultyProxy(free_port())
    yield proxy
    proxy.close()


@pytest.fixture
def farm(tmp_path: Path, blender: Path, proxy: FaultyProxy) -> Iterator[Farm]:
    """A farm whose Workers reach the Manager through the proxy."""
    farm = Farm(tmp_path / "farm", blender, proxy.manager_port, public_port=proxy.port)
    farm.start_manager()
    yield farm
    farm.stop()


def gate_of(farm: Farm) -> Path:
    """As soon as it exists, the last frame begins."""
    return farm.folder / "the last frame may begin"


def submit_slow_render(farm: Farm, blender: Path) -> str:
    scene = make_slow_scene(blender, farm.folder, gate_of(farm), waits_at=FRAMES)
    return farm.submit_file(scene, frames=f"1-{FRAMES}", chunk_size=FRAMES, fps=0)


def output_of(farm: Farm, job_id: str) -> Path:
    return Path(farm.job(job_id)["settings"]["render_output_path"]).parent


def wait_for_first_frame(farm: Farm, job_id: str) -> None:
    folder = output_of(farm, job_id)
    eventually(lambda: files_below(folder, "000001.png"), "the first frame is there")


def check_completed_once(farm: Farm, job_id: str) -> None:
    """The job is done, its frames are whole, and its one task was done once."""
    assert farm.wait_for_end(job_id)["status"] == "completed", farm.logs()
    folder = output_of(farm, job_id)
    frames = [f"{frame:06d}.png" for frame in range(1, FRAMES + 1)]
    assert frames_in(folder) == frames
    assert {decoded_size(folder / name) for name in frames} == {RESOLUTION}
    (task,) = farm.tasks(job_id)
    log = farm.task_log(task["id"])
    # What another Worker has brought to its place is no loss.
    verified = re.findall(r"frame (\d+) is (?:verified|there already, whole)", log)
    assert sorted(verified) == [str(frame) for frame in range(1, FRAMES + 1)], log
    attempts: list[dict[str, Any]] = farm.get(f"/api/v3/jobs/{job_id}/attempts")["attempts"]
    assert [each["outcome"] for each in attempts].count("completed") == 1


@pytest.mark.parametrize(
    "seconds", [2, pytest.param(60, marks=pytest.mark.thorough)], ids=["moment", "minute"]
)
def test_a_manager_that_is_away_in_mid_task_gets_everything_when_it_is_back(
    farm: Farm, blender: Path, seconds: float
) -> None:
    job_id = submit_slow_render(farm, blender)
    farm.start_worker()
    wait_for_first_frame(farm, job_id)
    folder = output_of(farm, job_id)
    farm.kill_manager()
    began = time.monotonic()
    gate_of(farm).touch()
    eventually((folder / f"{FRAMES:06d}.png").exists, "the render goes on without it")
    time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    farm.start_manager()
    check_completed_once(farm, job_id)
    eventually(lambda: last_rendered(farm, job_id), "the last image has come")


def last_rendered(farm: Farm, job_id: str) -> bool:
    return request(f"{farm.url}/api/v3/jobs/{job_id}/last-rendered")[0] == 200


def test_a_manager_that_answers_with_errors_for_a_while_gets_everything(
    farm: Farm, proxy: FaultyProxy, blender: Path
) -> None:
    job_id = submit_slow_render(farm, blender)
    spoiling = proxy.spoil(ANYTHING + "worker/", Fault.ERROR)
    farm.start_worker()
    eventually(lambda: len(spoiling.done) >= 3, "the Worker tries again")
    proxy.stop_spoiling()
    eventually(lambda: output_of(farm, job_id).is_dir(), "the render begins")
    spoiling = proxy.spoil(ANYTHING + "worker/", Fault.ERROR)
    gate_of(farm).touch()
    folder = output_of(farm, job_id)
    eventually((folder / f"{FRAMES:06d}.png").exists, "the render ends")
    eventually(lambda: len(spoiling.done) >= 3, "the Worker has tried to say so")
    proxy.stop_spoiling()
    check_completed_once(farm, job_id)
    assert len(farm.get("/api/v3/worker-mgt/workers")["workers"]) == 1
    eventually(lambda: last_rendered(farm, job_id), "the last image has come")


@pytest.mark.parametrize("cut", [IMAGE, SAYING], ids=["image", "update"])
def test_what_was_cut_off_in_the_middle_is_sent_again(
    farm: Farm, proxy: FaultyProxy, blender: Path, cut: str
) -> None:
    job_id = submit_slow_render(farm, blender)
    farm.start_worker()
    eventually(lambda: output_of(farm, job_id).is_dir(), "the render begins")
    spoiling = proxy.spoil(cut, Fault.CUT, times=2)
    gate_of(farm).touch()
    check_completed_once(farm, job_id)
    # An image goes its own way, and that of the first frame may have come before.
    eventually(lambda: len(spoiling.done) == 2, "both are cut off")
    eventually(lambda: last_rendered(farm, job_id), "the last image has come")


def test_two_workers_that_were_given_the_same_task_complete_it_once(
    farm: Farm, blender: Path, tmp_path: Path
) -> None:
    job_id = submit_slow_render(farm, blender)
    # What was promised after this is forgotten, as by a Manager whose disk was put back in time.
    farm.stop_manager()
    before = {path: path.read_bytes() for path in farm.home.glob("flamenco-manager.sqlite*")}
    farm.start_manager()
    farm.start_worker()
    wait_for_first_frame(farm, job_id)
    farm.kill_manager()
    for path in farm.home.glob("flamenco-manager.sqlite*"):
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)
    other = start_second_worker(farm, tmp_path / "other")
    try:
        farm.start_manager()
        gate_of(farm).touch()
        check_completed_once(farm, job_id)
    finally:
        other.kill()
        other.wait()


def start_second_worker(farm: Farm, home: Path) -> subprocess.Popen[bytes]:
    first = farm.worker
    try:
        farm.start_worker(home=home)
        assert farm.worker is not None
        return farm.worker
    finally:
        farm.worker = first
