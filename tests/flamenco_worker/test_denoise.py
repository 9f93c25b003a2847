"""The command `denoise`, with the Blenders that can and one that cannot."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest

from flamenco_core.errors import InvalidInput
from flamenco_core.model import Command as TaskCommand
from flamenco_worker.commands import CommandFailed, make_command
from tests.flamenco_worker.blenders import BPY
from tests.flamenco_worker.conftest import RecordedTask

NOISY = """
scene.cycles.samples = 1
scene.cycles.use_adaptive_sampling = False
scene.view_layers[0].cycles.denoising_store_passes = True
scene.view_layers[0].use_pass_cryptomatte_object = True
scene.render.resolution_percentage = 100
scene.render.image_settings.file_format = 'OPEN_EXR_MULTILAYER'
bpy.data.lights[0].shadow_soft_size = 8
scene.camera.data.lens = 250
"""
"""A wide light on a cube that fills the picture, and too few samples for it."""


@pytest.fixture(scope="module")
def noisy_frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two frames of 64 × 48 pixels, multilayer EXR with the denoiser's passes."""
    folder = tmp_path_factory.mktemp("noisy")
    blend = BPY.make_blend(folder / "noisy.blend", NOISY)
    done = BPY.run(str(blend), "-o", f"{folder}/noisy-######", "-f", "1..2", folder=folder)
    assert done.returncode == 0, done.stdout
    return folder


def denoise(exe: str = BPY.exe, exe_args: str = BPY.exe_args, **parameters: Any) -> TaskCommand:
    given = {"exe": exe, "exeArgs": exe_args} | parameters
    return TaskCommand(name="denoise", parameters=given, total_step_count=2)


def channels_of(path: Path) -> dict[str, Any]:
    """All channels of an EXR file by their names."""
    found: dict[str, Any] = {}
    for part in range(OpenImageIO.ImageBuf(str(path)).nsubimages):
        image = OpenImageIO.ImageBuf(str(path), part, 0)
        pixels = image.get_pixels(OpenImageIO.FLOAT)
        names = image.spec().channelnames
        assert pixels is not None
        found |= {name: pixels[:, :, place] for place, name in enumerate(names)}
    return found


def roughness(channel: Any) -> float:
    """How much neighbouring pixels differ."""
    return float(np.abs(np.diff(channel, axis=0)).mean() + np.abs(np.diff(channel, axis=1)).mean())


def test_frames_are_denoised_and_all_else_in_them_stays(
    noisy_frames: Path, tmp_path: Path, task: RecordedTask, new_task: Callable[[], RecordedTask]
) -> None:
    source, output = f"{noisy_frames}/noisy-######.exr", f"{tmp_path}/out/clean-####.exr"
    command = denoise(input=source, output=output, frames="1-2")
    make_command(command).run(task.context())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "clean-0001.exr",
        "clean-0002.exr",
    ]
    assert task.steps == 2
    before = channels_of(noisy_frames / "noisy-000001.exr")
    after = channels_of(tmp_path / "out" / "clean-0001.exr")
    assert before.keys() == after.keys()
    assert any("Crypto" in name for name in before)
    for name, channel in before.items():
        if name.endswith(("Combined.R", "Combined.G", "Combined.B")):
            assert roughness(after[name]) < 0.8 * roughness(channel)
            assert abs(after[name].mean() - channel.mean()) < 0.1 * channel.mean()
        else:
            np.testing.assert_array_equal(after[name], channel)
    again = new_task()
    make_command(command).run(again.context())
    assert "nothing is left to denoise" in again.log
    assert again.steps == 2


def test_a_file_without_layers_can_take_its_own_place(tmp_path: Path, task: RecordedTask) -> None:
    picture = tmp_path / "picture.exr"
    spec = OpenImageIO.ImageSpec(64, 48, 4, OpenImageIO.HALF)
    image = OpenImageIO.ImageBuf(spec)
    noise = np.random.default_rng(1).uniform(0.2, 0.8, (48, 64, 4)).astype(np.float32)
    image.set_pixels(spec.roi, noise)
    assert image.write(str(picture))
    before = channels_of(picture)
    make_command(denoise(input=str(picture), output=str(picture))).run(task.context())
    after = channels_of(picture)
    assert all(roughness(after[name]) < 0.5 * roughness(before[name]) for name in "RGB")
    np.testing.assert_array_equal(after["A"], before["A"])


def test_a_blender_without_denoiser_is_named_as_such(
    noisy_frames: Path, tmp_path: Path, task: RecordedTask
) -> None:
    blender = shutil.which("blender")
    if blender is None:
        pytest.skip("there is no blender on PATH: apt-get install blender")
    source = noisy_frames / "noisy-000001.exr"
    command = denoise(blender, "-b", input=str(source), output=str(tmp_path / "clean.exr"))
    with pytest.raises(CommandFailed, match="built without OpenImageDenoise"):
        make_command(command).run(task.context())
    assert list(tmp_path.iterdir()) == []


def test_a_torn_file_is_refused_before_blender_starts(tmp_path: Path, task: RecordedTask) -> None:
    torn = tmp_path / "torn.exr"
    torn.write_bytes(b"\x76\x2f\x31\x01 and nothing else")
    with pytest.raises(CommandFailed, match=r"torn\.exr cannot be denoised"):
        make_command(denoise(input=str(torn), output=str(tmp_path / "x.exr"))).run(task.context())
    assert "going to run" not in task.log


def test_wrong_parameters_are_all_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        make_command(denoise(exe="", input="a.exr", frames="x"))
    assert [problem.where for problem in refused.value.problems] == [
        "parameters.exe",
        "parameters.output",
        "parameters.input",
        "parameters.output",
        "parameters.frames",
    ]
