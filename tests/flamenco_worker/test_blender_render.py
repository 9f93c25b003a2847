"""The command `blender-render` with real Blenders, good files and bad ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flamenco_core.errors import InvalidInput
from flamenco_core.frames import parse_frames
from flamenco_core.model import Command as TaskCommand
from flamenco_worker.blender.image_files import read_image
from flamenco_worker.cancellation import Cancelled
from flamenco_worker.commands import CommandFailed, make_command
from flamenco_worker.process import ProgramMissing
from tests.flamenco_worker.blenders import BPY, BlenderProgram
from tests.flamenco_worker.conftest import RecordedTask

OVERRIDES = (
    "import bpy; render = bpy.context.scene.render; render.use_file_extension = True; "
    "render.use_overwrite = False; render.use_placeholder = False"
)
EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "OPEN_EXR": "exr", "TIFF": "tif"}


def render_command(
    blender: BlenderProgram,
    blend: Path,
    output: Path,
    *before_output: str,
    frames: str = "1..3",
    file_format: str = "PNG",
) -> TaskCommand:
    """A command as the job type `simple-blender-render` authors it."""
    arguments = [*before_output, "--python-expr", OVERRIDES, "--render-output", f"{output}/######"]
    arguments += ["--render-format", file_format, "--render-frame", frames]
    parameters: dict[str, Any] = {
        "exe": blender.exe,
        "exeArgs": blender.exe_args,
        "argsBefore": [],
        "blendfile": str(blend),
        "args": arguments,
    }
    return TaskCommand(name="blender-render", parameters=parameters, total_step_count=3)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_frames_are_rendered_verified_and_counted(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, task: RecordedTask
) -> None:
    output = tmp_path / "out"
    make_command(render_command(blender, small_scene, output)).run(task.context())
    assert names_in(output) == ["000001.png", "000002.png", "000003.png"]
    assert task.steps == 3
    assert task.images == [output / f"00000{frame}.png" for frame in (1, 2, 3)]
    assert task.lines[1].startswith("going to run:\n\n    ")
    assert "Rendering frame 2" in " ".join(task.activities)
    assert "flamenco-render-report" not in task.log.replace(task.lines[1], "")


def test_negative_frames_and_any_sequence_are_rendered_as_written_for_blender(
    blender: BlenderProgram,
    small_scene: Path,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
) -> None:
    frames = parse_frames("first-middle-last: -3--1, 5-9x2").for_blender()
    names = [f"-00000{frame}.png" for frame in (1, 2, 3)]
    names += [f"00000{frame}.png" for frame in (5, 7, 9)]
    for attempt in (1, 2):  # the second finds everything there
        task = new_task()
        command = render_command(blender, small_scene, tmp_path / "out", frames=frames)
        make_command(command).run(task.context(attempt))
        assert names_in(tmp_path / "out") == names
        assert task.steps == 6


def test_whole_frames_are_kept_and_not_rendered_again(
    blender: BlenderProgram,
    small_scene: Path,
    tmp_path: Path,
    task: RecordedTask,
    new_task: Callable[[], RecordedTask],
) -> None:
    make_command(render_command(blender, small_scene, tmp_path)).run(task.context())
    (tmp_path / "000002.png").unlink()
    before = identity(tmp_path / "000001.png")
    again = new_task()
    make_command(render_command(blender, small_scene, tmp_path)).run(again.context(attempt=2))
    assert again.steps == 3
    assert identity(tmp_path / "000001.png") == before
    assert names_in(tmp_path) == ["000001.png", "000002.png", "000003.png"]
    third = new_task()
    make_command(render_command(blender, small_scene, tmp_path)).run(third.context(attempt=3))
    assert third.steps == 3
    assert "nothing is left to render" in third.log


def test_frames_of_other_tasks_do_not_cost_a_second_start(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, task: RecordedTask
) -> None:
    (tmp_path / "000009.png").write_bytes(b"somebody else's")
    make_command(render_command(blender, small_scene, tmp_path, frames="1")).run(task.context())
    assert task.log.count("going to run:") == 1


def identity(path: Path) -> tuple[int, int]:
    """What changes when a file is written again."""
    return path.stat().st_ino, path.stat().st_mtime_ns


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def make_smaller(path: Path) -> None:
    with Image.open(path) as image:
        small = image.resize((16, 12))
    small.save(path)


def write_other_format(path: Path) -> None:
    with Image.open(path) as image:
        small = image.convert("RGB")
    small.save(path, "GIF" if path.suffix == ".png" else "PNG")


def empty(path: Path) -> None:
    path.write_bytes(b"")


SPOILED: dict[str, tuple[str, Callable[[Path], None]]] = {
    "truncated PNG": ("PNG", cut_in_half),
    "truncated JPEG": ("JPEG", cut_in_half),
    "truncated EXR": ("OPEN_EXR", cut_in_half),
    "truncated TIFF": ("TIFF", cut_in_half),
    "wrong size": ("PNG", make_smaller),
    "zero bytes": ("PNG", empty),
    "other format": ("JPEG", write_other_format),
    "missing middle frame": ("PNG", Path.unlink),
}


@pytest.mark.parametrize(
    "blender", ["bpy", pytest.param("blender", marks=pytest.mark.thorough)], indirect=True
)
@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_frame_from_before_is_rendered_again(
    blender: BlenderProgram,
    small_scene: Path,
    tmp_path: Path,
    new_task: Callable[[], RecordedTask],
    name: str,
) -> None:
    file_format, spoil = SPOILED[name]
    command = render_command(blender, small_scene, tmp_path, file_format=file_format)
    make_command(command).run(new_task().context())
    frames = [tmp_path / f"00000{frame}.{EXTENSIONS[file_format]}" for frame in (1, 2, 3)]
    spoil(frames[1])
    kept = [identity(frames[0]), identity(frames[2])]
    again = new_task()
    make_command(command).run(again.context(attempt=2))
    for frame in frames:
        assert read_image(frame, file_format).width == 32
    assert [identity(frames[0]), identity(frames[2])] == kept
    assert again.steps == 3
    if name != "missing middle frame":
        assert f"{frames[1]} is no whole frame" in again.log


def spoiling_handler(body: str) -> str:
    """Makes Blender itself spoil frame 2 right after writing it; so it renders in place."""
    return (
        "import bpy, os\n"
        "from pathlib import Path\n"
        "def spoil(scene, *rest):\n"
        "    if scene.frame_current == 2:\n"
        "        path = Path(scene.render.frame_path(frame=2))\n"
        "        data = path.read_bytes()\n"
        f"        {body}\n"
        "bpy.app.handlers.render_write.append(spoil)\n"
    )


IN_PLACE = {
    "truncated PNG": ("PNG", "path.write_bytes(data[:-40])", "is a torn PNG file"),
    "truncated JPEG": ("JPEG", "path.write_bytes(data[:-40])", "is a torn JPEG file"),
    "truncated EXR": ("OPEN_EXR", "path.write_bytes(data[:-40])", "torn or damaged OpenEXR file"),
    "truncated TIFF": ("TIFF", "path.write_bytes(data[:-40])", "is a torn TIFF file"),
    "wrong size": (
        "PNG",
        "import shutil; shutil.copy(os.environ['OTHER_SIZE'], path)",
        "has the wrong size: 16 × 12 pixels instead of 32 × 24",
    ),
    "zero bytes": ("PNG", "path.write_bytes(b'')", "is empty, it has zero bytes"),
    "old file": (
        "PNG",
        "os.utime(path, (978307200, 978307200))",
        "is an old file, it was not written by this render",
    ),
    "other format": (
        "JPEG",
        "import shutil; shutil.copy(os.environ['OTHER_SIZE'], path)",
        "is not JPEG: its content is PNG",
    ),
    "missing middle frame": ("PNG", "path.unlink()", "was not written, it does not exist"),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_spoiled_frame_is_refused_with_its_own_sentence_and_rendered_again(
    blender: BlenderProgram,
    small_scene: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    new_task: Callable[[], RecordedTask],
    name: str,
) -> None:
    file_format, body, sentence = IN_PLACE[name]
    Image.new("RGB", (16, 12)).save(tmp_path / "other.png")
    monkeypatch.setenv("OTHER_SIZE", str(tmp_path / "other.png"))
    output = tmp_path / "out"
    spoil = ("--python-expr", spoiling_handler(body))
    spoiled = render_command(blender, small_scene, output, *spoil, file_format=file_format)
    first = new_task()
    with pytest.raises(CommandFailed, match=sentence) as failure:
        make_command(spoiled).run(first.context())
    assert failure.value.message.startswith(f"Frame 2: {output}/000002.")
    assert first.steps == 2
    again = new_task()
    whole = render_command(blender, small_scene, output, file_format=file_format)
    make_command(whole).run(again.context(attempt=2))
    frame = output / f"000002.{EXTENSIONS[file_format]}"
    assert read_image(frame, file_format).width == 32
    assert again.steps == 3
    assert "frame 1 is there already, whole" in again.log


FAILURES = {
    "wrong scene": (("--scene", "Nope"), "There is no scene 'Nope' in "),
    "python raises": (
        ("--python-expr", "raise ValueError('oh')"),
        "Python failed in Blender: ValueError: oh",
    ),
    "no camera": (
        ("--python-expr", "import bpy; bpy.context.scene.camera = None"),
        "The scene has no camera",
    ),
    "unknown engine": (("--engine", "NOPE"), "This Blender has no render engine 'NOPE'"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_blender_does_not_mind_fails_with_a_sentence_and_leaves_no_frame(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, task: RecordedTask, name: str
) -> None:
    arguments, sentence = FAILURES[name]
    with pytest.raises(CommandFailed) as failure:
        make_command(render_command(blender, small_scene, tmp_path, *arguments)).run(task.context())
    assert sentence in failure.value.message
    assert list(tmp_path.rglob("*.png")) == []


def test_a_folder_that_cannot_be_made_is_named(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, task: RecordedTask
) -> None:
    (tmp_path / "file").touch()
    output = tmp_path / "file" / "out"
    with pytest.raises(CommandFailed, match=r"Frames cannot be written to .*: Not a directory"):
        make_command(render_command(blender, small_scene, output)).run(task.context())


def test_a_full_disk_is_called_full(
    small_scene: Path, tmp_path: Path, task: RecordedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "flamenco_worker.commands.blender_render.disk_usage",
        lambda _path: shutil.disk_usage(tmp_path)._replace(free=4096),
    )
    spoil = ("--python-expr", spoiling_handler("path.write_bytes(b'')"))
    with pytest.raises(
        CommandFailed, match=r"The disk of the frames is full: no space left on device\. Frame 2: "
    ):
        make_command(render_command(BPY, small_scene, tmp_path, *spoil)).run(task.context())


def test_a_missing_blend_file_fails_with_a_sentence(
    blender: BlenderProgram, tmp_path: Path, task: RecordedTask
) -> None:
    blend = tmp_path / "missing.blend"
    with pytest.raises(CommandFailed, match=r"Blender cannot open .*missing\.blend: No such file"):
        make_command(render_command(blender, blend, tmp_path)).run(task.context())


def test_a_damaged_blend_file_fails_with_a_sentence(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, task: RecordedTask
) -> None:
    blend = tmp_path / "damaged.blend"
    shutil.copy(small_scene, blend)
    cut_in_half(blend)
    with pytest.raises(CommandFailed, match=r"Blender cannot (read|open) .*damaged\.blend"):
        make_command(render_command(blender, blend, tmp_path)).run(task.context())


def test_missing_libraries_of_the_scene_fail_it_before_it_renders(
    blender: BlenderProgram, tmp_path: Path, task: RecordedTask
) -> None:
    library = blender.make_blend(tmp_path / "library.blend")
    link = f"""
