"""Which Blender a worker tells of: the one that tasks run, as soon as that is known."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from flamenco_core.model import AssignedTask, Command
from flamenco_core.statuses import TaskStatus
from flamenco_worker.abilities import Abilities, BlenderCommand
from flamenco_worker.blender.in_blender_devices import LIST_PREFIX
from flamenco_worker.config import WorkerConfig
from flamenco_worker.machine_settings import MachineSettings
from tests.eventually import eventually

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")


def blender(folder: Path, version: str, name: str = "blender") -> Path:
    """A program that answers like the Blender of a version, and counts how often it is asked."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    answer = json.dumps({"version": [int(part) for part in version.split(".")], "devices": []})
    program.write_text(
        f"#!/bin/sh\necho asked >> '{folder}/asked.txt'\nprintf '%s\\n' '{LIST_PREFIX}{answer}'\n"
    )
    program.chmod(0o755)
    return program


def render_by(program: Path | str, arguments: str = "-b") -> AssignedTask:
    command = Command(
        name="blender-render",
        parameters={"exe": str(program), "exeArgs": arguments},
        total_step_count=1,
    )
    return AssignedTask(
        uuid="1",
        job="a",
        name="x",
        status=TaskStatus.ACTIVE,
        priority=50,
        job_priority=50,
        job_type="x",
        task_type="blender",
        commands=[command],
        steps_completed=0,
        steps_total=1,
    )


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = blender(tmp_path / "bin", "3.4.1")
    monkeypatch.setenv("PATH", f"{found.parent}:/usr/bin:/bin")
    return found


class Told:
    """A worker's abilities, and what is told of its Blender."""

    def __init__(self, home: Path, **settings: str) -> None:
        home.mkdir(exist_ok=True)
        config = WorkerConfig(home=home, worker_name="tester", **settings)  # type: ignore[arg-type]
        self.abilities = Abilities(config, MachineSettings(config), lambda: None)

    @property
    def blender(self) -> tuple[str | None, str | None]:
        told = self.abilities.now().capabilities or {}
        return told.get("blender"), told.get("blender_program")

    def becomes(self, version: str, program: str) -> None:
        eventually(lambda: self.blender == (version, program), f"{version} of {program}")

    def becomes_while_it_rests(self, version: str, program: str) -> None:
        """One Blender is asked at a time, and the one before may be about to be done with."""

        def look() -> bool:
            self.abilities.rests()
            return self.blender == (version, program)

        eventually(look, f"{version} of {program}")


def test_the_blender_of_a_task_counts_more_than_the_one_on_path(
    on_path: Path, tmp_path: Path
) -> None:
    of_tasks = blender(tmp_path / "farm", "4.5.2")
    told = Told(tmp_path / "home")
    told.abilities.look_for_devices()
    told.becomes("3.4.1", str(on_path))
    told.abilities.look_into(render_by(of_tasks))
    assert told.blender[0] == "3.4.1", "the task has the machine for itself"
    told.becomes_while_it_rests("4.5.2", f"{of_tasks} -b")
    told.abilities.close()
    again = Told(tmp_path / "home")
    again.abilities.look_for_devices()
    again.becomes("4.5.2", f"{of_tasks} -b")
    again.abilities.close()
    assert (of_tasks.parent / "asked.txt").read_text().splitlines() == ["asked"]


def test_the_blender_of_the_farm_counts_from_the_start(on_path: Path, tmp_path: Path) -> None:
    of_farm = blender(tmp_path / "farm", "4.5.2")
    told = Told(tmp_path / "home")
    told.abilities.look_for_devices(BlenderCommand(str(of_farm), "-b -y"))
    told.becomes("4.5.2", f"{of_farm} -b -y")
    told.abilities.look_into(render_by(of_farm, "-b -y"))
    told.abilities.rests()
    told.abilities.close()
    assert (of_farm.parent / "asked.txt").read_text().splitlines() == ["asked"]
    assert not (on_path.parent / "asked.txt").exists()


def test_a_farm_that_names_another_blender_at_the_next_sign_on_is_heard(
    on_path: Path, tmp_path: Path
) -> None:
    new = blender(tmp_path / "farm", "4.5.2")
    told = Told(tmp_path / "home")
    told.abilities.look_for_devices(BlenderCommand("blender", "-b"))
    told.becomes("3.4.1", f"{on_path} -b")
    told.abilities.look_for_devices(BlenderCommand(str(new), "-b"))
    told.becomes_while_it_rests("4.5.2", f"{new} -b")
    told.abilities.close()


def test_no_blender_is_told_of_where_that_of_the_farm_is_not(on_path: Path, tmp_path: Path) -> None:
    told = Told(tmp_path / "home")
    told.abilities.look_for_devices(BlenderCommand("/opt/blender-9/blender", "-b"))
    told.abilities.close()
    assert told.blender == (None, None)
    assert not (on_path.parent / "asked.txt").exists()


@pytest.mark.parametrize("configured", [True, False])
def test_arguments_that_nobody_could_start_do_no_harm(
    configured: bool, on_path: Path, tmp_path: Path
) -> None:
    told = Told(tmp_path / "home", **({"blender": str(on_path)} if configured else {}))
    told.abilities.look_for_devices(BlenderCommand("blender", '-b "unclosed'))
    told.abilities.look_into(render_by(on_path, '-b "unclosed'))
    told.becomes("3.4.1", str(on_path))
    told.abilities.close()


def test_without_any_other_the_blender_of_the_first_task_is_asked_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/sbin")
    of_tasks = blender(tmp_path / "farm", "4.5.2")
    told = Told(tmp_path / "home")
    told.abilities.look_for_devices()
    assert told.blender == (None, None)
    told.abilities.look_into(render_by(of_tasks))
    told.becomes("4.5.2", f"{of_tasks} -b")
    told.abilities.close()


def test_jobs_with_different_blenders_change_nothing_and_an_exchanged_blender_does(
    on_path: Path, tmp_path: Path
) -> None:
    old, new = blender(tmp_path / "old", "4.5.2"), blender(tmp_path / "new", "5.2.0")
    told = Told(tmp_path / "home")
    told.abilities.look_into(render_by(old))
    told.becomes("4.5.2", f"{old} -b")
    for _ in range(10):
        for program in (new, old):
            told.abilities.look_into(render_by(program))
            told.abilities.rests()
    told.abilities.close()
    assert told.blender[0] == "4.5.2"
    told = Told(tmp_path / "home")
    told.abilities.look_for_devices()
    for _ in range(10):
        told.abilities.look_into(render_by(new))
        told.abilities.rests()
    told.becomes("5.2.0", f"{new} -b")
    told.abilities.close()


def test_a_blender_that_is_gone_gives_way_to_the_one_on_path(on_path: Path, tmp_path: Path) -> None:
    of_tasks = blender(tmp_path / "farm", "4.5.2")
    told = Told(tmp_path / "home")
    told.abilities.look_into(render_by(of_tasks))
    told.becomes("4.5.2", f"{of_tasks} -b")
    told.abilities.close()
    of_tasks.unlink()
    again = Told(tmp_path / "home")
    again.abilities.look_for_devices()
    again.becomes("3.4.1", str(on_path))
    again.abilities.close()
