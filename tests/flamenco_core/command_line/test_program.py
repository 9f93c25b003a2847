"""The program as people and scripts use it, with a real Manager."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from functools import partial

import pytest

from flamenco_core.command_line import program as program_module
from flamenco_core.command_line import submitting
from flamenco_core.command_line.waiting import wait_for_job
from flamenco_core.version import current_version
from tests.flamenco_core.command_line.conftest import Program
from tests.flamenco_core.command_line.test_waiting import run_all_tasks
from tests.manager_service.running_manager import RunningManager

ECHO = ("submit", "--type", "echo-sleep-test", "--set", "message=x")
NOBODY = "00000000-0000-4000-8000-000000000000"


def test_help_and_version_are_answers_not_errors(flamenco: Program) -> None:
    assert flamenco("--help").code == 0
    ended = flamenco("--version")
    assert (ended.code, ended.out) == (0, f"flamenco {current_version().shown}\n")


@pytest.mark.parametrize(
    "arguments", [["no-such-command"], ["jobs", "--no-such-option"], ["job"], ["submit", "x.blend"]]
)
def test_a_wrong_command_line_ends_with_2(flamenco: Program, arguments: list[str]) -> None:
    ended = flamenco(*arguments)
    assert ended.code == 2
    assert ended.out == ""
    assert "Error: " in ended.err


def test_a_manager_that_is_not_there_is_one_sentence_and_1(flamenco: Program) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody_listens.getsockname()[1]}"
        ended = flamenco("jobs", "--manager", url)
    assert ended.code == 1
    assert ended.out == ""
    assert ended.err == (
        f"flamenco: The Manager at {url} cannot be reached: nothing listens there; "
        "is the Manager running?\n"
    )


def test_an_address_that_is_none_is_refused(flamenco: Program) -> None:
    ended = flamenco("jobs", "--manager", "ftp://x")
    assert ended.code == 1
    assert "is not the address of a Manager" in ended.err


def test_a_fault_of_the_program_shows_no_traceback(
    flamenco: Program, manager: RunningManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(program_module.flamenco, "main", broken)
    ended = flamenco("jobs", manager=manager)
    assert ended.code == 1
    assert "something unexpected happened (ZeroDivisionError: oops)" in ended.err
    assert "Traceback" not in ended.err


def test_without_its_libraries_the_program_names_the_extra() -> None:
    for name in ("click", "rich"):
        script = (
            f"import sys; sys.modules['{name}'] = None\n"
            "from flamenco_core.command_line import main; main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "flamenco-python[cli]" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_program_runs_as_a_process_and_survives_a_reader_that_leaves(
    manager: RunningManager,
) -> None:
    for _ in range(3):
        manager.submit()
    script = "from flamenco_core.command_line import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", script, "jobs", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "FLAMENCO_MANAGER": f"http://127.0.0.1:{manager.port}"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(30)
    assert errors == ""


def test_each_list_as_json_is_what_the_api_answers(
    flamenco: Program, manager: RunningManager
) -> None:
    job = manager.submit()["id"]
    manager.add_worker("worker of the test")
    for arguments, path in {
        ("jobs",): "/jobs",
        ("job", job): f"/jobs/{job}",
        ("tasks", job): f"/jobs/{job}/tasks",
        ("workers",): "/worker-mgt/workers",
        ("job-types",): "/jobs/types",
        ("job-types", "echo-sleep-test"): "/jobs/type/echo-sleep-test",
    }.items():
        ended = flamenco(*arguments, "--json", manager=manager)
        assert ended.code == 0, ended.err
        assert ended.err == ""
        assert ended.json == manager.get(path).json


def test_tables_show_whole_ids_and_names_when_they_are_not_read_on_a_terminal(
    flamenco: Program, manager: RunningManager
) -> None:
    name = "a very long name of a job " * 8
    job = manager.submit(name=name)["id"]
    manager.add_worker("worker of the test")
    line = next(line for line in flamenco("jobs", manager=manager).out.splitlines() if job in line)
    assert name.strip() in line
    assert "queued" in line
    assert "worker of the test" in flamenco("workers", manager=manager).out
    assert "simple-blender-render" in flamenco("job-types", manager=manager).out
    assert "sleep_repeats" in flamenco("job-types", "echo-sleep-test", manager=manager).out
    tasks = flamenco("tasks", job, manager=manager).out
    assert all(task["id"] in tasks for task in manager.get(f"/jobs/{job}/tasks").json["tasks"])


def test_on_a_narrow_terminal_ids_stay_whole_and_nothing_is_cut_off(
    flamenco: Program, farm: RunningManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "[red]a job[/red] " + "abcdefghij" * 12
    job = farm.submit(name=name)["id"]
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    lines = flamenco("jobs", manager=farm).out.splitlines()
    assert len([line for line in lines if job in line]) == 1
    assert max(map(len, lines)) <= 80
    start = lines[0].index("Name")
    shown = "".join(line[start:].strip() for line in lines[1:])
    assert shown.replace(" ", "") == name.replace(" ", "")


def test_jobs_can_be_listed_by_status(flamenco: Program, manager: RunningManager) -> None:
    job = manager.submit()["id"]
    queued = flamenco("jobs", "--json", "--status", "queued", "--status", "active", manager=manager)
    assert job in [found["id"] for found in queued.json["jobs"]]
    paused = flamenco("jobs", "--status", "paused", manager=manager)
    assert paused.out == "There are no such jobs.\n"
    assert flamenco("jobs", "--status", "bored", manager=manager).code == 2


def test_a_job_is_found_by_the_beginning_of_its_id(
    flamenco: Program, manager: RunningManager
) -> None:
    job = manager.submit(name="find me")["id"]
    ended = flamenco("job", job[:13], manager=manager)
    assert ended.code == 0
    assert "find me" in ended.out
    assert "hello" in ended.out
    unknown = flamenco("job", "zzz", manager=manager)
    assert (unknown.code, unknown.err) == (
        1,
        "flamenco: there is no job whose id begins with 'zzz'\n",
    )
    empty = flamenco("tasks", "", manager=manager)
    assert (empty.code, empty.err) == (1, "flamenco: an empty text is no job\n")
    assert flamenco("job", NOBODY, manager=manager).code == 1


def test_the_log_of_a_task_is_printed_as_it_is(flamenco: Program, farm: RunningManager) -> None:
    job = farm.submit()["id"]
    (waiting, *_) = farm.get(f"/jobs/{job}/tasks").json["tasks"]
    assert "no log yet" in flamenco("task-log", waiting["id"], manager=farm).err
    worker = farm.add_worker()
    task = farm.post("/worker/task", worker=worker).json["uuid"]
    update = {"log": "line 1\nGröße\n"}
    assert farm.post(f"/worker/task/{task}", update, worker=worker).status == 204
    printed = flamenco("task-log", task, manager=farm)
    assert (printed.code, printed.err) == (0, "")
    assert printed.out.endswith("\nline 1\nGröße\n")
    as_json = flamenco("task-log", task, "--json", manager=farm).json
    assert as_json == {"task_id": task, "log": printed.out}


def test_a_task_that_is_not_there_has_no_log(flamenco: Program, farm: RunningManager) -> None:
    ended = flamenco("task-log", "0123abcd", manager=farm)
    assert ended.code != 0
    assert "there is no task whose id begins with '0123abcd'" in ended.err


def test_a_job_without_a_file_is_submitted_with_typed_settings(
    flamenco: Program, manager: RunningManager
) -> None:
    ended = flamenco(
        *("submit", "--type", "echo-sleep-test", "--json", "--priority", "70", "--paused"),
        *("--name", "from the test", "--set", "message=hi", "--set", "sleep_repeats=3"),
        *("--metadata", "limits.total=3h", "--metadata", "shot=010"),
        manager=manager,
    )
    assert ended.code == 0, ended.err
    job = manager.get(f"/jobs/{ended.json['id']}").json
    assert job["metadata"].items() >= {"limits.total": "3h", "shot": "010"}.items()
    assert job["settings"]["sleep_repeats"] == 3
    assert (job["name"], job["priority"], job["status"]) == ("from the test", 70, "paused")


def test_all_wrong_settings_are_named_and_nothing_is_submitted(
    flamenco: Program, manager: RunningManager
) -> None:
    before = manager.get("/jobs").json
    ended = flamenco(
        *("submit", "--type", "echo-sleep-test"),
        *("--set", "sleep_repeats=often", "--set", "mesage=hi"),
        manager=manager,
    )
    assert ended.code == 1
    for place in ("settings.sleep_repeats", "settings.mesage", "settings.message"):
        assert place in ended.err
    assert manager.get("/jobs").json == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--type", "no-such-type"], "no-such-type"),
        (["--type", "simple-blender-render"], "needs a .blend file"),
        (["x.blend", "--type", "echo-sleep-test"], "takes no .blend file"),
        (["no such.blend", "--type", "simple-blender-render"], "there is no file"),
        (
            ["x.blend", "--type", "simple-blender-render", "--set", "blendfile=/x"],
            "--set blendfile",
        ),
        (["--type", "echo-sleep-test", "--set", "message=x", "--tag", "gpu"], "no tag 'gpu'"),
    ],
)
def test_what_cannot_be_submitted_is_refused_with_a_sentence(
    flamenco: Program, manager: RunningManager, arguments: list[str], sentence: str
) -> None:
    ended = flamenco("submit", *arguments, manager=manager)
    assert ended.code == 1
    assert ended.err.count(sentence) == 1
    assert "Traceback" not in ended.err


def test_priorities_outside_the_scale_are_a_usage_error(flamenco: Program) -> None:
    assert flamenco("submit", "--type", "x", "--priority", "101").code == 2


def test_waiting_ends_with_0_only_if_the_job_completes(
    flamenco: Program, farm: RunningManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = farm.add_worker()
    for status, code in (("completed", 0), ("failed", 1)):

        def work(_seconds: float, status: str = status) -> None:
            run_all_tasks(farm, worker, status)

        monkeypatch.setattr(submitting, "wait_for_job", partial(wait_for_job, sleep=work))
        ended = flamenco(*ECHO, "--wait", "--json", manager=farm)
        assert (ended.code, ended.json["status"]) == (code, status)
    assert "the job is failed" in ended.err


def test_ctrl_c_while_waiting_leaves_the_job_alone(
    flamenco: Program, manager: RunningManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(submitting, "wait_for_job", partial(wait_for_job, sleep=interrupt))
    ended = flamenco(*ECHO, "--wait", manager=manager)
    assert ended.code == 130
    assert "goes on without you" in ended.err
