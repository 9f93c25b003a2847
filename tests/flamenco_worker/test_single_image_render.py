"""The job type `single-image-render` in real Blenders: its image is the one without tiles."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flamenco_core.manager import Manager
from flamenco_core.model import SubmittedJob
from flamenco_core.statuses import JobStatus
from flamenco_worker.commands import CommandFailed, make_command
from tests.flamenco_core.farms import awake_worker, complete, take_or_none
from tests.flamenco_worker.blenders import BPY, BlenderProgram
from tests.flamenco_worker.conftest import RecordedTask

SCENE = """
for thing in list(bpy.data.objects):
    bpy.data.objects.remove(thing)
bpy.ops.mesh.primitive_plane_add(size=12)
material = bpy.data.materials.new('gradient')
material.use_nodes = True
nodes, links = material.node_tree.nodes, material.node_tree.links
nodes.clear()
place, light = nodes.new('ShaderNodeTexCoord'), nodes.new('ShaderNodeEmission')
links.new(place.outputs['Generated'], light.inputs['Color'])
links.new(light.outputs[0], nodes.new('ShaderNodeOutputMaterial').inputs[0])
bpy.context.object.data.materials.append(material)
bpy.ops.mesh.primitive_ico_sphere_add(radius=1, location=(0.4, 0.3, 1))
scene.camera = bpy.data.objects.new('camera', bpy.data.cameras.new('camera'))
scene.camera.location = (0, 0, 8)
sun = bpy.data.objects.new('sun', bpy.data.lights.new('sun', 'SUN'))
for thing in (scene.camera, sun):
    scene.collection.objects.link(thing)
scene.cycles.samples = 8
scene.render.dither_intensity = 0
scene.use_nodes = True  # a compositor that would spoil each tile
scene.render.use_border, scene.render.border_max_x = True, 0.4
"""
"""A gradient behind a ball with a soft shadow; no two pixels are the same."""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        yield manager


def render_job(
    manager: Manager,
    blender: BlenderProgram,
    new_task: Callable[[], RecordedTask],
    **settings: Any,
) -> list[str]:
    """Submits and carries out a whole job; returns what its tasks have logged."""
    submitted = SubmittedJob(
        name="poster",
        type="single-image-render",
        settings={"scene": "Scene", "format": "PNG", "frame": 1} | settings,
        submitter_platform="linux",
    )
    job = manager.submit_job(submitted)
    worker = awake_worker(manager, "blender")
    logs: list[str] = []
    while (assigned := take_or_none(manager, worker)) is not None:
        task = new_task()
        for command in assigned.commands:
            if command.name == "blender-render":
                command.parameters.update(exe=blender.exe, exeArgs=blender.exe_args)
            make_command(command).run(task.context())
        logs.append(task.log)
        complete(manager, worker, assigned)
    assert manager.job(job.id).status is JobStatus.COMPLETED
    return logs


def without_tiles(blender: BlenderProgram, blend: Path, folder: Path, script: str) -> Any:
    """The image as Blender renders it in one piece, without its compositor."""
    plain = "import bpy; scene = bpy.context.scene; scene.render.use_border = False; "
    plain += "scene.render.use_compositing = False; " + script
    arguments = ["--python-expr", plain, "-o", f"{folder}/whole_######", "-F", "PNG", "-f", "1"]
    finished = blender.run(str(blend), *arguments, folder=folder)
    assert finished.returncode == 0, finished.stdout
    return pixels(folder / "whole_000001.png")


def pixels(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def poster(blender: BlenderProgram, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(f"poster-{blender.name}")
    return blender.make_blend(folder / "poster.blend", SCENE)


@pytest.mark.parametrize(
    ("width", "height", "percentage", "overlap"),
    [(170, 110, 73, 5), (61, 144, 100, 0)],
    ids=["landscape", "portrait"],
)
def test_the_image_is_the_same_as_without_tiles(
    manager: Manager,
    blender: BlenderProgram,
    poster: Path,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
    width: int,
    height: int,
    percentage: int,
    overlap: int,
) -> None:
    render_job(
        manager,
        blender,
        new_task,
        blendfile=str(poster),
        render_output_root=str(tmp_path),
        render_output_path=f"{tmp_path}/out/######",
        resolution_x=width,
        resolution_y=height,
        resolution_percentage=percentage,
        tile_size=64,
        overlap=overlap,
    )
    merged = pixels(tmp_path / "out/000001.png")
    size = f"scene.render.resolution_x, scene.render.resolution_y = {width}, {height}; "
    size += f"scene.render.resolution_percentage = {percentage}"
    whole = without_tiles(blender, poster, tmp_path, size)
    assert merged.shape == (height * percentage // 100, width * percentage // 100, 3)
    assert merged.std() > 10
    assert np.abs(merged - whole).max() <= 1


def test_a_blender_that_cannot_denoise_fails_instead_of_leaving_it_out(
    manager: Manager, tmp_path: Path, new_task: Callable[[], RecordedTask]
) -> None:
    program = shutil.which("blender")
    if program is None:
        pytest.skip("there is no blender on PATH: apt-get install blender")
    blender = BlenderProgram("blender", (program,))
    if (
        "denoises: False"
        not in blender.run(
            "--python-expr",
            "import _cycles; print('denoises:', _cycles.with_openimagedenoise)",
            folder=tmp_path,
        ).stdout
    ):
        pytest.skip("the blender on PATH can denoise")
    with pytest.raises(CommandFailed):
        render_job(
            manager,
            blender,
            new_task,
            blendfile=str(blender.make_blend(tmp_path / "poster.blend", SCENE)),
            render_output_root=str(tmp_path),
            render_output_path=f"{tmp_path}/out/######",
            resolution_x=32,
            resolution_y=32,
            denoise=True,
        )
    assert not list(tmp_path.glob("out/*.png"))


def test_the_merged_image_is_denoised_as_a_whole(
    manager: Manager, tmp_path: Path, new_task: Callable[[], RecordedTask]
) -> None:
    """Debian's Blenders cannot denoise, `bpy` can."""
    noise = "bpy.data.objects['Plane'].data.materials.clear(); sun.data.angle = 3"
    poster = BPY.make_blend(
        tmp_path / "poster.blend", f"{SCENE}\n{noise}; scene.cycles.samples = 1"
    )
    settings = {
        "blendfile": str(poster),
        "render_output_root": str(tmp_path),
        "resolution_x": 96,
        "resolution_y": 64,
        "tile_size": 48,
    }
    for denoise in (False, True):
        output = f"{tmp_path}/{denoise}/######"
        render_job(manager, BPY, new_task, denoise=denoise, render_output_path=output, **settings)
    noisy, clean = (pixels(tmp_path / name / "000001.png") for name in ("False", "True"))
    assert roughness(clean) < 0.7 * roughness(noisy)
    assert abs(clean.mean() - noisy.mean()) < 4


def roughness(image: Any) -> float:
    """How much neighbours differ."""
    return float(np.abs(np.diff(image, axis=0)).mean() + np.abs(np.diff(image, axis=1)).mean())
