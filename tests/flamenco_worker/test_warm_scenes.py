"""Frames from a Blender that stays open look as those of one that renders nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flamenco_worker.blender.keeper import BlenderKeeper
from flamenco_worker.commands import make_command
from tests.flamenco_worker.blenders import BlenderProgram
from tests.flamenco_worker.conftest import RecordedTask
from tests.flamenco_worker.test_blender_render import render_command
from tests.flamenco_worker.warm_scenes import MOVING_CUBE, OWN_BLENDER, SCENES

FRAMES = (3, 8)
"""Not one after the other, and not the first: what is simulated depends on what came before."""


def pixels(path: Path) -> Any:
    """All channels of all pixels, decoded."""
    import OpenImageIO

    opened = OpenImageIO.ImageInput.open(str(path))
    assert opened is not None, path
    try:
        return opened.read_image(OpenImageIO.UNKNOWN)
    finally:
        opened.close()


@pytest.mark.parametrize("name", SCENES)
def test_warm_frames_have_the_pixels_of_cold_ones(
    name: str, blender: BlenderProgram, tmp_path: Path, new_task: Callable[[], RecordedTask]
) -> None:
    script, said = SCENES[name]
    compare_warm_with_cold(blender, script, said, tmp_path, new_task)


def compare_warm_with_cold(
    blender: BlenderProgram,
    script: str,
    said: str,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    """Renders a scene both ways; `said` is what the log says of the second warm frame."""
    blend = blender.make_blend(tmp_path / "scene.blend", MOVING_CUBE + script)
    scene = ["--scene", "Other" if "Other" in script else "Scene"]
    keeper = BlenderKeeper()
    logs = []
    for frame in FRAMES:
        task = new_task()
        command = render_command(blender, blend, tmp_path / "warm", *scene, frames=str(frame))
        command.parameters["exeArgs"] += " -y"
        make_command(command).run(replace(task.context(), blenders=keeper))
        assert task.steps == 1
        logs.append(task)
    keeper.close()
    assert said in logs[-1].log
    assert logs[-1].statistics.so_far().is_warm is (said != OWN_BLENDER)
    seen = []
    for frame in FRAMES:
        cold = ["-y", str(blend), *scene, "-o", f"{tmp_path}/cold/######", "-F", "PNG", "-x", "1"]
        printed = blender.run(*cold, "-f", str(frame), folder=tmp_path).stdout
        assert (tmp_path / f"cold/{frame:06}.png").is_file(), printed
        expected = pixels(tmp_path / f"cold/{frame:06}.png")
        found = pixels(tmp_path / f"warm/{frame:06}.png")
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        assert (found == expected).all(), f"frame {frame} differs"
        seen.append(found)
    assert (seen[0] != seen[1]).any(), "the scene does not change"


def test_a_format_of_another_depth_than_the_scene_s_gives_the_same_pixels(
    blender: BlenderProgram, tmp_path: Path, new_task: Callable[[], RecordedTask]
) -> None:
    script = "scene.render.image_settings.file_format = 'OPEN_EXR'"
    blend = blender.make_blend(tmp_path / "scene.blend", MOVING_CUBE + script)
    keeper = BlenderKeeper()
    for frame in FRAMES:
        command = render_command(blender, blend, tmp_path / "warm", frames=str(frame))
        make_command(command).run(replace(new_task().context(), blenders=keeper))
    keeper.close()
    arguments = [str(blend), "-o", f"{tmp_path}/cold/######", "-F", "PNG", "-f", str(FRAMES[1])]
    printed = blender.run(*arguments, folder=tmp_path).stdout
    name = f"{FRAMES[1]:06}.png"
    assert (tmp_path / "cold" / name).is_file(), printed
    expected, found = pixels(tmp_path / "cold" / name), pixels(tmp_path / "warm" / name)
    assert found.dtype == expected.dtype
    assert (found == expected).all()
