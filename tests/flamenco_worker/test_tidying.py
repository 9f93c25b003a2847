"""Commands that make room and clean up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.errors import InvalidInput
from flamenco_core.model import Command as TaskCommand
from flamenco_worker.commands import CommandFailed, make_command
from tests.flamenco_worker.conftest import RecordedTask


def run(name: str, task: RecordedTask, **parameters: Any) -> None:
    command = TaskCommand(name=name, parameters=parameters, total_step_count=0)
    make_command(command).run(task.context())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_in_the_way_gets_its_time_behind_its_name(
    tmp_path: Path, task: RecordedTask
) -> None:
    for _ in range(2):
        folder = tmp_path / "frames"
        folder.mkdir()
        (folder / "1.png").touch()
        run("move-out-of-way", task, src=str(folder))
    first, second = names(tmp_path)
    assert re.fullmatch(r"frames-\d{4}-\d\d-\d\d_\d{6}", first)
    assert second.startswith("frames-")
    assert (tmp_path / first / "1.png").exists()
    run("move-out-of-way", task, src=str(tmp_path / "nothing"))


def test_what_is_final_takes_the_place_of_what_was_there(
    tmp_path: Path, task: RecordedTask
) -> None:
    final = tmp_path / "final" / "shot"
    for content in ("first", "second"):
        made = tmp_path / "made"
        made.mkdir()
        (made / "1.png").write_text(content)
        run("move-to-final", task, src=str(made), dest=str(final))
    aside, kept = sorted(final.parent.iterdir(), key=lambda folder: len(folder.name), reverse=True)
    assert re.fullmatch(r"shot-\d{4}-\d\d-\d\d_\d{6}", aside.name)
    assert ((aside / "1.png").read_text(), (kept / "1.png").read_text()) == ("first", "second")
    run("move_to_final", task, src=str(tmp_path / "made"), dest=str(final))
    assert "nothing is moved" in task.log
    assert (final / "1.png").read_text() == "second"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2019_02_03-shot.mkv", ["2019_02_03_001-shot.mkv", "2019_02_03_002-shot.mkv"]),
        ("shot.mkv", ["shot_001.mkv", "shot_002.mkv"]),
    ],
)
def test_files_are_numbered_one_after_the_other(
    tmp_path: Path, task: RecordedTask, name: str, expected: list[str]
) -> None:
    for content in ("first", "second"):
        source = tmp_path / "made.mkv"
        source.write_text(content)
        run("move-with-counter", task, src=str(source), dest=str(tmp_path / "out" / name))
    assert names(tmp_path / "out") == expected
    assert (tmp_path / "out" / expected[1]).read_text() == "second"
    with pytest.raises(CommandFailed, match="no such file"):
        run("move-with-counter", task, src=str(tmp_path / "made.mkv"), dest=str(tmp_path / name))


def test_files_and_folders_are_removed_if_they_are_there(
    tmp_path: Path, task: RecordedTask
) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.touch()
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "frame.png").touch()
    with pytest.raises(CommandFailed, match="Cannot remove"):
        run("remove-file", task, path=str(folder))
    for _ in range(2):
        run("remove-file", task, path=str(file))
        run("remove-tree", task, path=str(folder))
    assert names(tmp_path) == []


def test_a_link_is_removed_and_not_what_it_points_to(tmp_path: Path, task: RecordedTask) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.mkdir()
    link.symlink_to(target, target_is_directory=True)
    run("remove-tree", task, path=str(link))
    assert names(tmp_path) == ["target"]


@pytest.mark.parametrize("path", ["", "/", "/home", "relative/path", "/a/b/../..", None])
@pytest.mark.parametrize("name", ["remove-file", "remove-tree"])
def test_what_can_only_be_a_mistake_is_not_removed(name: str, path: str | None) -> None:
    with pytest.raises(InvalidInput, match=r"parameters\.path"):
        make_command(TaskCommand(name=name, parameters={"path": path}, total_step_count=0))
