from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_worker.cancellation import Cancellation, Cancelled
from flamenco_worker.process import (
    Priority,
    ProgramMissing,
    find_program,
    kill_all,
    run_process,
)
from tests.flamenco_worker.blenders import ROOT

PATIENCE = 120
POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX's")


def python(script: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(script)]


def run(command: list[str], **more: object) -> tuple[int, list[str]]:
    lines: list[str] = []
    finished = run_process(command, on_line=lines.append, cancellation=Cancellation(), **more)  # type: ignore[arg-type]
    return finished.exit_code, lines


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Zombies count as dead."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_output_and_errors_arrive_line_by_line_in_order() -> None:
    script = """
        import sys
        print("one", flush=True)
        print("two", file=sys.stderr, flush=True)
        sys.stdout.write("10 %\\r20 %\\r\\nlast without end")
        sys.exit(3)
    """
    assert run(python(script)) == (3, ["one", "two", "10 %", "20 %", "last without end"])


def test_bytes_that_are_no_text_and_very_long_lines_come_through() -> None:
    script = """
        import sys
        sys.stdout.buffer.write(b"gr\\xfcn \\xc3\\xbc" + b"x" * 100_000 + b"\\n")
    """
    _exit_code, lines = run(python(script))
    assert lines == ["gr\ufffdn ü" + "x" * 100_000]


def test_a_line_end_of_two_signs_may_come_in_two_parts() -> None:
    script = """
        import sys, time
        for part in ("one\\r", "\\ntwo\\r", "three\\r"):
            sys.stdout.write(part)
            sys.stdout.flush()
            time.sleep(0.05)
    """
    assert run(python(script)) == (0, ["one", "two", "three"])


@POSIX_ONLY
@pytest.mark.parametrize(
    ("priority", "wanted"), [(Priority.NORMAL, 0), (Priority.LOW, 10), (Priority.IDLE, 19)]
)
def test_a_child_and_what_it_starts_get_out_of_the_way_of_others(
    priority: Priority, wanted: int
) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    ask = "import os; print(os.getpriority(os.PRIO_PROCESS, 0), flush=True)"
    script = f"{ask}; import subprocess, sys; subprocess.run([sys.executable, '-c', {ask!r}])"
    exit_code, lines = run(python(script), priority=priority)
    assert (exit_code, [int(line) for line in lines]) == (0, [min(19, own + wanted)] * 2)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_environment_is_added() -> None:
    _exit_code, lines = run(
        python("import os; print(os.environ['MORE'], 'PATH' in os.environ)"),
        environment={"MORE": "more"},
    )
    assert lines == ["more True"]


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing, match="'no-such-program' is not on the PATH"):
        find_program("no-such-program")
    with pytest.raises(ProgramMissing, match=r"There is no program .*nowhere"):
        find_program(str(tmp_path / "nowhere"))
    (tmp_path / "text").write_text("no program", encoding="utf-8")
    with pytest.raises(ProgramMissing, match="text is not a program that can be run"):
        find_program(str(tmp_path / "text"))


