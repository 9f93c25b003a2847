from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from flamenco_core.version import current_version
from flamenco_worker import cli
from flamenco_worker.config import load_config
from flamenco_worker.credentials import Credentials, save_credentials
from flamenco_worker.flushing import NotFlushed, flush
from flamenco_worker.host import locked_home
from tests.eventually import PATIENCE, eventually
from tests.flamenco_worker.protocol_manager import ProtocolManager, Received, command, task_of


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"flamenco-worker {current_version().shown}\n"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flamenco_worker", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['PIL'] = None; sys.argv = ['flamenco-worker']\n"
    blocked += "import importlib.util as util; find = util.find_spec\n"
    blocked += "util.find_spec = lambda name: None if name == 'PIL' else find(name)\n"
    blocked += "from flamenco_worker.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", blocked],
        env=os.environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "flamenco-worker needs Pillow, which the extra [worker] brings: "
        "pip install 'flamenco-python[worker]'\n"
    )


def test_a_wrong_configuration_ends_it_with_all_problems(tmp_path: Path) -> None:
    (tmp_path / "flamenco-worker.yaml").write_text("a: 1\nb: 2\n", encoding="utf-8")
    done = run(tmp_path, "--home", str(tmp_path / "home"))
    assert done.returncode == 1
    assert "line 1: there is no setting 'a'" in done.stderr
    assert "line 2: there is no setting 'b'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_that_is_none_ends_it_with_a_sentence(tmp_path: Path) -> None:
    done = run(tmp_path, "--home", str(tmp_path / "home"), "--manager", "ftp://x")
    assert done.returncode == 1
    assert "'ftp://x' is not the address of a Manager" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_home_in_use_ends_it_with_a_sentence(tmp_path: Path) -> None:
    with locked_home(tmp_path):
        done = run(tmp_path, "--home", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("flamenco-worker: Another worker runs in ")


def test_single_ends_after_one_task(tmp_path: Path) -> None:
    with ProtocolManager() as manager:
        one, other = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
        manager.hand_out(
            task_of(one, command("echo", message="x")), task_of(other, command("echo", message="y"))
        )
        home = str(tmp_path / "home")
        done = run(tmp_path, "--single", "--home", home, "--manager", manager.url, "--name", "me")
        assert done.returncode == 0, done.stderr
        assert manager.statuses_of(one) == ["active", "completed"]
        assert manager.statuses_of(other) == []
        assert manager.received[0].body["name"] == "me"


def test_options_of_flamenco_3_and_2_are_taken(tmp_path: Path) -> None:
    with ProtocolManager() as manager:
        manager.first_status = "restart"
        arguments = ["-quiet", "-restart-exit-code", "47", f"-manager={manager.url}", "-1"]
        done = run(tmp_path, *arguments, "-home", str(tmp_path / "home"), "-c", empty(tmp_path))
        assert (done.returncode, done.stderr) == (47, "")
        (sign_on,) = manager.requests("/sign-on")
        assert sign_on.body["can_restart"] is True


def empty(folder: Path) -> str:
    """A configuration file without settings."""
    path = folder / "empty.yaml"
    path.touch()
    return str(path)


def test_flush_sends_what_waits_and_takes_no_task(tmp_path: Path) -> None:
    one, other = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
    home = tmp_path / "home"
    with ProtocolManager() as manager:
        options = ["--home", str(home), "--manager", manager.url]
        manager.hand_out(task_of(one, command("echo", message="x")))
        tried: list[Received] = []

        def fail(request: Received) -> int | None:
            if request.path != f"/task/{one}":
                return None
            tried.append(request)
            return 503

        manager.fail = fail
        worker = subprocess.Popen(
            [sys.executable, "-m", "flamenco_worker", "--single", *options],
            cwd=tmp_path,
            stderr=subprocess.DEVNULL,
        )
        try:
            manager.wait_for(lambda: bool(tried), "an update")
            eventually(lambda: any('"completed"' in each for each in waiting_updates(home)))
        finally:
            worker.kill()
            worker.wait()
        assert manager.statuses_of(one) == []
        count = len(waiting_updates(home))
        manager.fail = lambda _request: None
        manager.hand_out(task_of(other, command("echo", message="y")))
        done = run(tmp_path, "--flush", *options)
        assert done.returncode == 0, done.stderr
        assert f"sent {count} updates and images that were waiting" in done.stderr
        assert manager.statuses_of(one) == ["active", "completed"]
        assert manager.statuses_of(other) == []
        assert manager.received[-1].path == "/sign-off"
        asked = len(manager.received)
        assert run(tmp_path, "--flush", *options).returncode == 0
        assert len(manager.received) == asked


def waiting_updates(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "flamenco-worker.sqlite")) as database:
        return [row[0] for row in database.execute("SELECT payload FROM waiting_updates")]


