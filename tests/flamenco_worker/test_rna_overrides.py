"""RNA overrides in real Blenders: handed out by a Manager, carried out by the worker's command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flamenco_core.config import Config
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import SubmittedJob
from flamenco_worker.commands import CommandFailed, make_command
from tests.flamenco_core.farms import awake_worker, complete, take
from tests.flamenco_worker.blenders import BlenderProgram
from tests.flamenco_worker.conftest import RecordedTask


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager.open(tmp_path / "farm.sqlite", config=Config()) as manager:
        yield manager


def submit(manager: Manager, blend: Path, output: Path, *lines: str) -> str:
    settings: dict[str, Any] = {
        "frames": "1,2",
        "chunk_size": 1,
        "render_output_root": str(output),
        "render_output_path": f"{output}/######",
        "blendfile": str(blend),
        "format": "PNG",
        "image_file_extension": ".png",
        "scene": "Scene",
    }
    submitted = SubmittedJob(
        name="shot",
        type="simple-blender-render",
        settings=settings,
        submitter_platform="linux",
        rna_overrides=list(lines),
    )
    return manager.submit_job(submitted).id


def render_next(manager: Manager, worker: str, blender: BlenderProgram, task: RecordedTask) -> None:
    assigned = take(manager, worker)
    (command,) = assigned.commands
    command.parameters.update(exe=blender.exe, exeArgs=blender.exe_args)
    make_command(command).run(task.context())
    complete(manager, worker, assigned)


def is_red(image: Image.Image) -> bool:
    """Whether all of it is, up to Blender's dithering."""
    channels = image.convert("RGB").tobytes()
    return min(channels[0::3]) >= 252 and max(channels[1::3] + channels[2::3]) <= 3


def test_each_render_uses_the_overrides_of_that_moment(
    manager: Manager,
    blender: BlenderProgram,
    small_scene: Path,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    """Every pixel turns red, then the frames grow: the file itself stays as it is."""
    output = tmp_path / "out"
    red = [
        "scene = C.scene",
        "scene.render.film_transparent = False",
        "for thing in D.objects:",
        "    thing.hide_render = thing.type != 'CAMERA'",
        "scene.world = D.worlds.new('red')",
        "scene.world.use_nodes = True",
        "scene.world.node_tree.nodes['Background'].inputs[0].default_value = 1, 0, 0, 1",
        "scene.view_settings.view_transform = 'Standard'",
    ]
    job = submit(manager, small_scene, output, *red)
    worker = awake_worker(manager, "blender")
    render_next(manager, worker, blender, new_task())
    with Image.open(output / "000001.png") as image:
        assert image.size == (32, 24)
        assert is_red(image)
    manager.set_rna_overrides(
        job, ["D.scenes['Scene'].render.resolution_percentage = 100"], actor=MANAGER
    )
    render_next(manager, worker, blender, new_task())
    with Image.open(output / "000002.png") as image:
        assert image.size == (64, 48)
        assert not is_red(image)


def test_a_line_that_raises_fails_the_task_and_is_named(
    manager: Manager,
    blender: BlenderProgram,
    small_scene: Path,
    tmp_path: Path,
    task: RecordedTask,
) -> None:
    submit(manager, small_scene, tmp_path / "out", "x = 1", "C.scene.render.no_such_thing = x")
    with pytest.raises(CommandFailed):
        render_next(manager, awake_worker(manager, "blender"), blender, task)
    assert 'File "RNA overrides", line 2' in task.log
    assert not list(tmp_path.glob("out/*.png"))
