"""The job type `run-command`, from its submission to what the program leaves behind."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco_core.errors import CompileError
from flamenco_core.manager import Manager
from flamenco_core.model import AssignedTask, SubmittedJob
from flamenco_worker.commands import CommandFailed, make_command
from tests.flamenco_core.farms import awake_worker, take
from tests.flamenco_worker.conftest import RecordedTask

WRITER = "import sys; open(sys.argv[1], 'w').write('|'.join(sys.argv[2:]))"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        yield manager


def handed_out(manager: Manager, arguments: str, task_type: str = "misc") -> AssignedTask:
    settings = {"program": sys.executable, "arguments": arguments, "task_type": task_type}
    submitted = SubmittedJob(
        name="a program", type="run-command", settings=settings, submitter_platform="manager"
    )
    manager.submit_job(submitted)
    return take(manager, awake_worker(manager, task_type))


def test_the_program_runs_with_its_arguments(
    manager: Manager, tmp_path: Path, task: RecordedTask
) -> None:
    written = tmp_path / "a file"
    arguments = shlex.join(["-c", WRITER, str(written), "one two", "", "ü'\"\\"])
    assigned = handed_out(manager, arguments)
    assert (assigned.name, assigned.task_type, assigned.steps_total) == ("run-command", "misc", 1)
    for command in assigned.commands:
        make_command(command).run(task.context())
    assert written.read_text() == "one two||ü'\"\\"


def test_a_program_that_fails_fails_the_task(manager: Manager, task: RecordedTask) -> None:
    assigned = handed_out(manager, "-c 'print(\"oh no\"); raise SystemExit(3)'", "blender")
    with pytest.raises(CommandFailed, match="ended with exit code 3"):
        make_command(assigned.commands[0]).run(task.context())
    assert "oh no" in task.log


def test_arguments_that_cannot_be_split_are_refused(manager: Manager) -> None:
    with pytest.raises(CompileError) as caught:
        handed_out(manager, "-c 'print")
    assert [problem.where for problem in caught.value.problems] == ["settings.arguments"]
    assert manager.job_types()
