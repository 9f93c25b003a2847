"""The job type `single-image-render`: how an image is cut, and what its tasks are told."""

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
    "frame": 7,
    "tile_size": 64,
    "overlap": 8,
    "resolution_x": 200,
    "resolution_y": 100,
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
        submission("single-image-render", **(SETTINGS | changes)),
        job_id=JOB_ID,
        created=CREATED,
        new_id=lambda: next(ids),
    )


def parameters_of(task: CompiledTask) -> dict[str, Any]:
    (command,) = task.commands
    return command.parameters


def test_tiles_are_rendered_then_merged_then_finished() -> None:
    job = rendered()
    assert [task.name for task in job.tasks] == [
        *(f"render-tile-{y:03}-{x:03}" for y in range(2) for x in range(4)),
        "merge",
        "finish",
    ]
    assert job.tasks[-2].depends_on == list(range(8))
    assert job.tasks[-1].depends_on == [8]
    merge = parameters_of(job.tasks[-2])
    folder = merge["output"].rpartition("/")[0]
    assert folder.endswith("/tiles")
    assert (merge["width"], merge["height"], merge["layers"]) == (200, 100, ["Combined"])
    assert merge["tiles"][5] == {
        "path": f"{folder}/tile-001-001-000007.exr",
        "x": 42,
        "y": 42,
        "width": 66,
        "height": 58,
    }
    tile, final = (parameters_of(job.tasks[index])["args"] for index in (5, -1))
    assert tile[3::2][:2] == [f"{folder}/tile-001-001-######", "OPEN_EXR_MULTILAYER"]
    assert final[-4:] == ["--render-frame", "7", "--", merge["output"]]
    assert final[3] == job.settings["render_output_path"] == folder.replace("tiles", "######")


@given(
    st.integers(1, 3000),
    st.integers(1, 3000),
    st.integers(1, 250),
    st.integers(64, 700),
    st.integers(0, 64),
)
def test_tiles_cover_every_image_and_overlap_at_every_inner_edge(
    width: int, height: int, percentage: int, tile_size: int, overlap: int
) -> None:
    size = [side * percentage // 100 for side in (max(4, width), max(4, height))]
    if min(size) < 1:
        return
    job = rendered(
        resolution_x=max(4, width),
        resolution_y=max(4, height),
        resolution_percentage=percentage,
        tile_size=tile_size,
        overlap=overlap,
    )
    merge = parameters_of(job.tasks[-2])
    assert [merge["width"], merge["height"]] == size
    for start, length, whole in (("x", "width", size[0]), ("y", "height", size[1])):
        sides = sorted({(tile[start], tile[start] + tile[length]) for tile in merge["tiles"]})
        assert sides[0][0] == 0
        assert sides[-1][1] == whole
        for (_, end), (first, _) in pairwise(sides):
            assert end - first >= min(2 * overlap, 1)
            assert end - first <= 2 * overlap
        assert all(end - first <= tile_size + 2 * overlap for first, end in sides)


def test_denoising_asks_for_the_passes_that_it_needs() -> None:
    job = rendered(denoise=True)
    assert parameters_of(job.tasks[-2])["layers"] == [
        "Combined",
        "Denoising Normal",
        "Denoising Albedo",
    ]
    assert "denoising_store_passes = True" in str(parameters_of(job.tasks[0])["args"])


def test_a_negative_frame_is_found_again() -> None:
    job = rendered(frame=-7)
    assert parameters_of(job.tasks[0])["args"][-1] == " -7"
    assert parameters_of(job.tasks[-2])["tiles"][0]["path"].endswith("/tile-000-000--000007.exr")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"format": "FFMPEG"}, "settings.format"),
        ({"render_output_path": ""}, "settings.render_output_path"),
        ({"resolution_percentage": 1, "resolution_x": 4}, "settings.resolution_percentage"),
        ({"resolution_x": 60000, "resolution_y": 60000}, "settings.tile_size"),
        ({"tile_size": 8}, "settings.tile_size"),
        ({"overlap": -1}, "settings.overlap"),
    ],
)
def test_what_makes_no_image_is_refused(changes: dict[str, Any], place: str) -> None:
    with pytest.raises((CompileError, InvalidInput)) as caught:
        rendered(**changes)
    assert [problem.where for problem in caught.value.problems] == [place]
