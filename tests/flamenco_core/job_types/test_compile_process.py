"""Compiling in a helper process: what scripts may do to it, and what others notice of that."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flamenco_core.errors import CompileError, InvalidInput, NotFound, Unavailable, WrongEtag
from flamenco_core.job_types import helper_process
from flamenco_core.job_types.compile_process import MAX_HELPERS, CompileProcess
from flamenco_core.job_types.compiled import CompiledJob
from flamenco_core.model import SubmittedJob
from tests.flamenco_core.job_types.javascript_scripts import ONE_JS_TASK, write_js
from tests.flamenco_core.job_types.scripts import CREATED, ONE_TASK, submission, write_script
from tests.flamenco_core.job_types.test_library import BUILTIN

SOON = timedelta(seconds=2)
LATE = timedelta(minutes=4)
"""The limit of scripts that are to end for another reason, or by themselves, on any machine."""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc or a limit of Linux")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_script(tmp_path, "fine", ONE_TASK)
    write_script(tmp_path, "endless", "while True: pass")
    return tmp_path


@pytest.fixture
def process(folder: Path) -> Iterator[CompileProcess]:
    with CompileProcess([folder], time_limit=LATE) as process:
        yield process


def compiled(process: CompileProcess, job_type: str, **settings: object) -> CompiledJob:
    return process.compile(submission(job_type, **settings), "job-id", CREATED)


def children() -> set[int]:
    """The processes that this one has started and not waited for, zombies included."""
    path = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return {int(pid) for pid in path.read_text().split()}


def test_a_job_arrives_as_the_script_made_it(process: CompileProcess) -> None:
    submitted = SubmittedJob(
        name="ünïcode\n",
        type="echo-sleep-test",
        settings={"message": "a “b” \\ \u2028 </script> 🎬", "sleep_repeats": 2},
        metadata={"project": "x"},
        submitter_platform="windows",
        worker_tag="tag",
    )
    job = process.compile(submitted, "job-id", CREATED)
    assert (job.id, job.name, job.created) == ("job-id", "ünïcode\n", CREATED)
    assert (job.metadata, job.worker_tag) == ({"project": "x"}, "tag")
    assert job.submitter_platform == "windows"
    assert job.tasks[0].commands[0].parameters == {"message": submitted.settings["message"]}
    assert [task.depends_on for task in job.tasks] == [[], [0], [0]]
    assert len({task.id for task in job.tasks}) == 3


def test_a_large_job_arrives_whole_in_lines_that_are_quickly_read(
    process: CompileProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []

    def read(line: bytes) -> Any:
        lengths.append(len(line))
        return json.loads(line)

    monkeypatch.setattr(helper_process, "json", SimpleNamespace(loads=read, dumps=json.dumps))
    job = compiled(process, "echo-sleep-test", message="x", sleep_repeats=2500)
    assert [task.name for task in job.tasks] == ["echo", *["sleep"] * 2500]
    assert len({task.id for task in job.tasks}) == 2501
    assert all(task.depends_on == [0] for task in job.tasks[1:])
    assert len(lengths) > 25
    assert max(lengths) < 50_000


def test_the_time_limit_is_for_the_script_and_not_for_what_is_done_with_its_work(
    folder: Path,
) -> None:
    top = """
        from collections.abc import Mapping
        import time

        class Slow(Mapping):
            def __getitem__(self, key): return "hi"
            def __len__(self): return 1
            def __iter__(self):
                time.sleep(1.5)
                yield "message"
    """
    write_script(folder, "slow", "job.task('a', type='misc').command('echo', Slow())", top=top)
    limit = timedelta(seconds=1)
    with CompileProcess([folder], time_limit=limit) as process:
        process.available()
        assert compiled(process, "slow").tasks[0].commands[0].parameters == {"message": "hi"}
        assert compiled(process, "fine").tasks


def test_errors_arrive_with_their_type_and_problems(process: CompileProcess) -> None:
    with pytest.raises(InvalidInput) as wrong_settings:
        compiled(process, "echo-sleep-test", mesage="x", sleep_repeats="3")
    assert type(wrong_settings.value) is InvalidInput
    assert [problem.where for problem in wrong_settings.value.problems] == [
        "settings.mesage",
        "settings.message",
        "settings.sleep_repeats",
    ]
    assert wrong_settings.value.problems[0].hint == "did you mean message?"
    with pytest.raises(NotFound, match="no job type “nope”"):
        compiled(process, "nope")
    stale = SubmittedJob(name="x", type="fine", type_etag="old", submitter_platform="linux")
    with pytest.raises(WrongEtag):
        process.compile(stale, "job-id", CREATED)


def test_job_types_are_listed_and_found(process: CompileProcess) -> None:
    names = [job_type.name for job_type in process.available()]
    assert names == sorted([*BUILTIN, "endless", "fine"])
    assert process.get("echo-sleep-test").etag == "eba586e16d6b55baaa43e32f9e78ae514b457fee"
    assert process.problems() == []
    with pytest.raises(NotFound):
        process.get("nope")


def test_an_endless_script_is_ended_and_the_next_job_compiles(folder: Path) -> None:
    with CompileProcess([folder], time_limit=SOON) as process:
        with pytest.raises(CompileError, match="“endless” took longer than 2 seconds"):
            compiled(process, "endless")
        assert compiled(process, "fine").tasks


ENDLESS_JAVASCRIPT = {
    "loop": "while (true) {}",
    "catching": "while (true) { try { require('nothing'); } catch (error) {} }",
    "recursive": "function f() { try { f(); } finally { f(); } } f();",
    "pattern": "/^(a+)+$/.test('a'.repeat(60) + 'b');",
}


@pytest.mark.parametrize("name", ENDLESS_JAVASCRIPT)
def test_endless_javascript_is_ended_and_others_do_not_wait(folder: Path, name: str) -> None:
    write_js(folder, "stuck", ENDLESS_JAVASCRIPT[name])
    write_js(folder, "js_fine", ONE_JS_TASK)
    with CompileProcess([folder], time_limit=SOON) as process, ThreadPoolExecutor(1) as threads:
        stuck = threads.submit(compiled, process, "stuck")
        while not stuck.done():
            assert compiled(process, "js-fine", text="a").tasks
            assert compiled(process, "fine").tasks
        with pytest.raises(CompileError, match="“stuck” took longer than 2 seconds"):
            stuck.result()
        assert compiled(process, "js-fine", text="b").tasks


HUNGRY_JAVASCRIPT = {
    "list": "const all = []; while (true) all.push({ text: 'x'.repeat(1000) + all.length });",
    "text": "let all = 'x'; while (true) all += all + all.length;",
    "buffer": "const all = []; while (true) all.push(new Uint8Array(10000000).fill(1));",
    "catching": "const all = []; while (true) try { all.push([1]); } catch { all.push([2]); }",
    "result": "job.settings.text = 'x'.repeat(300000000);",
    "parameters": "const c = 'x'.repeat(1000000); job.settings.a = Array(400).fill(c);",
}


@linux_only
@pytest.mark.parametrize("name", HUNGRY_JAVASCRIPT)
def test_javascript_that_eats_memory_is_ended_and_the_next_job_compiles(
    folder: Path, name: str
) -> None:
    write_js(folder, "hog", HUNGRY_JAVASCRIPT[name])
    with CompileProcess([folder], time_limit=LATE) as process:
        with pytest.raises(CompileError) as caught:
            compiled(process, "hog")
        (problem,) = caught.value.problems
        assert re.search("needed more than 512 MB|crashed its process|too long", problem.what)
        assert compiled(process, "fine").tasks


def test_what_javascript_prints_reaches_the_managers_log(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_js(folder, "talker", f"print('so far'); alert('so good'); {ONE_JS_TASK}")
    with caplog.at_level(logging.INFO), CompileProcess([folder]) as process:
        compiled(process, "talker")
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert said == [("INFO", "talker.js: so far"), ("WARNING", "talker.js: so good")]


def test_javascript_errors_arrive_with_their_place(folder: Path) -> None:
    path = write_js(folder, "thrower", "throw new Error('not today');")
    with CompileProcess([folder]) as process:
        with pytest.raises(CompileError) as caught:
            compiled(process, "thrower")
        assert [str(problem) for problem in caught.value.problems] == [f"{path}, line 3: not today"]
        assert "thrower" in [job_type.name for job_type in process.available()]


@linux_only
def test_a_script_that_eats_memory_is_ended_and_the_next_job_compiles(folder: Path) -> None:
    write_script(folder, "hog", "hoard = []\nwhile True: hoard.append(bytearray(10_000_000))")
    with CompileProcess([folder], time_limit=LATE) as process:
        with pytest.raises(CompileError, match="“hog” needed more than 512 MB"):
            compiled(process, "hog")
        assert compiled(process, "fine").tasks


def test_others_do_not_wait_for_a_stuck_script(folder: Path) -> None:
    patient = CompileProcess([folder], time_limit=timedelta(minutes=5))
    with patient as process, ThreadPoolExecutor(1) as threads:
        stuck = threads.submit(compiled, process, "endless")
        assert compiled(process, "fine").tasks
        assert not stuck.done()
        process.close()
        with pytest.raises(Unavailable):
            stuck.result()


def test_when_every_helper_is_stuck_a_request_waits_no_longer_than_its_own_limit(
    folder: Path,
) -> None:
    with CompileProcess([folder], time_limit=SOON) as process, ThreadPoolExecutor(20) as threads:
        stuck = [threads.submit(compiled, process, "endless") for _ in range(MAX_HELPERS * 3)]
        errors = [future.exception() for future in stuck]
        assert {type(error) for error in errors} <= {CompileError, Unavailable}
        assert compiled(process, "fine").tasks


def test_many_threads_get_their_own_answers(process: CompileProcess) -> None:
    def message_of(number: int) -> object:
        job = compiled(process, "echo-sleep-test", message=f"number {number}")
        return job.tasks[0].commands[0].parameters["message"]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(message_of, range(40)))
    assert answers == [f"number {number}" for number in range(40)]


PRINTING = """
    import os, subprocess, sys
    print("from print")
    sys.stdout.write("half a line")
    os.write(1, b"from the system\\n")
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    sys.__stdout__.write("from the real stdout\\n")
    sys.__stdout__.flush()
    assert sys.stdin.read() == ""
