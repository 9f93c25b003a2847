"""What the farm runs with is unpacked once, whole, into a folder of its own."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from flamenco_addon.local_farm.bootstrap import remove_others, unpacked


def wheel(folder: Path, name: str, files: dict[str, str], *, program: str = "") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w") as packed:
        for inside, content in files.items():
            entry = zipfile.ZipInfo(inside)
            entry.external_attr = (0o755 if inside == program else 0o644) << 16
            packed.writestr(entry, content)
    return path


def test_modules_data_folders_and_programs_are_where_they_belong(tmp_path: Path) -> None:
    files = {
        "thing/__init__.py": "",
        "thing/program": "#!/bin/sh",
        "thing-1.data/purelib/more.py": "",
        "thing-1.data/scripts/thing": "",
    }
    packed = wheel(tmp_path, "thing-1-py3-none-any.whl", files, program="thing/program")
    folder = unpacked([packed], tmp_path / "runtimes")
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert found == {"thing/__init__.py", "thing/program", "more.py", "complete.txt"}
    assert (folder / "thing/program").stat().st_mode & 0o100
    assert not (folder / "more.py").stat().st_mode & 0o100


def test_the_same_wheels_are_not_unpacked_twice_and_others_go(tmp_path: Path) -> None:
    first = wheel(tmp_path, "thing-1-py3-none-any.whl", {"thing.py": "1"})
    (tmp_path / "new").mkdir()
    second = wheel(tmp_path / "new", "thing-1-py3-none-any.whl", {"thing.py": "2"})
    runtimes = tmp_path / "runtimes"
    old = unpacked([first], runtimes)
    (old / "thing.py").write_text("kept")
    assert unpacked([first], runtimes) == old
    assert (old / "thing.py").read_text() == "kept"
    new = unpacked([second], runtimes)
    remove_others(new)
    assert [*runtimes.iterdir()] == [new]


def test_what_was_interrupted_is_done_again(tmp_path: Path) -> None:
    packed = wheel(tmp_path, "thing-1-py3-none-any.whl", {"thing.py": "1"})
    folder = unpacked([packed], tmp_path / "runtimes")
    (folder / "complete.txt").unlink()
    (folder / "thing.py").unlink()
    assert unpacked([packed], tmp_path / "runtimes") == folder
    assert (folder / "thing.py").read_text() == "1"


def test_a_wheel_that_would_write_elsewhere_is_refused(tmp_path: Path) -> None:
    packed = wheel(tmp_path, "thing-1-py3-none-any.whl", {"../../evil.py": ""})
    with pytest.raises(zipfile.BadZipFile, match="would write to"):
        unpacked([packed], tmp_path / "runtimes")
    assert not (tmp_path / "evil.py").exists()
    assert [*(tmp_path / "runtimes").iterdir()] == []