with bpy.data.libraries.load({str(library)!r}, link=True) as (source, target):
    target.objects = ['Cube']
scene.collection.objects.link(target.objects[0])
"""
    blend = blender.make_blend(tmp_path / "scene.blend", link)
    make_command(render_command(blender, blend, tmp_path, frames="1")).run(task.context())
    library.unlink()
    with pytest.raises(CommandFailed, match="needs files that are missing: ") as failure:
        make_command(render_command(blender, blend, tmp_path, frames="2")).run(task.context())
    assert str(library) in failure.value.message


def test_missing_images_of_the_scene_fail_it_before_it_renders(
    blender: BlenderProgram, tmp_path: Path, task: RecordedTask
) -> None:
    use_missing_image = """
image = bpy.data.images.new('gone', 4, 4)
image.source = 'FILE'
image.filepath = '//textures/gone.png'
unused = bpy.data.images.new('not-used', 4, 4)
unused.source, unused.filepath, unused.use_fake_user = 'FILE', '//unused.png', True
material = bpy.data.materials.new('material')
material.use_nodes = True
material.node_tree.nodes.new('ShaderNodeTexImage').image = image
bpy.data.objects['Cube'].data.materials[0] = material
"""
    blend = blender.make_blend(tmp_path / "project" / "scene.blend", use_missing_image)
    with pytest.raises(CommandFailed, match="needs files that are missing: ") as failure:
        make_command(render_command(blender, blend, tmp_path / "out")).run(task.context())
    assert str(tmp_path / "project" / "textures" / "gone.png") in failure.value.message
    assert "unused.png" not in failure.value.message
    assert list(tmp_path.rglob("0*.png")) == []


def test_a_format_that_blender_does_not_take_fails(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, task: RecordedTask
) -> None:
    command = render_command(blender, small_scene, tmp_path, file_format="NOPE")
    with pytest.raises(CommandFailed, match="PNG instead of the format asked for, NOPE"):
        make_command(command).run(task.context())


def test_file_output_nodes_render_in_place(
    blender: BlenderProgram, tmp_path: Path, task: RecordedTask
) -> None:
    add_node = f"""