"""


def test_printing_reaches_the_log_and_not_the_channel(
    folder: Path, process: CompileProcess, caplog: pytest.LogCaptureFixture
) -> None:
    write_script(folder, "chatty", f"{PRINTING}\n    {ONE_TASK}")
    with caplog.at_level(logging.INFO):
        assert compiled(process, "chatty").tasks
    assert "chatty.py: from print" in caplog.messages
    assert compiled(process, "fine").tasks


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import os; os._exit(7)", "ended its process with exit code 7"),
        pytest.param(
            "import os; os.kill(os.getpid(), 11)", "crashed its process", marks=linux_only
        ),
        ("import os; os.closerange(3, 100)\nwhile True: pass", "closed its channel"),
    ],
)
def test_a_script_that_brings_down_the_helper_is_blamed(
    folder: Path, process: CompileProcess, body: str, reason: str
) -> None:
    write_script(folder, "killer", body)
    with pytest.raises(CompileError, match=f"“killer” .*{reason}"):
        compiled(process, "killer")
    assert compiled(process, "fine").tasks


@pytest.mark.parametrize("body", ["raise SystemExit(3)", "import sys; sys.exit('no')"])
def test_a_script_that_exits_is_an_ordinary_error(
    folder: Path, process: CompileProcess, body: str
) -> None:
    write_script(folder, "quitter", body)
    with pytest.raises(CompileError, match="SystemExit"):
        compiled(process, "quitter")


@pytest.mark.parametrize("top", ["while True: pass", "import os; os._exit(1)"])
def test_a_script_that_cannot_even_be_loaded_is_left_out_until_it_is_mended(
    folder: Path, top: str
) -> None:
    write_script(folder, "bad", ONE_TASK, top=top)
    with CompileProcess([folder], time_limit=SOON) as process:
        names = [job_type.name for job_type in process.available()]
        assert "fine" in names
        assert "bad" not in names
        (problem,) = process.problems()
        assert problem.where == str(folder / "bad.py")
        with pytest.raises(NotFound, match=r"bad\.py"):
            process.get("bad")
        write_script(folder, "bad", ONE_TASK)
        assert process.get("bad").name == "bad"
        assert process.problems() == []


def test_edits_count_at_once(folder: Path, process: CompileProcess) -> None:
    assert len(compiled(process, "fine").tasks) == 1
    write_script(folder, "fine", f"{ONE_TASK}\n{ONE_TASK}")
    assert len(compiled(process, "fine").tasks) == 2


@linux_only
def test_the_same_helper_serves_one_request_after_the_other(
    folder: Path, process: CompileProcess
) -> None:
    write_script(
        folder,
        "who",
        "import os\njob.task('t', type='misc').command('echo', {'message': str(os.getpid())})",
    )
    pids = {compiled(process, "who").tasks[0].commands[0].parameters["message"] for _ in range(3)}
    assert len(pids) == 1


@linux_only
def test_nothing_is_left_behind(folder: Path) -> None:
    before = children()
    threads_before = {*threading.enumerate()}
    process = CompileProcess([folder], time_limit=SOON)
    compiled(process, "fine")
    with pytest.raises(CompileError):
        compiled(process, "endless")
    compiled(process, "fine")
    assert len(children() - before) == 1
    process.close()
    process.close()
    assert children() - before == set()
    assert {*threading.enumerate()} - threads_before == set()
    with pytest.raises(Unavailable):
        compiled(process, "fine")


@linux_only
def test_a_helper_that_died_while_idle_is_replaced_unnoticed(
    folder: Path, process: CompileProcess
) -> None:
    before = children()
    compiled(process, "fine")
    (pid,) = children() - before
    # As the kernel does when memory runs out.
    subprocess.run(["kill", "-9", str(pid)], check=True)
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < deadline
    assert compiled(process, "fine").tasks


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_an_interrupted_request_does_not_leave_its_answer_to_the_next_one(
    folder: Path,
) -> None:
    marker = folder / "marker"
    # So long that it still goes on when a busy machine gets round to the interruption.
    slow = f"open({str(marker)!r}, 'w').close()\nimport time\ntime.sleep(100)\n"
    write_script(folder, "slow", slow + ONE_TASK)
    process = CompileProcess([folder], time_limit=LATE)

    def interrupt_once_it_runs() -> None:
        deadline = time.monotonic() + 60
        while not marker.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    with process:
        compiled(process, "fine")
        thread = threading.Thread(target=interrupt_once_it_runs)
        # Whoever started the tests may have told them to ignore it.
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            compiled(process, "slow")
        thread.join()
        signal.signal(signal.SIGINT, previous)
        assert compiled(process, "fine").type == "fine"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no /bin/false")
def test_a_helper_that_cannot_start_is_not_blamed_on_the_job_type(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CompileProcess([folder]) as process:
        monkeypatch.setattr(sys, "executable", "/bin/false")
        with pytest.raises(Unavailable, match="The process for compiling jobs"):
            compiled(process, "fine")
        monkeypatch.setattr(sys, "executable", "/no/such/python")
        with pytest.raises(Unavailable, match="can be started: No such file"):
            compiled(process, "fine")


def test_it_works_from_any_folder_and_without_the_environment(folder: Path, tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    program = f"""
import sys
sys.path.insert(0, {str(root)!r})
from datetime import UTC, datetime
from pathlib import Path
from flamenco_core.job_types.compile_process import CompileProcess
from flamenco_core.model import SubmittedJob
with CompileProcess([Path({str(folder)!r})]) as process:
    job = process.compile(
        SubmittedJob(name="x", type="fine", submitter_platform="linux"), "id", datetime.now(UTC)
    )
print(len(job.tasks))
"""
    trap = tmp_path / "elsewhere"
    trap.mkdir()
    (trap / "json.py").write_text("raise SystemExit('a module of the current folder was imported')")
    command = [sys.executable, "-I", "-c", program]
    done = subprocess.run(command, cwd=trap, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