def test_flush_keeps_what_the_manager_does_not_take(tmp_path: Path) -> None:
    home = tmp_path / "home"
    save_credentials(make(home), Credentials("00000000-0000-4000-8000-000000000000", "secret"))
    with closing(sqlite3.connect(home / "flamenco-worker.sqlite")) as database:
        database.execute(
            "CREATE TABLE waiting_updates (id INTEGER PRIMARY KEY, worker_id TEXT, task_id TEXT,"
            " attempt INTEGER, payload TEXT)"
        )
        database.execute("INSERT INTO waiting_updates VALUES (1, '', '', 1, '{}')")
        database.commit()
    with ProtocolManager() as manager:  # which does not know this worker
        done = run(tmp_path, "--flush", "--home", str(home), "--manager", manager.url)
        assert done.returncode == 1
        assert "the Manager refuses this worker" in done.stderr
        assert manager.requests("/register-worker") == []
    assert waiting_updates(home) == ["{}"]
    away = load_config(home=home, manager_url="http://127.0.0.1:9/", environment={})
    with pytest.raises(NotFlushed, match="does not answer; what waits is kept"):
        flush(away, limit=timedelta(seconds=0.2))


def test_flush_says_that_the_queue_cannot_be_read(tmp_path: Path) -> None:
    queue = make(tmp_path / "home") / "flamenco-worker.sqlite"
    queue.write_bytes(b"not a database " * 100)
    options = ["--home", str(queue.parent), "--manager", "http://127.0.0.1:9/"]
    done = run(tmp_path, "--flush", *options)
    assert done.returncode == 1
    assert f"the queue {queue} cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_a_worker_without_task_does_not_claim_to_hand_one_back(tmp_path: Path) -> None:
    with ProtocolManager() as manager:
        arguments = ["--home", str(tmp_path / "home"), "--manager", manager.url, "--name", "me"]
        worker = subprocess.Popen(
            [sys.executable, "-m", "flamenco_worker", *arguments],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            manager.wait_for_count("/state-changed", 1)
            worker.send_signal(signal.SIGTERM)
            _, said = worker.communicate(timeout=PATIENCE)
        finally:
            worker.kill()
            worker.wait()
    assert worker.returncode == 0
    assert "flamenco-worker: ending, no task is running; once more to end at once\n" in said
    assert "handing back" not in said


STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(1000)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows programs cannot ignore their end")
def test_the_second_ctrl_c_ends_at_once_and_leaves_nothing_running(tmp_path: Path) -> None:
    task, said = "11111111-1111-4111-8111-111111111111", tmp_path / "pid"
    log = tmp_path / "worker.log"
    with ProtocolManager() as manager, log.open("wb") as stderr:
        arguments = ["-c", STUBBORN, str(said)]
        manager.hand_out(task_of(task, command("exec", exe=sys.executable, args=arguments)))
        worker = subprocess.Popen(
            [sys.executable, "-m", "flamenco_worker", "--manager", manager.url],
            cwd=tmp_path,
            env=os.environ | {"FLAMENCO_HOME": str(tmp_path / "home")},
            stderr=stderr,
        )
        try:
            eventually(lambda: said.exists() and said.read_text())
            child = int(said.read_text())
            # What is told of the task goes its own way, and might be cut off.
            manager.wait_for(lambda: manager.statuses_of(task) == ["active"], "the start")
            worker.send_signal(signal.SIGINT)
            # Two signals that nobody has heard yet are one.
            eventually(lambda: b"once more to end at once" in log.read_bytes())
            worker.send_signal(signal.SIGINT)
            assert worker.wait(PATIENCE) == 130
        finally:
            worker.kill()
            worker.wait()
    eventually(lambda: not is_running(child))
    assert manager.statuses_of(task) == ["active"]


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="Windows and macOS: no systemd")
def test_in_the_journal_lines_have_priorities_and_no_time_of_their_own(tmp_path: Path) -> None:
    log = tmp_path / "journal"
    with log.open("w") as journal:
        status = os.fstat(journal.fileno())
        worker = subprocess.Popen(
            [sys.executable, "-m", "flamenco_worker", "--manager", "http://127.0.0.1:9/"],
            env=os.environ
            | {
                "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}",
                "FLAMENCO_HOME": str(tmp_path / "home"),
            },
            stderr=journal,
        )
    try:
        eventually(lambda: "\n" in log.read_text())
    finally:
        worker.kill()
        worker.wait()
    first = log.read_text().splitlines()[0]
    assert first.startswith("<6>INFO flamenco_worker.cli: flamenco-worker v")