scene.use_nodes = True
node = scene.node_tree.nodes.new('CompositorNodeOutputFile')
node.base_path = {str(tmp_path / "passes")!r}
scene.node_tree.links.new(scene.node_tree.nodes['Render Layers'].outputs[0], node.inputs[0])
"""
    blend = blender.make_blend(tmp_path / "scene.blend", add_node)
    output = tmp_path / "out"
    make_command(render_command(blender, blend, output, frames="1,2")).run(task.context())
    assert "rendered in place, since its compositor has a File Output node" in task.log
    assert names_in(output) == ["000001.png", "000002.png"]
    assert len(names_in(tmp_path / "passes")) == 2


def test_each_view_of_a_stereo_scene_is_a_file_of_its_own(
    blender: BlenderProgram, tmp_path: Path, task: RecordedTask
) -> None:
    blend = blender.make_blend(tmp_path / "scene.blend", "scene.render.use_multiview = True")
    output = tmp_path / "out"
    make_command(render_command(blender, blend, output, frames="1")).run(task.context())
    assert names_in(output) == ["000001_L.png", "000001_R.png"]
    assert task.steps == 1


def test_a_border_that_crops_changes_the_size_that_is_expected(
    blender: BlenderProgram, tmp_path: Path, task: RecordedTask
) -> None:
    crop = """
