from __future__ import annotations

import os
from pathlib import Path

from manager_service.folder_sizes import FolderSizes, measure


def test_what_is_below_a_folder_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    (folder / "logs").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"12345")
    (folder / "logs" / "b.txt").write_bytes(b"123")
    found = measure([folder, tmp_path / "not-there"])
    assert found == FolderSizes(folders=1, files=2, bytes=8, is_complete=True)


def test_content_that_lies_elsewhere_too_does_not_become_free(tmp_path: Path) -> None:
    store, folder = tmp_path / "store", tmp_path / "checkout"
    (store / "sub").mkdir(parents=True)
    folder.mkdir()
    (store / "large.blend").write_bytes(b"x" * 5000)
    (store / "sub" / "other.blend").write_bytes(b"x" * 5000)
    os.link(store / "large.blend", folder / "hard.blend")
    (folder / "soft.blend").symlink_to(store / "large.blend")
    (folder / "folder").symlink_to(store / "sub", target_is_directory=True)
    found = measure([folder])
    assert (found.files, found.is_complete) == (3, True)
    assert found.bytes < 1000


def test_counting_ends_somewhere(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("x")
    assert measure([tmp_path], most_files=5).is_complete
    found = measure([tmp_path], most_files=4)
    assert (found.files, found.is_complete) == (4, False)
