"""The job type `progressive-render`: how samples are cut, and what its tasks wait for."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.errors import CompileError, InvalidInput
from flamenco_core.job_types.compiled import CompiledJob, CompiledTask
from flamenco_core.job_types.compiler import compile_job
from flamenco_core.job_types.library import JobTypeLibrary
from tests.flamenco_core.job_types.javascript_scripts import JOB_ID
from tests.flamenco_core.job_types.scripts import CREATED, submission

SETTINGS: dict[str, Any] = {
    "frames": "1-6",
    "cycles_sample_count": 8,
    "cycles_sample_cap": 4,
    "render_output_root": "/render",
    "render_output_path": "/render/{timestamp}/######",
    "blendfile": "/shot/scene.blend",
    "format": "PNG",
    "scene": "Scene",
}
LIBRARY = JobTypeLibrary()


def rendered(**changes: Any) -> CompiledJob:
    ids = (f"00000000-0000-0000-0000-{number:012}" for number in range(100_000))
    return compile_job(
        LIBRARY,
        submission("progressive-render", **(SETTINGS | changes)),
        job_id=JOB_ID,
        created=CREATED,
        new_id=lambda: next(ids),
    )


def tasks_by_name(job: CompiledJob) -> dict[str, CompiledTask]:
    return {task.name: task for task in job.tasks}


def parents(job: CompiledJob, name: str) -> list[str]:
    return [job.tasks[index].name for index in tasks_by_name(job)[name].depends_on]


def chunks(samples: int, cap: int) -> list[tuple[int, int]]:
    """The first and the last sample of each chunk, counted from 1."""
    job = rendered(frames="1", cycles_sample_count=samples, cycles_sample_cap=cap)
    names = [task.name.split("-") for task in job.tasks if task.name.startswith("render")]
    return [(int(name[2]), int(name[3])) for name in names]


@pytest.mark.parametrize(
    ("samples", "cap", "expected"),
    [
        (400, 100, "1-10, 11-72, 73-154, 155-236, 237-318, 319-400"),
        (100, 20, "1-2, 3-18, 19-34, 35-50, 51-67, 68-83, 84-100"),
        (1000, 5000, "1-25, 26-181, 182-521, 522-1000"),
        (8, 4, "1-1, 2-4, 5-8"),
        (3, 1, "1-1, 2-2, 3-3"),
        (1, 100, "1-1"),
    ],
)
def test_chunks_of_samples_rise_to_the_cap(samples: int, cap: int, expected: str) -> None:
    assert ", ".join(f"{first}-{last}" for first, last in chunks(samples, cap)) == expected


@given(st.integers(1, 20_000), st.integers(30, 3000))
def test_chunks_hold_each_sample_once_and_none_is_larger_than_the_cap(
    samples: int, cap: int
) -> None:
    found = chunks(samples, cap)
    assert found[0][0] == 1
    assert found[-1][1] == samples
    assert all(following[0] == last + 1 for (_, last), following in pairwise(found))
    assert all(1 <= last - first + 1 <= cap for first, last in found)


def test_each_chunk_is_merged_with_all_before_and_shown() -> None:
    job = rendered(frames="1,2")
    stages = [("1-1", 1, "1,2"), ("2-4", 4, "1"), ("5-8", 8, "1")]
    for samples, end, frames in stages:
        merge = f"merge-to-sample-{end}-frames-{frames}"
        assert f"render-samples-{samples}-frames-{frames}" in parents(job, merge)
        assert parents(job, f"preview-sample-{end}-frames-{frames}") == [merge]
    assert parents(job, "merge-to-sample-4-frames-1")[:-1] == ["merge-to-sample-1-frames-1,2"]
    assert parents(job, "merge-to-sample-8-frames-2")[:-1] == ["merge-to-sample-4-frames-2"]
    assert parents(job, "finish-frames-2") == ["merge-to-sample-8-frames-2"]
    assert len(job.tasks) == 3 + 6 + 6 + 2


def test_merging_weighs_by_samples_and_begins_with_the_first_of_them() -> None:
    job = rendered(frames="-3")
    folder = str(job.settings["render_output_path"]).rpartition("/")[0]
    (command,) = tasks_by_name(job)["merge-to-sample-8-frames--3"].commands
    assert command.parameters == {
        "tiles": [
            {"path": f"{folder}/samples/merged-000004/000000.exr", "weight": 4},
            {"path": f"{folder}/samples/000005-000008/-000003.exr", "weight": 4},
        ],
        "output": f"{folder}/samples/merged-000008/000000.exr",
    }


def test_no_task_waits_for_previews_and_results_come_before_more_samples() -> None:
    job = rendered()
    for task in job.tasks:
        assert not [p for p in parents(job, task.name) if p.startswith(("preview", "finish"))]
        if task.name.startswith("render"):
            assert not task.depends_on
    priorities = {
        kind: {task.priority for task in job.tasks if task.name.startswith(kind)}
        for kind in ("render", "merge", "preview", "finish")
    }
    assert max(priorities.pop("render")) < min(min(found) for found in priorities.values())


def test_tasks_with_few_samples_have_more_frames() -> None:
    job = rendered(frames="1-16", chunk_size=2, cycles_sample_count=400, cycles_sample_cap=100)
    names = [task.name for task in job.tasks if task.name.startswith("render")]
    assert names[:2] == ["render-samples-1-10-frames-1-16", "render-samples-11-72-frames-1,2"]


def test_multilayer_images_keep_their_passes_unless_they_are_denoised() -> None:
    job = rendered(frames="7", format="OPEN_EXR_MULTILAYER", render_output_path="/out/shot-##.v2")
    (command,) = tasks_by_name(job)["finish-frames-7"].commands
    assert command.name == "merge-images"
    assert command.parameters["output"] == "/out/shot-07.v2.exr"
    job = rendered(frames="7", format="OPEN_EXR_MULTILAYER", denoise=True)
    (command,) = tasks_by_name(job)["finish-frames-7"].commands
    assert command.name == "blender-render"
    job = rendered(frames="-7", format="MULTILAYER", render_output_path="/out/shot.exr")
    (command,) = tasks_by_name(job)["finish-frames--7"].commands
    assert command.parameters["output"] == "/out/shot-0007.exr"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"format": "FFMPEG"}, "settings.format"),
        ({"render_output_path": ""}, "settings.render_output_path"),
        ({"cycles_sample_count": 0}, "settings.cycles_sample_count"),
        ({"cycles_sample_cap": 0}, "settings.cycles_sample_cap"),
        ({"cycles_sample_count": 20_000, "cycles_sample_cap": 1}, "settings.cycles_sample_cap"),
        ({"chunk_size": 0}, "settings.chunk_size"),
        ({"frames": "3-1"}, "settings.frames"),
    ],
)
def test_what_cannot_be_rendered_is_refused(changes: dict[str, Any], place: str) -> None:
    with pytest.raises((CompileError, InvalidInput)) as caught:
        rendered(**changes)
    assert [problem.where for problem in caught.value.problems] == [place]
