"""The worker as a program, with the real Manager, real Blender and FFmpeg; killed in all ways."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco_worker.blender.image_files import ImageSize, read_image
from flamenco_worker.orphans import RECORD_NAME
from tests.flamenco_worker.blenders import BPY
from tests.flamenco_worker.farm_programs import Farm, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    with Farm(tmp_path / "farm") as running:
        yield running


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return BPY.make_blend(tmp_path_factory.mktemp("scene") / "small.blend")


@pytest.fixture(scope="module")
def slow_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second or so a frame."""
    slow = "scene.cycles.samples = 96\nscene.render.resolution_percentage = 400"
    return BPY.make_blend(tmp_path_factory.mktemp("scene") / "slow.blend", slow)


def blenders_of(farm: Farm) -> list[int]:
    """The processes that render for this farm's worker, which marks what it starts."""
    record = farm.folder / "worker" / RECORD_NAME
    if not record.exists():
        return []  # it has started nothing yet
    mark = json.loads(record.read_text(encoding="utf-8"))["mark"].encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                marks = mark in (entry / "environ").read_bytes()
                renders = b"bpy_command_line" in (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if marks and renders:
                found.append(int(entry.name))
    return found


def assert_whole(folder: Path, size: ImageSize, count: int = 4) -> None:
    names = [f"{number:06}.png" for number in range(1, count + 1)]
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".mp4") == names
    assert [read_image(folder / name, "PNG") for name in names] == [size] * count


def test_a_job_becomes_frames_and_a_video(farm: Farm, scene: Path) -> None:
    farm.worker.start()
    output = farm.folder / "out"
    job = farm.submit_render(scene, output)
    farm.wait_for_job(job, "completed")
    assert_whole(output, ImageSize(32, 24))
    assert (output / "small-1-4.mp4").is_file()
    assert [task["steps_completed"] for task in farm.tasks(job)] == [2, 2, 1]
    # The last frame is sent beside the reports, and may come after them.
    wait_until(lambda: farm.ask("GET", f"/jobs/{job}/last-rendered") is not None, "the image")
    assert farm.worker.end() == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"scene": "Nope"}, "There is no scene 'Nope' in "),
        ({"blendfile": "/nowhere/x.blend"}, "Blender cannot open /nowhere/x.blend"),
    ],
)
def test_a_job_that_cannot_be_rendered_fails_with_a_sentence(
    farm: Farm, scene: Path, changes: dict[str, str], sentence: str
) -> None:
    farm.worker.start()
    job = farm.submit_render(scene, farm.folder / "out", **changes)
    farm.wait_for_job(job, "failed")
    activities = [task["activity"] for task in farm.tasks(job)]
    assert any(sentence in activity for activity in activities), activities


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_that_is_killed_in_mid_frame_leaves_nothing_and_the_job_ends(
    farm: Farm, slow_scene: Path
) -> None:
    farm.worker.start()
    output = farm.folder / "out"
    job = farm.submit_render(slow_scene, output)
    wait_until((output / "000001.png").exists, "the first frame")
    wait_until(lambda: blenders_of(farm) != [], "Blender")
    farm.worker.end(signal.SIGKILL)
    wait_until(lambda: blenders_of(farm) == [], "the end of Blender")
    farm.worker.start()
    farm.wait_for_job(job, "completed")
    assert_whole(output, ImageSize(256, 192))


def test_a_manager_that_is_killed_in_mid_job_finds_the_worker_again(
    farm: Farm, slow_scene: Path
) -> None:
    farm.worker.start()
    output = farm.folder / "out"
    job = farm.submit_render(slow_scene, output)
    farm.wait_for_begin("render-1,2")
    farm.manager.end(signal.SIGKILL)
    wait_until((output / "000002.png").exists, "the frames of the task")
    farm.start_manager()
    farm.wait_for_job(job, "completed")
    assert_whole(output, ImageSize(256, 192))
    assert farm.worker.log.count("registered at the Manager") == 1


def test_the_first_ctrl_c_hands_the_task_back(farm: Farm) -> None:
    farm.worker.start()
    job = farm.submit("echo-sleep-test", message="hi", sleep_duration_seconds=600, sleep_repeats=1)
    farm.wait_for_begin("sleep")
    assert farm.worker.end(signal.SIGINT) == 0
    wait_until(lambda: farm.tasks(job)[1]["status"] == "queued", "the goodbye to be heard")
    assert "handing back the task" in farm.worker.log


def test_the_second_ctrl_c_ends_at_once(farm: Farm) -> None:
    farm.worker.start()
    farm.submit("echo-sleep-test", message="hi", sleep_duration_seconds=600, sleep_repeats=1)
    farm.wait_for_begin("sleep")
    # A Manager that is stopped, not ended, takes connections and never answers.
    farm.manager.send(signal.SIGSTOP)
    try:
        farm.worker.send(signal.SIGINT)
        wait_until(lambda: "handing back the task" in farm.worker.log, "the first answer")
        assert farm.worker.end(signal.SIGINT) == 130
    finally:
        farm.manager.send(signal.SIGCONT)


def test_a_manager_that_hangs_does_not_keep_the_worker_from_ending(farm: Farm) -> None:
    farm.worker.start()
    wait_until(lambda: "this worker is awake" in farm.worker.log, "the worker")
    farm.manager.send(signal.SIGSTOP)
    try:
        assert farm.worker.end(signal.SIGTERM) == 0
    finally:
        farm.manager.send(signal.SIGCONT)


def test_cancelling_a_job_ends_its_render(farm: Farm, slow_scene: Path) -> None:
    farm.worker.start()
    job = farm.submit_render(slow_scene, farm.folder / "out", frames="1-200", chunk_size=200)
    wait_until(lambda: blenders_of(farm) != [], "Blender")
    wait_until((farm.folder / "out" / "000001.png").exists, "the first frame")
    farm.ask("POST", f"/jobs/{job}/setstatus", {"status": "cancel-requested", "reason": "test"})
    wait_until(lambda: blenders_of(farm) == [], "the end of Blender")
    farm.wait_for_job(job, "canceled")
    next_job = farm.submit("echo-sleep-test", message="hi", sleep_repeats=0)
    farm.wait_for_job(next_job, "completed")
