"""The operators of the tab in `bpy`, as scripts call them, against a real Manager."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flamenco_core.config.reading import parse_config
from tests.eventually import eventually
from tests.flamenco_addon.bpy_pythons import BLENDERS, OWN, bpy_python
from tests.flamenco_addon.in_bpy import run_in_bpy
from tests.manager_service.realtime.following import report, take_task
from tests.manager_service.running_manager import RunningManager

CONNECT = """
    bpy.context.preferences.addons["flamenco_addon"].preferences.manager_url = url

    def refused(operator, **more):
        try:
            operator(**more)
        except RuntimeError as error:
            return str(error)
        raise AssertionError("it was not refused")
"""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[RunningManager]:
    with RunningManager(tmp_path / "farm") as running:
        yield running


def in_bpy(
    manager: RunningManager, home: Path, script: str, *, blender: str = OWN, **names: Any
) -> Any:
    names["url"] = f"http://127.0.0.1:{manager.port}/"
    python = bpy_python(blender)
    return run_in_bpy(CONNECT + script, home=home / "blender", names=names, python=python)


def render_job(manager: RunningManager, output: str, **changes: Any) -> dict[str, Any]:
    settings = {
        "frames": "1-6",
        "chunk_size": 2,
        "render_output_root": "/tmp",
        "add_path_components": 0,
        "render_output_path": output,
        "blendfile": "/tmp/scene.blend",
        "fps": 0.0,
        "format": "PNG",
        "image_file_extension": ".png",
        "has_previews": False,
        "scene": "Scene",
    }
    return manager.submit(type="simple-blender-render", settings=settings, **changes)


def rendered(folder: Path, *frames: int) -> None:
    folder.mkdir(parents=True)
    for frame in frames:
        Image.new("RGB", (8, 8), (frame * 20, 0, 0)).save(folder / f"{frame:06}.png")


def test_jobs_are_steered_by_their_ids(manager: RunningManager, tmp_path: Path) -> None:
    jobs = [manager.submit(name=name)["id"] for name in ("a", "b", "c")]
    script = """
    flamenco = bpy.ops.flamenco
    assert flamenco.set_job_priority(job_id=jobs[0], priority=77) == {"FINISHED"}
    assert flamenco.pause_job(job_id=jobs[0]) == {"FINISHED"}
    assert flamenco.resume_job(job_id=jobs[0]) == {"FINISHED"}
    assert flamenco.cancel_job(job_id=jobs[1]) == {"FINISHED"}
    assert flamenco.delete_job(job_id=jobs[2]) == {"FINISHED"}
    answer([
        refused(flamenco.requeue_failed_tasks, job_id=jobs[0]),
        refused(flamenco.pause_job),
        refused(flamenco.pause_job, job_id="00000000-0000-0000-0000-000000000000"),
        refused(flamenco.requeue_task),
    ])
    """
    none_failed, nothing_selected, unknown, no_task = in_bpy(manager, tmp_path, script, jobs=jobs)
    assert "none of its tasks has failed" in none_failed
    assert "No job is selected" in nothing_selected
    assert "no job" in unknown.lower()
    assert "No task is selected" in no_task
    assert manager.get(f"/jobs/{jobs[0]}").json["priority"] == 77
    eventually(lambda: manager.get(f"/jobs/{jobs[0]}").json["status"] == "queued")
    eventually(lambda: manager.get(f"/jobs/{jobs[1]}").json["status"] == "canceled")
    eventually(lambda: manager.get(f"/jobs/{jobs[2]}").status == 404)


@pytest.mark.parametrize("blender", BLENDERS)
def test_frames_are_loaded_into_image_compositor_and_sequencer(
    manager: RunningManager, tmp_path: Path, blender: str
) -> None:
    folder = tmp_path / "render" / "shot"
    rendered(folder, 1, 2, 3, 5)
    job = render_job(manager, str(folder / "######"), name="shot")
    script = """
    scene = bpy.context.scene
    for target in ("IMAGE", "COMPOSITOR", "SEQUENCER"):
        assert bpy.ops.flamenco.load_frames(job_id=job, target=target) == {"FINISHED"}
    image = bpy.data.images["000001.png"]
    new = hasattr(scene, "compositing_node_group")
    tree = scene.compositing_node_group if new else scene.node_tree
    node = next(each for each in tree.nodes if each.type == "IMAGE")
    editor = scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    answer({
        "image": [image.source, image["flamenco_job"], Path(image.filepath).name],
        "node": [node.image.name, node.frame_start, node.frame_offset, node.frame_duration],
        "strips": sorted(
            [int(each.frame_final_start), int(each.frame_final_end), each["flamenco_job"],
             [element.filename for element in each.elements]]
            for each in strips
        ),
    })
    """
    found = in_bpy(manager, tmp_path, script, blender=blender, job=job["id"])
    assert found["image"] == ["SEQUENCE", job["id"], "000001.png"]
    assert found["node"] == ["000001.png", 1, 0, 5]
    names = [f"{frame:06}.png" for frame in (1, 2, 3)]
    assert found["strips"] == [[1, 4, job["id"], names], [5, 6, job["id"], ["000005.png"]]]


STORAGE = """
shared_storage_path: {storage}
variables:
  render:
    is_twoway: true
    values:
      - {{platform: linux, value: {storage}}}
      - {{platform: darwin, value: /Volumes/farm}}
