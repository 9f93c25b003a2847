"""Frames from a Blender that stays open look as those of one that renders nothing else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flamenco_worker.blender.keeper import BlenderKeeper
from flamenco_worker.commands import make_command
from tests.flamenco_worker.blenders import BlenderProgram
from tests.flamenco_worker.conftest import RecordedTask
from tests.flamenco_worker.test_blender_render import render_command
from tests.flamenco_worker.warm_scenes import OWN_BLENDER, SCENES, rendered_scene

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
    name: str,
    blender: BlenderProgram,
    warm_scenes: dict[str, Path],
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    compare_warm_with_cold(
        blender, warm_scenes[name], SCENES[name][1], tmp_path, new_task, scene=rendered_scene(name)
    )


def compare_warm_with_cold(
    blender: BlenderProgram,
    blend: Path,
    said: str,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
    scene: str = "Scene",
) -> None:
    """Renders a scene both ways; `said` is what the log says of the second warm frame."""
    with ThreadPoolExecutor() as side:
        # Each in a Blender that has rendered nothing else; starting is most of the work.
        cold = [
            side.submit(render_cold, blender, blend, frame, tmp_path, scene) for frame in FRAMES
        ]
        render_warm(blender, blend, said, tmp_path, scene, new_task)
        expected = [each.result() for each in cold]
    seen = [pixels(tmp_path / f"warm/{frame:06}.png") for frame in FRAMES]
    for frame, warm, of_cold in zip(FRAMES, seen, expected, strict=True):
        assert warm.dtype == of_cold.dtype
        assert warm.shape == of_cold.shape
        assert (warm == of_cold).all(), f"frame {frame} differs"
    assert (seen[0] != seen[1]).any(), "the scene does not change"


def render_warm(
    blender: BlenderProgram,
    blend: Path,
    said: str,
    tmp_path: Path,
    scene: str,
    new_task: Callable[[], RecordedTask],
) -> None:
    keeper = BlenderKeeper()
    logs = []
    for frame in FRAMES:
        task = new_task()
        command = render_command(
            blender, blend, tmp_path / "warm", "--scene", scene, frames=str(frame)
        )
        command.parameters["exeArgs"] += " -y"
        make_command(command).run(replace(task.context(), blenders=keeper))
        assert task.steps == 1
        logs.append(task)
    keeper.close()
    assert said in logs[-1].log
    assert logs[-1].statistics.so_far().is_warm is (said != OWN_BLENDER)


def render_cold(
    blender: BlenderProgram, blend: Path, frame: int, tmp_path: Path, scene: str = "Scene"
) -> Any:
    """The pixels of a frame from a Blender of its own."""
    folder = tmp_path / f"cold-{frame}"
    folder.mkdir(parents=True)
    output = ["-o", f"{folder}/######", "-F", "PNG", "-x", "1"]
    arguments = ["-y", str(blend), "--scene", scene, *output, "-f", str(frame)]
    printed = blender.run(*arguments, folder=folder).stdout
    assert (folder / f"{frame:06}.png").is_file(), printed
    return pixels(folder / f"{frame:06}.png")


def test_a_format_of_another_depth_than_the_scene_s_gives_the_same_pixels(
    blender: BlenderProgram,
    warm_scenes: dict[str, Path],
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    blend = warm_scenes["deeper images"]
    keeper = BlenderKeeper()
    for frame in FRAMES:
        command = render_command(blender, blend, tmp_path / "warm", frames=str(frame))
        make_command(command).run(replace(new_task().context(), blenders=keeper))
    keeper.close()
    expected = render_cold(blender, blend, FRAMES[1], tmp_path)
    found = pixels(tmp_path / f"warm/{FRAMES[1]:06}.png")
    assert found.dtype == expected.dtype
    assert (found == expected).all()
