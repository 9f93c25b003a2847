"""The job type `progressive-render` in real Blenders: its chunks add up to all samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest
from PIL import Image

from flamenco_core.manager import Manager
from flamenco_worker.commands import CommandFailed
from tests.flamenco_worker.blenders import BPY, BlenderProgram
from tests.flamenco_worker.carried_out import carry_out
from tests.flamenco_worker.conftest import RecordedTask

SCENE = """
sun = next(thing for thing in scene.objects if thing.type == 'LIGHT')
sun.data.shadow_soft_size = 3
scene.objects['Cube'].keyframe_insert('location', frame=1)
scene.objects['Cube'].location.x = 2
scene.objects['Cube'].keyframe_insert('location', frame=3)
bpy.ops.mesh.primitive_plane_add(size=12, location=(0, 0, -1))
scene.cycles.samples = 99
scene.cycles.use_adaptive_sampling = True
scene.view_layers[0].samples = 3
scene.view_layers[0].use_pass_object_index = scene.view_layers[0].use_pass_z = True
scene.view_layers[0].use_pass_cryptomatte_object = True
scene.objects['Cube'].pass_index = 7
scene.render.dither_intensity = 0
scene.render.resolution_percentage = 100
scene.use_nodes = True  # a compositor that would spoil what is merged
"""
"""A moving cube with a soft, noisy shadow."""

SAMPLES = 8
CHUNKS = {"000001-000001": 1, "000002-000004": 3, "000005-000008": 4}


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        yield manager


def render_job(
    manager: Manager,
    blender: BlenderProgram,
    new_task: Callable[[], RecordedTask],
    folder: Path,
    **settings: Any,
) -> list[str]:
    """Submits and carries out a whole job; returns the names of its tasks in their order."""
    defaults = {
        "scene": "Scene",
        "format": "OPEN_EXR_MULTILAYER",
        "frames": "1",
        "cycles_sample_count": SAMPLES,
        "cycles_sample_cap": 4,
        "render_output_root": str(folder),
        "render_output_path": f"{folder}/out/######",
    }
    logs = carry_out(manager, blender, new_task, "progressive-render", defaults | settings)
    return list(logs)


def passes(path: Path) -> dict[str, Any]:
    """The pixels of an EXR file by the name of the pass and its channel."""
    found: dict[str, Any] = {}
    for part in range(OpenImageIO.ImageBuf(str(path)).nsubimages):
        image = OpenImageIO.ImageBuf(str(path), part, 0)
        pixels: Any = image.get_pixels(OpenImageIO.FLOAT)
        for index, name in enumerate(image.spec().channelnames):
            found[name.partition(".")[2]] = pixels[:, :, index]
    return found


def combined(path: Path) -> Any:
    found = passes(path)
    return np.stack([found[f"Combined.{channel}"] for channel in "RGBA"], axis=2)


def in_one_piece(blender: BlenderProgram, blend: Path, path: Path, samples: int) -> Any:
    """The image as Blender renders it with so many samples at once."""
    script = "import bpy; scene = bpy.context.scene; scene.render.use_compositing = False; "
    script += f"scene.cycles.samples = {samples}; scene.cycles.use_adaptive_sampling = False; "
    script += "scene.cycles.use_layer_samples = 'IGNORE'; "
    script += "scene.render.image_settings.color_depth = '32'"
    output = ["-o", f"{path}-######", "-F", "OPEN_EXR_MULTILAYER", "--python-expr", script]
    finished = blender.run(str(blend), *output, "-f", "1", folder=path.parent)
    assert finished.returncode == 0, finished.stdout
    return combined(path.with_name(f"{path.name}-000001.exr"))


@pytest.fixture(scope="module")
def shot(blender: BlenderProgram, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(f"shot-{blender.name}")
    return blender.make_blend(folder / "shot.blend", SCENE)


def test_chunks_of_samples_add_up_to_the_image_with_all_samples(
    manager: Manager,
    blender: BlenderProgram,
    shot: Path,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    render_job(manager, blender, new_task, tmp_path, blendfile=str(shot))
    out = tmp_path / "out"
    final = combined(out / "000001.exr")
    chunks = {name: combined(out / f"samples/{name}/000001.exr") for name in CHUNKS}

    weighted = sum(chunks[name] * count for name, count in CHUNKS.items()) / SAMPLES
    np.testing.assert_allclose(final, weighted, rtol=1e-5, atol=1e-6)
    whole = in_one_piece(blender, shot, tmp_path / "whole", SAMPLES)
    np.testing.assert_allclose(final, whole, rtol=1e-3, atol=1e-4)

    reference = in_one_piece(blender, shot, tmp_path / "reference", 512)
    distance = {name: float(np.square(chunk - reference).mean()) for name, chunk in chunks.items()}
    assert np.square(final - reference).mean() < 0.8 * min(distance.values())

    kept, rendered = passes(out / "000001.exr"), passes(tmp_path / "whole-000001.exr")
    assert "CryptoObject00.r" in kept
    for name in (name for name in kept if name.startswith("CryptoObject00")):
        assert np.isclose(kept[name], rendered[name], rtol=1e-4, atol=1e-4).mean() > 0.95
    names = OpenImageIO.ImageBuf(str(out / "000001.exr")).spec().extra_attribs
    assert any(entry.name.endswith("/manifest") and "Cube" in str(entry.value) for entry in names)
    assert {"Depth.Z", "Depth.V"} & kept.keys()
    numbers = [value for name, value in kept.items() if name.startswith(("IndexOB", "Object Ind"))]
    assert set(np.unique(numbers)) == {0, 7}


def test_frames_are_shown_after_each_merge_and_finished_by_blender(
    manager: Manager,
    blender: BlenderProgram,
    shot: Path,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    names = render_job(
        manager, blender, new_task, tmp_path, blendfile=str(shot), frames="-1,3", format="PNG"
    )
    assert [name.partition("-")[0] for name in names].count("preview") == len(CHUNKS) + 2
    assert names.index("preview-sample-1-frames--1,3") < names.index("render-samples-2-4-frames--1")
    for folder in ("previews/000001-samples", "previews/000004-samples", "previews/000008-samples"):
        found = sorted(path.name for path in (tmp_path / "out" / folder).glob("*.jpg"))
        assert found == ["-000001.jpg", "000003.jpg"]
    first, last = (pixels(tmp_path / f"out/{name}.png") for name in ("-000001", "000003"))
    assert np.abs(first - last).max() > 50, "these are the same frame"
    for name, final in (("-000001", first), ("000003", last)):
        preview = pixels(tmp_path / f"out/previews/000008-samples/{name}.jpg")
        assert final.shape == preview.shape == (48, 64, 3)
        assert np.abs(final - preview).mean() < 6
        plain = blender_picture(blender, shot, tmp_path, int(name))
        assert np.abs(final - plain).max() <= 2


def blender_picture(blender: BlenderProgram, blend: Path, folder: Path, frame: int) -> Any:
    script = "import bpy; scene = bpy.context.scene; scene.render.use_compositing = False; "
    script += f"scene.cycles.samples = {SAMPLES}; scene.cycles.use_adaptive_sampling = False; "
    script += "scene.cycles.use_layer_samples = 'IGNORE'; "
    script += (
        f"scene.frame_set({frame}); scene.render.filepath = {f'{folder}/plain{frame}.png'!r}; "
    )
    script += "scene.render.image_settings.file_format = 'PNG'; "
    script += "bpy.ops.render.render(write_still=True)"
    finished = blender.run(str(blend), "--python-expr", script, folder=folder)
    assert finished.returncode == 0, finished.stdout
    return pixels(folder / f"plain{frame}.png")


def pixels(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize("crop", [True, False], ids=["cropped", "black-around"])
def test_what_the_scene_leaves_out_is_left_out(
    manager: Manager,
    blender: BlenderProgram,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
    crop: bool,
) -> None:
    border = "render = scene.render; render.border_min_x, render.border_max_x = 0.25, 0.75; "
    border += "render.border_min_y, render.border_max_y = 0.5, 1; "
    border += f"render.use_border, render.use_crop_to_border = True, {crop}"
    blend = blender.make_blend(tmp_path / "shot.blend", f"{SCENE}\n{border}")
    render_job(manager, blender, new_task, tmp_path, blendfile=str(blend), format="PNG")
    final, plain = pixels(tmp_path / "out/000001.png"), blender_picture(blender, blend, tmp_path, 1)
    assert final.shape == plain.shape == ((24, 32, 3) if crop else (48, 64, 3))
    assert np.abs(final - plain).max() <= 2


def test_frames_are_denoised_after_the_last_merge(
    manager: Manager, tmp_path: Path, new_task: Callable[[], RecordedTask]
) -> None:
    """Debian's Blenders cannot denoise, `bpy` can."""
    blend = BPY.make_blend(tmp_path / "shot.blend", SCENE)
    settings = {"blendfile": str(blend), "format": "PNG", "denoise": True}
    render_job(manager, BPY, new_task, tmp_path, **settings)
    noisy = pixels(tmp_path / "out/previews/000008-samples/000001.jpg")
    clean = pixels(tmp_path / "out/000001.png")
    merged = passes(tmp_path / "out/samples/merged-000008/000001.exr")
    assert {"Denoising Normal.X", "Denoising Albedo.R"} <= merged.keys()
    assert roughness(clean) < 0.8 * roughness(noisy)
    assert abs(clean.mean() - noisy.mean()) < 4


def roughness(image: Any) -> float:
    """How much neighbours differ."""
    return float(np.abs(np.diff(image, axis=0)).mean() + np.abs(np.diff(image, axis=1)).mean())


def test_a_scene_of_another_engine_is_refused(
    manager: Manager, tmp_path: Path, new_task: Callable[[], RecordedTask]
) -> None:
    blend = BPY.make_blend(tmp_path / "shot.blend", "scene.render.engine = 'BLENDER_WORKBENCH'")
    with pytest.raises(CommandFailed, match="only the samples of Cycles can be merged"):
        render_job(manager, BPY, new_task, tmp_path, blendfile=str(blend))