"""
NOT_MOUNTED = """
    from flamenco_addon.monitor import frame_operators

    # As for an artist with macOS who has not mounted the volume.
    frame_operators.this_platform = lambda: "darwin"
"""


@pytest.fixture
def far_manager(tmp_path: Path) -> Iterator[RunningManager]:
    """With frames of a shot in a storage that only the Manager sees."""
    storage = tmp_path / "storage"
    rendered(storage / "shot", 1, 2, 3)
    text = STORAGE.format(storage=storage)
    config = parse_config(text, name="f.yaml", home=tmp_path / "farm")
    with RunningManager(tmp_path / "farm", config=config) as running:
        yield running


def test_frames_come_through_the_manager_where_the_storage_is_not_mounted(
    far_manager: RunningManager, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    script = """
    assert bpy.ops.flamenco.load_frames(job_id=job, target="SEQUENCER") == {"FINISHED"}
    editor = bpy.context.scene.sequence_editor
    (strip,) = editor.strips if hasattr(editor, "strips") else editor.sequences
    folder = Path(bpy.path.abspath(strip.directory))
    open_folder = bpy.ops.flamenco.open_output_folder
    answer([str(folder), [element.filename for element in strip.elements],
            refused(open_folder, job_id=job), refused(open_folder, job_id=new)])
    """
    job = render_job(far_manager, str(storage / "shot/######"), name="shot")
    new = render_job(far_manager, str(storage / "new/######"), name="new")
    folder, names, not_mounted, nothing_yet = in_bpy(
        far_manager, tmp_path, NOT_MOUNTED + script, job=job["id"], new=new["id"]
    )
    assert "/Volumes/farm/shot is not on this computer" in not_mounted
    assert "choose Load Frames" in not_mounted
    assert "Nothing was rendered into /Volumes/farm/new yet" in nothing_yet
    assert names == [f"{frame:06}.png" for frame in (1, 2, 3)]
    assert storage not in Path(folder).parents
    for name in names:
        assert Path(folder, name).read_bytes() == (storage / "shot" / name).read_bytes()


def test_frames_that_cannot_be_moved_from_here_are_written_over_if_that_is_asked_for(
    far_manager: RunningManager, tmp_path: Path
) -> None:
    output = str(tmp_path / "storage/shot/######")
    job = render_job(far_manager, output, name="shot", rna_overrides=["pass"])["id"]
    complete_tasks(far_manager, job)
    script = """
    again = bpy.ops.flamenco.render_frames_again
    refusal = refused(again, job_id=job, frames="3")
    # Nothing has to make room for a frame that is not there.
    assert again(job_id=job, frames="5") == {"FINISHED"}
    answer(refusal)
    """
    refusal = in_bpy(far_manager, tmp_path, NOT_MOUNTED + script, job=job)
    assert "choose Overwrite Where Not Mounted" in refusal
    assert tasks_by_name(far_manager, job) == {
        "render-1,2": "completed",
        "render-3,4": "completed",
        "render-5,6": "queued",
    }
    overrides = f"/jobs/{job}/rna-overrides"
    assert far_manager.get(overrides).json["rna_overrides"] == ["pass"]

    script = """
    for frames in ("3", "1"):
        bpy.ops.flamenco.render_frames_again(job_id=job, frames=frames, overwrite=True)
    """
    in_bpy(far_manager, tmp_path, NOT_MOUNTED + script, job=job)
    assert set(tasks_by_name(far_manager, job).values()) == {"queued"}
    lines = far_manager.get(overrides).json["rna_overrides"]
    assert lines == ["pass", "C.scene.render.use_overwrite = True"]
    assert not list((tmp_path / "storage/shot").glob("replaced-*"))


def complete_tasks(manager: RunningManager, job: str) -> None:
    worker = manager.add_worker(types=("blender",))
    while (reply := manager.post("/worker/task", worker=worker)).status == 200:
        report(manager, worker, reply.json["uuid"], taskStatus="completed", stepsCompleted=2)
    eventually(lambda: manager.get(f"/jobs/{job}").json["status"] == "completed")


def tasks_by_name(manager: RunningManager, job: str) -> dict[str, str]:
    tasks = manager.get(f"/jobs/{job}/tasks").json["tasks"]
    return {task["name"]: task["status"] for task in tasks}


def test_selected_frames_are_rendered_again_and_the_old_ones_kept(
    manager: RunningManager, tmp_path: Path
) -> None:
    folder = tmp_path / "render" / "shot"
    rendered(folder, *range(1, 7))
    job = render_job(manager, str(folder / "######"), name="shot")
    complete_tasks(manager, job["id"])
    script = """
    again = bpy.ops.flamenco.render_frames_again
    assert again(job_id=job, frames="3, 5") == {"FINISHED"}
    answer([refused(again, job_id=job, frames="40"), refused(again, job_id=job, frames="many")])
    """
    not_rendered, no_frames = in_bpy(manager, tmp_path, script, job=job["id"])
    assert "renders 40" in not_rendered
    assert "many" in no_frames
    (aside,) = folder.glob("replaced-*")
    assert sorted(each.name for each in aside.iterdir()) == ["000003.png", "000005.png"]
    assert sorted(each.name for each in folder.glob("*.png")) == [
        f"{frame:06}.png" for frame in (1, 2, 4, 6)
    ]
    assert tasks_by_name(manager, job["id"]) == {
        "render-1,2": "completed",
        "render-3,4": "queued",
        "render-5,6": "queued",
    }


def test_frames_of_a_running_task_stay_where_they_are(
    manager: RunningManager, tmp_path: Path
) -> None:
    folder = tmp_path / "render" / "shot"
    rendered(folder, 1)
    worker = manager.add_worker(types=("blender",))
    job = render_job(manager, str(folder / "######"), name="shot")
    take_task(manager, worker)
    script = "    answer(refused(bpy.ops.flamenco.render_frames_again, job_id=job, frames='1'))"
    assert "active" in in_bpy(manager, tmp_path, script, job=job["id"])
    assert (folder / "000001.png").exists()


def test_frames_that_are_not_there_are_told_of_in_words(
    manager: RunningManager, tmp_path: Path
) -> None:
    render = render_job(manager, "/no/such/storage/shot/######", name="shot")["id"]
    other = manager.submit()["id"]
    script = """
    load = bpy.ops.flamenco.load_frames
    answer([refused(load, job_id=render), refused(load, job_id=other),
            refused(bpy.ops.flamenco.open_output_folder, job_id=render)])
    """
    not_mounted, no_frames, no_folder = in_bpy(
        manager, tmp_path, script, render=render, other=other
    )
    assert "not mounted here" in not_mounted
    assert "does not say where its frames go" in no_frames
    assert "not mounted here" in no_folder


def test_a_manager_that_is_away_is_told_of(manager: RunningManager, tmp_path: Path) -> None:
    job = manager.submit()["id"]
    script = """
    bpy.context.preferences.addons["flamenco_addon"].preferences.manager_url = "http://127.0.0.1:1/"
    answer(refused(bpy.ops.flamenco.pause_job, job_id=job))
    """
    assert "cannot be reached" in in_bpy(manager, tmp_path, script, job=job)


def test_lists_follow_the_farm_in_small_steps_and_leave_no_trace_in_files(
    manager: RunningManager, tmp_path: Path
) -> None:
    for number in range(120):
        manager.submit(name=f"secret {number:03}")
    script = """
    import time
    from datetime import timedelta
    from flamenco_addon import background
    from flamenco_addon.monitor import live

    live._is_shown = lambda: True
    live._follow()
    monitor = bpy.context.window_manager.flamenco_monitor

    def until(condition):
        deadline = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < deadline
            background.step(timedelta(milliseconds=2))
            time.sleep(0.005)

    until(lambda: len(monitor.jobs) == 120 and len(monitor.tasks) == 2)
    names = [item.name for item in monitor.jobs]
    bpy.ops.flamenco.delete_job(job_id=monitor.jobs[60].job_id)
    until(lambda: len(monitor.jobs) == 119)
    bpy.ops.wm.save_as_mainfile(filepath=file, compress=False)
    until(lambda: len(monitor.jobs) == 119)
    left = [item.name for item in monitor.jobs]
    bpy.ops.wm.read_homefile(use_empty=True)
    monitor = bpy.context.window_manager.flamenco_monitor
    until(lambda: len(monitor.jobs) == 119)
    answer([names, left, monitor.active_job, live.shown.open_job_id == monitor.jobs[0].job_id])
    """
    file = tmp_path / "scene.blend"
    names, left, active, is_first = in_bpy(manager, tmp_path, script, file=str(file))
    assert names == [f"secret {number:03}" for number in reversed(range(120))]
    assert left == [name for name in names if name != names[60]]
    assert (active, is_first) == (0, True)
    assert b"secret" not in file.read_bytes()
