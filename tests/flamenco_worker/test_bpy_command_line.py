"""Runs the command line as programs do; the expectations were observed with Blender 3.4.1.

Each test also runs with the `blender` on PATH, so that both are held to the same behaviour.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flamenco_worker.blenders import BPY, ROOT, TIME_LIMIT, BlenderProgram


def test_version_is_printed_as_blender_prints_it(blender: BlenderProgram, tmp_path: Path) -> None:
    shown = blender.run("--version", folder=tmp_path)
    assert shown.returncode == 0
    assert shown.stdout.startswith("Blender ")


def test_arguments_are_carried_out_in_their_order(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path
) -> None:
    done = blender.run(
        *(str(small_scene), "-o", str(tmp_path / "a##"), "-f", "2"),
        *("--python-expr", "print('between')", "-o", str(tmp_path / "b##"), "-F", "JPEG"),
        *("-f", "+0,-1"),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stdout
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["a02.png", "b01.jpg", "b04.jpg"]
    assert done.stdout.index("a02.png") < done.stdout.index("between") < done.stdout.index("b01")


def test_an_animation_keeps_to_the_range_given(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path
) -> None:
    done = blender.run(
        *(str(small_scene), "-o", str(tmp_path / "###"), "-s", "+1", "-e", "-1", "-a"),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stdout
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["002.png", "003.png"]


def test_the_extension_can_be_left_out(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path
) -> None:
    done = blender.run(
        *(str(small_scene), "-x", "0", "-o", str(tmp_path / "##"), "-f", "1"), folder=tmp_path
    )
    assert (tmp_path / "01").is_file(), done.stdout


def test_the_scene_is_chosen_by_its_name(blender: BlenderProgram, tmp_path: Path) -> None:
    blend = blender.make_blend(tmp_path / "two.blend", "bpy.data.scenes.new('Second')")
    done = blender.run(
        *(str(blend), "-S", "Second"),
        *("--python-expr", "import bpy; print('it is', bpy.context.scene.name)"),
        folder=tmp_path,
    )
    assert "it is Second" in done.stdout


def test_an_unknown_scene_is_said_and_the_rest_goes_on(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path
) -> None:
    done = blender.run(
        *(str(small_scene), "-S", "Nope", "-o", str(tmp_path / "##"), "-f", "1"), folder=tmp_path
    )
    assert done.returncode == 0
    assert f"Can't find scene: 'Nope' in file: '{small_scene}'" in done.stdout
    assert (tmp_path / "01.png").is_file()


def test_a_python_expression_that_raises_does_not_end_the_run(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path
) -> None:
    done = blender.run(
        *(str(small_scene), "--python-expr", "raise ValueError('oh')"),
        *("-o", str(tmp_path / "##"), "-f", "1"),
        folder=tmp_path,
    )
    assert done.returncode == 0
    assert "Error: Python: Traceback (most recent call last):" in done.stdout
    assert 'File "<string>", line 1, in <module>\nValueError: oh' in done.stdout
    assert (tmp_path / "01.png").is_file()


def test_the_python_exit_code_ends_the_run(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path
) -> None:
    done = blender.run(
        *(str(small_scene), "--python-exit-code", "7", "--python-expr", "raise ValueError('oh')"),
        *("-o", str(tmp_path / "##"), "-f", "1"),
        folder=tmp_path,
    )
    assert done.returncode == 7
    assert "Error: script failed, expr: 'raise ValueError('oh')', exiting." in done.stdout
    assert not (tmp_path / "01.png").exists()


def test_a_script_can_end_the_run(blender: BlenderProgram, tmp_path: Path) -> None:
    assert blender.run("--python-expr", "import sys; sys.exit(5)", folder=tmp_path).returncode == 5


def test_a_script_sees_its_file_and_the_arguments_behind_two_dashes(
    blender: BlenderProgram, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nprint(__name__, __file__, sys.argv[sys.argv.index('--') + 1:])\n",
        encoding="utf-8",
    )
    done = blender.run("-P", "script.py", "--", "-f", "1", folder=tmp_path)
    assert f"__main__ {script} ['-f', '1']" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-P", "missing.py"), 'missing.py" could not be opened: No such file or directory'),
        (("-f", "1,,2"), "Error: incorrect comma use '-f / --render-frame 1,,2'."),
        (("-f", "3..1"), "Warning: negative range ignored '-f / --render-frame 3..1'."),
        (("-f",), "Error: frame number must follow '-f / --render-frame'."),
        (("-S",), "Error: Scene name must follow '-S / --scene'."),
        (("-o",), "Error: you must specify a path after '-o  / --render-output'."),
        (("-F", "NOPE"), "Error: Format from '-F / --render-format' not known"),
        (("--python-expr",), "Error: you must specify a Python expression after '--python-expr'."),
        (("-t", "abc"), "Error: not a number '-t / --threads abc'"),
    ],
)
def test_arguments_that_cannot_be_used_are_said_and_passed_over(
    blender: BlenderProgram, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = blender.run(*arguments, folder=tmp_path)
    assert message in done.stdout
    assert done.returncode == 0


def test_an_unknown_engine_ends_the_run(blender: BlenderProgram, tmp_path: Path) -> None:
    done = blender.run("-E", "NOPE", folder=tmp_path)
    assert "Error: engine not found 'NOPE'" in done.stdout
    assert done.returncode == 1


def test_threads_and_engine_are_applied(blender: BlenderProgram, tmp_path: Path) -> None:
    # What is printed is the same; how many threads a Blender uses shows in different places.
    asked = "import bpy; print('engine', bpy.context.scene.render.engine)"
    done = blender.run(
        "-t", "1", "-E", "BLENDER_WORKBENCH", "--python-expr", asked, folder=tmp_path
    )
    assert "engine BLENDER_WORKBENCH" in done.stdout
    if blender is BPY:
        asked = "import bpy; r = bpy.context.scene.render; print(r.threads_mode, r.threads)"
        assert "FIXED 1" in blender.run("-t", "1", "--python-expr", asked, folder=tmp_path).stdout


@pytest.mark.parametrize("content", [None, b"garbage", b"BLENDER-v304"])
def test_a_file_that_cannot_be_opened_ends_the_run_with_1(
    blender: BlenderProgram, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "broken.blend"
    if content is not None:
        path.write_bytes(content)
    done = blender.run(str(path), "--python-expr", "print('went' + ' on')", folder=tmp_path)
    assert done.returncode == 1
    assert "Error: " in done.stdout
    assert str(path) in done.stdout
    assert "went on" not in done.stdout


@pytest.mark.parametrize(
    "spoil",
    [
        "import bpy; bpy.context.scene.camera = None",
        "import bpy; bpy.context.scene.render.filepath = '/proc/nowhere/##'",
    ],
)
def test_a_render_that_fails_makes_the_exit_code_1_at_the_end(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path, spoil: str
) -> None:
    done = blender.run(
        *(str(small_scene), "--python-expr", spoil, "-f", "1"),
        *("--python-expr", "print('went' + ' on')"),
        folder=tmp_path,
    )
    assert "went on" in done.stdout
    assert done.returncode == 1


def test_leftover_handlers_do_not_hang_or_crash_the_end(
    blender: BlenderProgram, small_scene: Path, tmp_path: Path
) -> None:
    register = (
        "import bpy\n"
        "class Panel(bpy.types.Panel):\n"
        "    bl_label, bl_space_type, bl_region_type = 'x', 'VIEW_3D', 'UI'\n"
        "bpy.utils.register_class(Panel)\n"
        "bpy.app.handlers.render_post.append(lambda *a: None)\n"
        "bpy.app.timers.register(lambda: 1.0)\n"
    )
    done = blender.run(str(small_scene), "--python-expr", register, folder=tmp_path)
    assert done.returncode == 0


def test_without_the_bpy_package_one_sentence_says_so(tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['bpy'] = None; sys.argv = ['x']\n"
    blocked += "from flamenco_worker.blender.bpy_command_line import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", blocked],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("flamenco-blender needs the bpy package")
    assert done.stderr.count("\n") == 1


def test_a_missing_shared_library_is_named(tmp_path: Path) -> None:
    (tmp_path / "bpy.py").write_text(
        "raise ImportError('libXrender.so.1: cannot open shared object file: No such file')",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "flamenco_worker.blender.bpy_command_line", "-b"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    assert done.returncode == 1
    assert "libXrender.so.1 is missing on this machine" in done.stderr
    assert done.stderr.count("\n") == 1
