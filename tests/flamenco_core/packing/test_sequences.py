"""Which files a path stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from flamenco_core.packing.sequences import files_of_sequence


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "textures [v2]"
    (folder / "sub").mkdir(parents=True)
    for name in (
        "tile.1001.png",
        "tile.1002.png",
        "tile.abcd.png",
        "tile.u1_v1.png",
        "frame0001.png",
        "frame0002.png",
        "frame0003.jpg",
        "frames.png",
        "fire_000001_00.bphys",
        "fire_000002_00.bphys",
        "sub/nested.vdb",
        "a[1].png",
        "a[2].png",
        "plain.png",
    ):
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("tile.<UDIM>.png", ["tile.1001.png", "tile.1002.png"]),
        ("tile.<UVTILE>.png", ["tile.u1_v1.png"]),
        ("frame0001.png", ["frame0001.png", "frame0002.png"]),
        ("frame0099.png", ["frame0001.png", "frame0002.png"]),
        ("fire_*.bphys", ["fire_000001_00.bphys", "fire_000002_00.bphys"]),
        ("a[*].png", ["a[1].png", "a[2].png"]),
        ("sub", ["sub/nested.vdb"]),
        ("plain.png", ["plain.png"]),
        ("nothing.png", []),
        ("nothing.<UDIM>.png", []),
        ("no such folder/frame0001.png", []),
        ("plain.png/frame0001.png", []),
    ],
)
def test_a_sequence_is_all_files_that_belong_to_it(
    folder: Path, name: str, found: list[str]
) -> None:
    files = files_of_sequence(folder / name)
    assert [file.relative_to(folder).as_posix() for file in files] == found
