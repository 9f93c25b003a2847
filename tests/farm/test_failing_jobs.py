"""Jobs that cannot succeed end as failed, with a sentence, although Blender exits with 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import demo_scene
from tests.farm.farm import Farm, render_job

RAISING_JOB_TYPE = '''
"""Renders a frame after Python that raises."""

from flamenco_core.job_types.authoring import JobType, Setting

JOB_TYPE = JobType(
    label="Raise",
    description="Render one frame after Python that raises",
    settings=[
        Setting("blendfile", "string", required=True),
        Setting("output", "string", required=True),
    ],
)


def compile_job(job):
    task = job.task("render-1", type="blender")
    parameters = {
        "exe": "{blender}",
        "exeArgs": "{blenderArgs}",
        "argsBefore": [],
        "blendfile": job.settings.blendfile,
        "args": [
            *("--python-expr", "raise ValueError('the pipeline is broken')"),
            *("--render-output", job.settings.output),
            *("--render-format", "PNG"),
            *("--render-frame", "1"),
        ],
    }
    task.command("blender-render", parameters, total_step_count=1)
'''


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, blender: Path) -> Iterator[Farm]:
    """One for all: a Worker that has met a job that cannot succeed is as good as new."""
    farm = Farm(tmp_path_factory.mktemp("failing") / "farm", blender)
    farm.start_manager()
    farm.start_worker()
    yield farm
    farm.stop()


def failed_task(farm: Farm, job: Mapping[str, object]) -> dict[str, Any]:
    """Runs a job that must fail; returns the task that did."""
    job_id = farm.submit_job(job)
    ended = farm.wait_for_end(job_id)
    assert ended["status"] == "failed", farm.logs()
    (task,) = [task for task in farm.tasks(job_id) if task["task_type"] == "blender"]
    assert task["status"] == "failed"
    return task


def test_a_wrong_scene_name_fails_the_job_and_is_named(
    farm: Farm, demo: Path, tmp_path: Path
) -> None:
    blend = demo / demo_scene.BLENDFILE
    task = failed_task(farm, render_job(blend, tmp_path / "output", scene="No such scene"))
    assert "No such scene" in task["activity"]
    assert list((tmp_path / "output").rglob("*.png")) == []


def test_python_that_raises_fails_the_job_and_is_quoted(
    farm: Farm, demo: Path, tmp_path: Path
) -> None:
    (farm.home / "scripts").mkdir(exist_ok=True)
    (farm.home / "scripts" / "raise.py").write_text(RAISING_JOB_TYPE, encoding="utf-8")
    settings = {
        "blendfile": str(demo / demo_scene.BLENDFILE),
        "output": f"{tmp_path}/output/######",
    }
    job = {"name": "raise", "type": "raise", "submitter_platform": "linux", "settings": settings}
    task = failed_task(farm, job)
    assert "the pipeline is broken" in task["activity"]


def test_a_missing_file_fails_the_job_and_is_named(farm: Farm, tmp_path: Path) -> None:
    task = failed_task(farm, render_job(tmp_path / "absent.blend", tmp_path / "output"))
    assert "absent.blend" in task["activity"]
    assert "Traceback" not in task["activity"]


def test_a_file_that_is_no_blend_file_fails_the_job_and_is_named(
    farm: Farm, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.blend"
    broken.write_bytes(b"BLENDER-v405" + b"\0" * 500)
    task = failed_task(farm, render_job(broken, tmp_path / "output"))
    assert "broken.blend" in task["activity"]