scene.render.use_border = scene.render.use_crop_to_border = True
scene.render.border_min_x, scene.render.border_max_x = 0.21, 0.77
scene.render.border_min_y, scene.render.border_max_y = 0.33, 0.66
"""
    blend = blender.make_blend(tmp_path / "scene.blend", crop)
    make_command(render_command(blender, blend, tmp_path, frames="1")).run(task.context())
    size = read_image(tmp_path / "000001.png", "PNG")
    assert abs(size.width - 18) <= 1
    assert abs(size.height - 8) <= 1


def test_a_preview_beside_an_exr_is_verified_and_shown(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, task: RecordedTask
) -> None:
    with_preview = (
        "import bpy; settings = bpy.context.scene.render.image_settings; "
        "settings.file_format = 'OPEN_EXR'; settings.use_preview = True"
    )
    preview = ("--python-expr", with_preview)
    command = render_command(
        blender, small_scene, tmp_path, *preview, frames="1", file_format="OPEN_EXR"
    )
    make_command(command).run(task.context())
    assert names_in(tmp_path) == ["000001.exr", "000001.jpg"]
    assert task.steps == 1
    assert task.images == [tmp_path / "000001.jpg"]


def test_a_whole_animation_can_be_rendered(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, task: RecordedTask
) -> None:
    command = render_command(blender, small_scene, tmp_path)
    command.parameters["args"][-2:] = ["-s", "2", "-e", "3", "-a"]
    make_command(command).run(task.context())
    assert names_in(tmp_path) == ["000002.png", "000003.png"]


def test_a_movie_is_rendered_as_a_whole_each_time(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, new_task: Callable[[], RecordedTask]
) -> None:
    command = render_command(blender, small_scene, tmp_path, file_format="FFMPEG")
    command.parameters["args"][-2:] = ["-s", "1", "-e", "3", "-a"]
    for attempt in (1, 2):
        task = new_task()
        make_command(command).run(task.context(attempt=attempt))
        assert "the output is a movie" in task.log
        (movie,) = (path for path in tmp_path.iterdir() if path.suffix != ".png")
        assert movie.stat().st_size > 0
        movie.replace(tmp_path / "000001.png")  # so that the next run looks for frames


def test_leftovers_of_a_killed_attempt_are_removed(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, task: RecordedTask
) -> None:
    owner = f"task {task.context().task_id}\n"
    for name, text in (("mine", owner), ("others", "task of somebody else\n")):
        folder = tmp_path / f".attempt-1-{name}"
        folder.mkdir()
        (folder / "attempt-began").write_text(text, encoding="utf-8")
        (folder / "000001.png").write_bytes(b"half a fra")
    make_command(render_command(blender, small_scene, tmp_path, frames="1")).run(task.context())
    assert names_in(tmp_path) == [".attempt-1-others", "000001.png"]


def test_leftovers_are_removed_when_no_frame_is_left_to_render(
    small_scene: Path, tmp_path: Path, task: RecordedTask
) -> None:
    command = make_command(render_command(BPY, small_scene, tmp_path, frames="1"))
    command.run(task.context())
    folder = tmp_path / ".attempt-1-killed"
    folder.mkdir()
    (folder / "attempt-began").write_text(f"task {task.context().task_id}\n", encoding="utf-8")
    command.run(task.context(attempt=2))
    assert names_in(tmp_path) == ["000001.png"]


def test_a_cancelled_render_ends_soon_and_leaves_whole_frames_only(
    blender: BlenderProgram, tmp_path: Path, task: RecordedTask
) -> None:
    blend = blender.make_blend(
        tmp_path / "slow.blend",
        "scene.cycles.samples = 1024\nscene.render.resolution_percentage = 800",
    )
    output = tmp_path / "out"
    command = make_command(render_command(blender, blend, output))
    task.activities = _CancelsWhenRendering(task)
    with pytest.raises(Cancelled, match="enough"):
        command.run(task.context())
    assert list(output.rglob("*")) == []


class _CancelsWhenRendering(list[str]):
    def __init__(self, task: RecordedTask) -> None:
        super().__init__()
        self._task = task

    def append(self, activity: str) -> None:
        super().append(activity)
        self._task.cancellation.cancel("enough")


def test_a_blender_that_does_not_exist_is_named(
    small_scene: Path, tmp_path: Path, task: RecordedTask
) -> None:
    nowhere = BlenderProgram("none", ("/nowhere/blender",))
    with pytest.raises(ProgramMissing, match="There is no program /nowhere/blender on this"):
        make_command(render_command(nowhere, small_scene, tmp_path)).run(task.context())


def test_a_blender_killed_from_outside_is_said_to_be_killed(
    tmp_path: Path, task: RecordedTask
) -> None:
    killed = tmp_path / "blender"
    killed.write_text("#!/bin/sh\nkill -9 $$\n", encoding="utf-8")
    killed.chmod(0o755)
    fake = BlenderProgram("killed", (str(killed),))
    with pytest.raises(CommandFailed, match=r"Blender was killed \(SIGKILL\)"):
        make_command(render_command(fake, tmp_path / "x.blend", tmp_path)).run(task.context())


def test_all_wrong_parameters_are_named_at_once() -> None:
    parameters = {"exe": "{blender}", "exeArgs": "'open", "args": "no list"}
    with pytest.raises(InvalidInput) as refused:
        make_command(TaskCommand(name="blender-render", parameters=parameters, total_step_count=1))
    places = {problem.where for problem in refused.value.problems}
    assert places == {
        "parameters.exe",
        "parameters.exeArgs",
        "parameters.blendfile",
        "parameters.args",
    }
