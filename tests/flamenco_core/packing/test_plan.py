"""What goes where in a pack, and which paths change: decided without touching a file."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest

from flamenco_core.packing import FileUse, PackingError, PathField, Trace, UseKind, make_plan
from flamenco_core.packing.plan import missing_file_problems, place_in_pack

SHOW = Path("/show")
SCENE = SHOW / "shots/scene.blend"


def use(
    stored: str,
    path: str,
    *,
    used_by: Path = SCENE,
    exists: bool = True,
    kind: UseKind = UseKind.FILE,
    field: PathField | None = None,
) -> FileUse:
    return FileUse(
        used_by=used_by,
        data_block="IMwood",
        stored=stored,
        path=Path(path),
        kind=kind,
        written_at=field or PathField(offset=abs(hash(stored)) % 10_000, size=1024),
        files=(Path(path),) if exists else (),
    )


def new_values(*uses: FileUse, blend: Path = SCENE) -> dict[str, list[str]]:
    """Blend file in the pack → its new paths."""
    plan = make_plan(Trace(blend, uses), SHOW)
    return {
        file.path_in_pack: [change.new for change in file.changes]
        for file in plan.files
        if file.changes
    }


@pytest.mark.parametrize(
    ("stored", "path", "new"),
    [
        ("//../textures/wood.png", "/show/textures/wood.png", None),
        ("//wood.png", "/show/shots/wood.png", None),
        ("//./sub//../wood.png", "/show/shots/wood.png", None),
        ("//tile.<UDIM>.png", "/show/shots/tile.<UDIM>.png", None),
        ("/show/textures/wood.png", "/show/textures/wood.png", "//../textures/wood.png"),
        ("//../../show/textures/wood.png", "/show/textures/wood.png", "//../textures/wood.png"),
        ("//../../other/a.png", "/other/a.png", "//../_outside_project/other/a.png"),
        ("/other/a.png", "/other/a.png", "//../_outside_project/other/a.png"),
        ("textures/wood.png", "/show/shots/textures/wood.png", "//textures/wood.png"),
    ],
)
def test_a_path_changes_only_if_it_would_not_lead_to_the_packed_file(
    stored: str, path: str, new: str | None
) -> None:
    expected = {} if new is None else {"shots/scene.blend": [new]}
    assert new_values(use(stored, path)) == expected


def test_a_library_outside_the_project_keeps_its_relative_paths() -> None:
    library = Path("/library/props/chair.blend")
    assert new_values(
        use("//../../library/props/chair.blend", str(library)),
        use("//textures/wood.png", "/library/props/textures/wood.png", used_by=library),
        use("//../../show/textures/own.png", "/show/textures/own.png", used_by=library),
    ) == {
        "shots/scene.blend": ["//../_outside_project/library/props/chair.blend"],
        "_outside_project/library/props/chair.blend": ["//../../../textures/own.png"],
    }


def test_where_the_file_name_is_kept_apart_only_the_folder_changes() -> None:
    field = PathField(100, 768, holds_folder_only=True)
    assert new_values(use("/clips/a/0001.png", "/clips/a/0001.png", field=field)) == {
        "shots/scene.blend": ["//../_outside_project/clips/a/"]
    }


def test_a_blend_file_in_the_root_of_the_project_is_packed_there() -> None:
    plan = make_plan(Trace(SHOW / "scene.blend", ()), SHOW)
    assert plan.blend_in_pack == "scene.blend"
    assert new_values(use("/o/a.png", "/o/a.png", used_by=SHOW / "a.blend"), blend=SHOW / "a.blend")


def test_paths_of_windows_lose_their_drive_but_stay_apart() -> None:
    project = PureWindowsPath("D:/show")
    assert place_in_pack(PureWindowsPath("D:/show/a/b.png"), project) == "a/b.png"
    assert place_in_pack(PureWindowsPath("C:/tex/b.png"), project) == "_outside_project/C/tex/b.png"
    assert (
        place_in_pack(PureWindowsPath(r"\\server\share\tex\b.png"), project)
        == "_outside_project/server/share/tex/b.png"
    )


def test_all_files_of_a_sequence_are_packed_and_its_path_changes_once() -> None:
    pattern = use("/o/t.<UDIM>.png", "/o/t.<UDIM>.png", kind=UseKind.SEQUENCE)
    tiles = tuple(Path(f"/o/t.{number}.png") for number in (1001, 1002))
    pattern = FileUse(
        **{**{name: getattr(pattern, name) for name in FileUse.__slots__}, "files": tiles}
    )
    plan = make_plan(Trace(SCENE, (pattern,)), SHOW)
    assert [file.path_in_pack for file in plan.files] == [
        "_outside_project/o/t.1001.png",
        "_outside_project/o/t.1002.png",
        "shots/scene.blend",
    ]
    assert new_values(pattern) == {"shots/scene.blend": ["//../_outside_project/o/t.<UDIM>.png"]}


def test_missing_files_are_named_once_with_all_that_use_them() -> None:
    uses = (
        use("//a.png", "/show/shots/a.png", exists=False),
        use("//../shots/a.png", "/show/shots/a.png", exists=False, used_by=SHOW / "lib.blend"),
        use("//b.png", "/show/shots/b.png", exists=False),
        use("//cache", "/show/shots/cache", exists=False, kind=UseKind.CACHE),
    )
    plan = make_plan(Trace(SCENE, uses), SHOW)
    assert [(problem.where, problem.what) for problem in missing_file_problems(plan.missing)] == [
        ("/show/shots/a.png", "does not exist; used by wood in lib.blend, wood in scene.blend"),
        ("/show/shots/b.png", "does not exist; used by wood in scene.blend"),
    ]
    assert [cache.path for cache in plan.absent_caches] == [Path("/show/shots/cache")]
    with pytest.raises(PackingError, match=r"b\.png: does not exist"):
        plan.require_nothing_missing()


def test_a_path_that_does_not_fit_into_the_blend_file_is_refused() -> None:
    deep = "/outside/" + "/".join(["folder"] * 9) + "/a.png"
    with pytest.raises(PackingError, match="longer than the 63 bytes"):
        new_values(use(deep, deep, field=PathField(0, 64)))


def test_a_blend_file_outside_the_project_is_refused() -> None:
    with pytest.raises(PackingError, match="not in the project folder"):
        make_plan(Trace(Path("/elsewhere/scene.blend"), ()), SHOW)


def test_two_files_for_one_place_are_refused() -> None:
    with pytest.raises(PackingError, match="would both be packed"):
        make_plan(
            Trace(
                SCENE,
                (
                    use("//../_outside_project/a.png", "/show/_outside_project/a.png"),
                    use("/a.png", "/a.png"),
                ),
            ),
            SHOW,
        )
