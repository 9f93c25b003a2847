"""Paths from the artist's platform to the worker's, through a real farm."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from flamenco_core.config import Config
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import (
    AssignedTask,
    SubmittedJob,
    TaskRequest,
    TaskStatistics,
    TaskUpdate,
    WorkerRegistration,
    WorkerSignOn,
)
from flamenco_core.statuses import WorkerStatus
from flamenco_core.variables import Variable, Variables, VariableValue

STORAGE = Variable(
    (
        VariableValue("/mnt/farm/", ("linux",)),
        VariableValue("F:\\farm\\", ("windows",)),
        VariableValue("/Volumes/farm", ("darwin",)),
    ),
    is_twoway=True,
)
BLENDER = Variable(
    (
        VariableValue("{storage}/programs/blender.exe", ("windows",)),
        VariableValue("blender", ("linux", "darwin")),
    )
)


def farm(tmp_path: Path) -> Manager:
    """The farm of a Linux Manager that stores jobs on the shared storage."""
    config = Config(
        home=tmp_path,
        shared_storage_path=Path("/mnt/farm/flamenco"),
        variables=Variables({"storage": STORAGE, "blender": BLENDER}),
        platform="linux",
    )
    return Manager.open(tmp_path / "farm.sqlite", config=config)


def awake(manager: Manager, platform: str) -> str:
    registration = WorkerRegistration(
        name=platform, secret=str(uuid4()), platform=platform, supported_task_types=["blender"]
    )
    worker = manager.register_worker(registration, address="")
    sign_on = WorkerSignOn(name=platform, supported_task_types=["blender"], software_version="1")
    manager.sign_on(worker.uuid, sign_on, address="")
    manager.worker_state_changed(worker.uuid, WorkerStatus.AWAKE)
    return worker.uuid


def render(platform: str, *, blendfile: str, output: str, **metadata: str) -> SubmittedJob:
    return SubmittedJob(
        name="shot",
        type="simple-blender-render",
        submitter_platform=platform,
        settings={
            "frames": "1",
            "chunk_size": 1,
            "render_output_root": output,
            "add_path_components": 0,
            "render_output_path": f"{output}/######",
            "blendfile": blendfile,
            "fps": 24.0,
            "format": "PNG",
            "image_file_extension": ".png",
            "has_previews": False,
            "scene": "Scene",
        },
        metadata=metadata,
    )


def parameters_on(manager: Manager, platform: str) -> dict[str, Any]:
    task = manager.next_task(awake(manager, platform), TaskRequest())
    assert isinstance(task, AssignedTask)
    return task.commands[0].parameters


def test_a_job_of_a_windows_artist_keeps_paths_that_mean_the_same_everywhere(
    tmp_path: Path,
) -> None:
    with farm(tmp_path) as manager:
        submitted = render(
            "windows",
            blendfile="f:/FARM/shots/a b.blend",
            output="F:\\farm\\out",
            project="F:\\farm",
            note="F:\\farmland",
        )
        job = manager.submit_job(submitted, actor=MANAGER)
        assert job.settings["blendfile"] == "{storage}/shots/a b.blend"
        assert job.settings["render_output_path"] == "{storage}/out/######"
        assert job.metadata == {"project": "{storage}", "note": "F:\\farmland"}
        assert job.submitter_platform == "windows"


@pytest.mark.parametrize(
    ("platform", "exe", "blendfile", "output"),
    [
        ("linux", "blender", "/mnt/farm/shots/a b.blend", "/mnt/farm/out/######"),
        ("darwin", "blender", "/Volumes/farm/shots/a b.blend", "/Volumes/farm/out/######"),
        (
            "windows",
            "F:\\farm\\programs\\blender.exe",
            "F:\\farm\\shots\\a b.blend",
            "F:\\farm\\out\\######",
        ),
    ],
)
def test_each_worker_gets_the_paths_of_its_platform(
    tmp_path: Path, platform: str, exe: str, blendfile: str, output: str
) -> None:
    with farm(tmp_path) as manager:
        manager.submit_job(
            render("windows", blendfile="F:\\farm\\shots\\a b.blend", output="F:\\farm\\out")
        )
        parameters = parameters_on(manager, platform)
        assert parameters["exe"] == exe
        assert parameters["blendfile"] == blendfile
        assert output in parameters["args"]


def test_the_jobs_folder_of_a_linux_manager_is_found_by_a_windows_worker(tmp_path: Path) -> None:
    with farm(tmp_path) as manager:
        job = manager.submit_job(
            render("linux", blendfile="{jobs}/shot-1/a.blend", output="/mnt/farm/out")
        )
        assert job.settings["blendfile"] == "{jobs}/shot-1/a.blend"
        blendfile = parameters_on(manager, "windows")["blendfile"]
        assert blendfile == "F:\\farm\\flamenco\\jobs\\shot-1\\a.blend"


def test_what_a_worker_wrote_is_kept_with_paths_that_mean_the_same_everywhere(
    tmp_path: Path,
) -> None:
    with farm(tmp_path) as manager:
        job = manager.submit_job(render("linux", blendfile="/mnt/farm/a.blend", output="/mnt/farm"))
        worker = awake(manager, "windows")
        task = manager.next_task(worker, TaskRequest())
        assert isinstance(task, AssignedTask)
        written = [*(f"F:\\farm\\out\\{frame:06}.png" for frame in range(150)), "C:\\temp\\x"]
        told = TaskStatistics(output_files=written)
        manager.update_task(worker, task.uuid, TaskUpdate(statistics=told, attempt=task.attempt))
        with manager.reader() as reader:
            kept = reader.statistics(job.id)[0]
        assert kept["output_count"] == 151
        assert kept["output_files"][:2] == ["{storage}/out/000000.png", "{storage}/out/000001.png"]


def test_code_for_blender_stays_as_the_job_type_wrote_it(tmp_path: Path) -> None:
    with farm(tmp_path) as manager:
        manager.submit_job(render("linux", blendfile="/mnt/farm/a.blend", output="/mnt/farm"))
        linux = parameters_on(manager, "linux")["args"]
    with farm(tmp_path / "other") as manager:
        manager.submit_job(render("linux", blendfile="/mnt/farm/a.blend", output="/mnt/farm"))
        windows = parameters_on(manager, "windows")["args"]
    assert linux[linux.index("--python-expr") + 1] == windows[windows.index("--python-expr") + 1]


def test_a_submitter_on_the_managers_machine_may_say_just_that(tmp_path: Path) -> None:
    with farm(tmp_path) as manager:
        submitted = render("manager", blendfile="/mnt/farm/a.blend", output="/mnt/farm/out")
        job = manager.submit_job(submitted)
        assert job.submitter_platform == "linux"
        assert job.settings["blendfile"] == "{storage}/a.blend"
