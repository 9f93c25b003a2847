"""echo, sleep, exec, and the commands that move files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.errors import InvalidInput
from flamenco_core.model import Command as TaskCommand
from flamenco_worker.cancellation import Cancelled
from flamenco_worker.commands import COMMANDS, CommandFailed, make_command
from flamenco_worker.process import ProgramMissing
from tests.flamenco_worker.conftest import RecordedTask


def run(name: str, task: RecordedTask, **parameters: Any) -> None:
    command = TaskCommand(name=name, parameters=parameters, total_step_count=0)
    make_command(command).run(task.context())


def test_all_commands_of_flamenco_3_and_those_of_flamenco_2_that_make_sense_are_there() -> None:
    assert set(COMMANDS) >= {
        *("echo", "sleep", "exec", "blender-render", "frames-to-video"),
        *("make-directory", "move-directory", "copy-file"),
        *("move-out-of-way", "move-to-final", "move-with-counter", "remove-file", "remove-tree"),
        *("merge-images", "denoise", "concatenate-videos", "encode-audio", "mux"),
        "create-python-file",
    }


@pytest.mark.parametrize(
    ("message", "shown"), [('say "hi"', r'"say \"hi\""'), (3, "3"), (None, "null")]
)
def test_echo_writes_any_message_into_the_log(
    task: RecordedTask, message: object, shown: str
) -> None:
    run("echo", task, message=message)
    assert task.lines == [f"echo: {shown}"]


@pytest.mark.parametrize(
    ("name", "parameters", "problem"),
    [
        ("echo", {}, "parameters.message: is missing"),
        ("sleep", {}, "parameters.duration_in_seconds: is missing"),
        ("sleep", {"duration_in_seconds": -1}, "is -1, it must be at least 0"),
        ("sleep", {"duration_in_seconds": "3"}, "is '3', not a number"),
        ("sleep", {"duration_in_seconds": True}, "is True, not a number"),
        ("exec", {"exe": ""}, "parameters.exe: is empty"),
        ("exec", {"exe": 3}, "parameters.exe: is 3, not a text"),
        ("make-directory", {}, "parameters.path: is missing"),
        ("move-directory", {"src": "x"}, "parameters.dest: is missing"),
        ("no-such", {}, "this worker has no command 'no-such'"),
    ],
)
def test_wrong_parameters_are_named(name: str, parameters: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        make_command(TaskCommand(name=name, parameters=parameters, total_step_count=0))
    assert problem in str(refused.value)


def test_sleep_counts_whole_seconds_only(task: RecordedTask) -> None:
    run("sleep", task, duration_in_seconds=0.9)
    assert task.lines[-1] == "slept 0s"


def test_sleep_can_be_cancelled(task: RecordedTask) -> None:
    task.cancellation.cancel("wake up")
    with pytest.raises(Cancelled, match="wake up"):
        run("sleep", task, duration_in_seconds=3600)


def test_exec_runs_without_a_shell(task: RecordedTask) -> None:
    run("exec", task, exe=sys.executable, args=["-c", "import sys; print(sys.argv)", "$HOME", 7])
    assert task.lines[0].startswith("going to run:\n\n    ")
    assert task.lines[1].endswith(" > ['-c', '$HOME', '7']")


def test_exec_fails_with_the_exit_code(task: RecordedTask) -> None:
    with pytest.raises(CommandFailed, match="ended with exit code 4"):
        run("exec", task, exe=sys.executable, args=["-c", "raise SystemExit(4)"])


def test_exec_of_nothing_fails(task: RecordedTask) -> None:
    with pytest.raises(ProgramMissing):
        run("exec", task, exe="no-such-program")


def test_make_directory_makes_parents_and_does_not_mind_what_is_there(
    tmp_path: Path, task: RecordedTask
) -> None:
    for _again in range(2):
        run("make-directory", task, path=str(tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(CommandFailed, match=r"Cannot make .*file"):
        run("make-directory", task, path=str(tmp_path / "file" / "x"))


def test_move_directory_moves_what_is_in_the_way_aside(tmp_path: Path, task: RecordedTask) -> None:
    source, destination = tmp_path / "src", tmp_path / "dest"
    aside = []
    for number in range(3):
        source.mkdir()
        (source / "frame").write_text(str(number), encoding="utf-8")
        os.utime(source, (1_000_000_000, 1_000_000_000))
        run("move-directory", task, src=str(source), dest=str(destination))
        os.utime(destination, (1_000_000_000, 1_000_000_000))
        aside = sorted(
            path.name[len("dest-YYYY-MM-DD_HHMMSS") :] for path in tmp_path.glob("dest-*")
        )
    assert (destination / "frame").read_text(encoding="utf-8") == "2"
    assert aside == ["", "-001"]
    with pytest.raises(CommandFailed, match="there is no such folder"):
        run("move-directory", task, src=str(source), dest=str(destination))


def test_copy_file_copies_to_a_free_place_only(tmp_path: Path, task: RecordedTask) -> None:
    source, destination = tmp_path / "a.txt", tmp_path / "sub" / "b.txt"
    source.write_text("content", encoding="utf-8")
    run("copy-file", task, src=str(source), dest=str(destination))
    assert destination.read_text(encoding="utf-8") == "content"
    assert [path.name for path in destination.parent.iterdir()] == ["b.txt"]
    run("copy-file", task, src=str(source), dest=str(destination))
    assert "is there already, the same" in task.lines[-1]
    destination.write_text("CONTENT", encoding="utf-8")
    with pytest.raises(CommandFailed, match="exists already"):
        run("copy-file", task, src=str(source), dest=str(destination))
    assert destination.read_text(encoding="utf-8") == "CONTENT"
    with pytest.raises(CommandFailed, match="no such file"):
        run("copy-file", task, src=str(tmp_path / "none"), dest=str(tmp_path / "c"))
    with pytest.raises(CommandFailed, match="no absolute path"):
        run("copy-file", task, src="a.txt", dest=str(tmp_path / "c"))


def test_a_python_file_is_written_shown_and_replaced(tmp_path: Path, task: RecordedTask) -> None:
    path = tmp_path / "new" / "file.py"
    for contents in ("print('first')\n", "print('second')\n"):
        run("create-python-file", task, filepath=str(path), contents=contents)
        assert path.read_text(encoding="utf-8") == contents
        assert contents in task.log
    assert [entry.name for entry in path.parent.iterdir()] == ["file.py"]
    with pytest.raises(InvalidInput, match=r"which does not end with \.py"):
        run("create-python-file", task, filepath=str(tmp_path / "file.sh"), contents="")


def test_commands_of_flamenco_2_keep_their_parameters(task: RecordedTask) -> None:
    run("exec", task, cmd=f"{sys.executable} -c 'print(1 + 1)'")
    assert task.lines[-1].endswith("> 2")
    run("sleep", task, time_in_seconds=0.5)
    assert "slept 0s" in task.log


@pytest.mark.parametrize("name", ["move-directory", "move-to-final", "move-with-counter"])
def test_a_move_that_was_done_when_its_worker_died_is_not_failed_the_next_time(
    tmp_path: Path, task: RecordedTask, name: str
) -> None:
    source = tmp_path / "made"
    if name == "move-with-counter":
        source.write_text("video", encoding="utf-8")
    else:
        source.mkdir()
    parameters = {"src": str(source), "dest": str(tmp_path / "final")}
    command = make_command(TaskCommand(name=name, parameters=parameters, total_step_count=0))
    command.run(task.context(attempt=1))
    there = sorted(path.name for path in tmp_path.iterdir())
    command.run(task.context(attempt=2))
    assert sorted(path.name for path in tmp_path.iterdir()) == there