@POSIX_ONLY
def test_a_file_that_is_no_program_says_so(tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_bytes(b"\x7fELF nonsense")
    program.chmod(0o755)
    exit_code, lines = run([str(program)])
    assert exit_code == 127
    assert "cannot be started: Exec format error" in lines[0]


def test_a_line_that_cannot_be_handled_does_not_stop_the_others() -> None:
    seen: list[str] = []

    def handle(line: str) -> None:
        seen.append(line)
        if line == "1":
            raise ValueError(line)

    run_process(
        python("for number in range(3): print(number)"),
        on_line=handle,
        cancellation=Cancellation(),
    )
    assert seen == ["0", "1", "2"]


def test_what_is_cancelled_before_it_starts_is_not_started(tmp_path: Path) -> None:
    cancellation = Cancellation()
    cancellation.cancel("no need")
    made = tmp_path / "made"
    command = python(f"open({str(made)!r}, 'w')")
    with pytest.raises(Cancelled, match="no need"):
        run_process(command, on_line=print, cancellation=cancellation)
    assert not made.exists()


@POSIX_ONLY
def test_cancelling_ends_the_child_and_what_it_has_started() -> None:
    script = """
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(child.pid, flush=True)
        child.wait()
    """
    cancellation = Cancellation()
    pids: list[int] = []

    def handle(line: str) -> None:
        pids.append(int(line))
        cancellation.cancel("enough")

    with pytest.raises(Cancelled, match="enough"):
        run_process(python(script), on_line=handle, on_start=pids.append, cancellation=cancellation)
    assert len(pids) == 2
    wait_until(lambda: not any(is_alive(pid) for pid in pids), "their end")


@POSIX_ONLY
def test_a_child_that_does_not_want_to_end_is_killed() -> None:
    script = """
        import signal, time
        signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
        print("ready", flush=True)
        while True:
            time.sleep(600)
    """
    cancellation = Cancellation()
    lines: list[str] = []

    def handle(line: str) -> None:
        lines.append(line)
        cancellation.cancel("enough")

    with pytest.raises(Cancelled):
        run_process(
            python(script),
            on_line=handle,
            cancellation=cancellation,
            grace=timedelta(seconds=0.3),
        )
    assert lines[0] == "ready"


@POSIX_ONLY
def test_a_grandchild_that_holds_the_pipe_does_not_hold_up_the_end() -> None:
    script = """
        import subprocess, sys
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print("done")
    """
    assert run(python(script)) == (0, ["done"])


@POSIX_ONLY
def test_kill_all_ends_every_child() -> None:
    started = threading.Event()
    codes: list[int] = []

    def live() -> None:
        finished = run_process(
            python("import time; time.sleep(600)"),
            on_line=print,
            on_start=lambda _pid: started.set(),
            cancellation=Cancellation(),
        )
        codes.append(finished.exit_code)

    thread = threading.Thread(target=live)
    thread.start()
    assert started.wait(PATIENCE)
    kill_all()
    thread.join(PATIENCE)
    assert codes == [-signal.SIGKILL]


@POSIX_ONLY
def test_a_signal_may_kill_all_while_a_child_is_being_asked_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the second Ctrl+C does it."""
    cancellation = Cancellation()
    previous = signal.signal(signal.SIGUSR1, lambda *_: kill_all())
    killpg = os.killpg

    def interrupted(group: int, number: int) -> None:
        if number == signal.SIGTERM:
            signal.raise_signal(signal.SIGUSR1)
        killpg(group, number)

    monkeypatch.setattr(os, "killpg", interrupted)
    try:
        with pytest.raises(Cancelled, match="enough"):
            run_process(
                python("import time; time.sleep(600)"),
                on_line=print,
                on_start=lambda _pid: cancellation.cancel("enough"),
                cancellation=cancellation,
            )
    finally:
        signal.signal(signal.SIGUSR1, previous)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child's life to a parent's")
def test_a_worker_that_is_killed_leaves_no_child_behind(tmp_path: Path) -> None:
    script = """
        import sys, time
        from flamenco_worker.cancellation import Cancellation
        from flamenco_worker.process import run_process
        run_process(
            [sys.executable, "-c", "import time; time.sleep(600)"],
            on_line=print,
            on_start=lambda pid: print(pid, flush=True),
            cancellation=Cancellation(),
        )
    """
    with subprocess.Popen(
        python(script), stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as parent:
        try:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            words = Path(f"/proc/{pid}/cmdline")
            wait_until(lambda: words.read_bytes().split(b"\0")[1:2] == [b"-c"], "the exec")
        finally:
            parent.kill()
    wait_until(lambda: not is_alive(pid), "the child's end")


@pytest.mark.skipif(sys.platform != "linux", reason="OOM scores are Linux's")
def test_the_oom_score_is_that_of_the_child_only() -> None:
    before = Path("/proc/self/oom_score_adj").read_text(encoding="ascii")
    read = "print(open('/proc/self/oom_score_adj').read().strip())"
    assert run(python(read), oom_score=321) == (0, ["321"])
    assert Path("/proc/self/oom_score_adj").read_text(encoding="ascii") == before
