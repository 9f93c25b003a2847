"""Tracing real files, written by real Blenders."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flamenco_core.packing import Packer, PackingError, Trace, UseKind
from flamenco_core.packing.bat1 import Bat1Tracer
from tests.flamenco_core.packing.conftest import run

WRITTEN_BY_5_0 = Path(__file__).with_name("blender_5_0") / "show"
"""What `make_project.py compressed` writes with bpy 5.0.1, without what lies outside `show`."""


def traced(root: Path) -> Trace:
    return Bat1Tracer().trace(root / "show/shots/scene.blend")


@pytest.mark.parametrize("variant", ["plain", "compressed"])
def test_everything_that_a_scene_uses_is_found(
    bpy_projects: Callable[[str], Path], variant: str
) -> None:
    root = bpy_projects(variant)
    trace = traced(root)
    assert {file.relative_to(root).as_posix() for use in trace.uses for file in use.files} == {
        "elsewhere/outside.png",
        "show/library/props.blend",
        "show/library/textures/linked.png",
        "show/textures/absolute.png",
        "show/textures/tile.1001.png",
        "show/textures/tile.1002.png",
    }
    assert trace.missing == ()
    linked = next(use for use in trace.uses if use.path.name == "linked.png")
    assert (linked.used_by, linked.stored) == (
        root / "show/library/props.blend",
        "//textures/linked.png",
    )


def test_fields_are_where_the_paths_are_written(bpy_projects: Callable[[str], Path]) -> None:
    root = bpy_projects("plain")
    for use in traced(root).uses:
        content = use.used_by.read_bytes()
        stored = content[use.written_at.offset : use.written_at.offset + use.written_at.size]
        assert stored.split(b"\0")[0].decode() == use.stored


def test_textures_of_linked_materials_are_found_in_files_of_blender_5() -> None:
    trace = Bat1Tracer().trace(WRITTEN_BY_5_0 / "shots/scene.blend")
    files = {file for use in trace.uses for file in use.files}
    assert WRITTEN_BY_5_0 / "library/textures/linked.png" in files


def test_bat_alone_still_misses_textures_of_linked_materials_in_files_of_blender_5() -> None:
    """When this fails, BAT has been mended and `find_node_trees_by_field` can go."""
    script = (
        "import sys, pathlib; from blender_asset_tracer import trace\n"
        "for use in trace.deps(pathlib.Path(sys.argv[1])): print(use.abspath.name)"
    )
    blend = str(WRITTEN_BY_5_0 / "shots/scene.blend")
    names = run([sys.executable, "-W", "ignore", "-c", script, blend]).split()
    assert "props.blend" in names
    assert "linked.png" not in names


def test_a_missing_texture_and_a_missing_library_are_both_found(project: Path) -> None:
    (project / "show/library/props.blend").unlink()
    (project / "show/textures/tile.1001.png").unlink()
    (project / "show/textures/tile.1002.png").unlink()
    missing = {use.path.name: use.kind for use in traced(project).missing}
    assert missing == {"props.blend": UseKind.FILE, "tile.<UDIM>.png": UseKind.SEQUENCE}


def test_a_file_that_changed_is_read_again(project: Path) -> None:
    """BAT keeps what it has opened."""
    blend = project / "show/shots/scene.blend"
    assert traced(project).uses
    content = blend.read_bytes()
    blend.write_bytes(content.replace(b"//../library/props.blend\0", b"//../library/other.blend\0"))
    assert "other.blend" in {use.path.name for use in traced(project).missing}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no .blend file"),
        (b"this is a picture of a cat", "no .blend file"),
        (b"BLENDER-v405", "damaged"),
        (b"BLENDER-v405REND" + b"\xff" * 400, "damaged"),
        (b"\x28\xb5\x2f\xfd garbage", "damaged"),
    ],
)
def test_what_is_no_whole_blend_file_is_refused_by_name(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    blend = tmp_path / "broken.blend"
    blend.write_bytes(content)
    with pytest.raises(PackingError, match=r"broken\.blend") as caught:
        Bat1Tracer().trace(blend)
    assert sentence in str(caught.value)


def test_a_truncated_library_is_named_not_the_scene_that_uses_it(project: Path) -> None:
    library = project / "show/library/props.blend"
    library.write_bytes(library.read_bytes()[:5000])
    with pytest.raises(PackingError, match=r"props\.blend"):
        traced(project)


def test_packing_never_changes_the_artists_files(project: Path) -> None:
    def state() -> dict[Path, tuple[bytes, int]]:
        return {
            path: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in project.rglob("*")
            if path.is_file()
        }

    before = state()
    Packer(project / "show/shots/scene.blend").prepare()
    assert state() == before


def test_without_bat_the_extra_is_named(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['blender_asset_tracer'] = None\n"
        "from flamenco_core.packing import MissingExtra, default_tracer, read_blend_facts\n"
        "from pathlib import Path\n"
        "for call in (default_tracer, lambda: read_blend_facts(Path('x'))):\n"
        "    try: call()\n"
        "    except MissingExtra as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.count('pip install "flamenco-python[pack]"') == 2
