"""`flamenco-manager` as a program: how it starts, stops, and refuses to start."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from flamenco_core.version import current_version
from tests.ports import free_port

COMMAND = [sys.executable, "-X", "utf8", "-m", "manager_service.cli"]
PATIENT_AT_ITS_END = """
import sys
from manager_service import cli, listeners
listeners._STOPPING_SECONDS = 600
sys.exit(cli.main(sys.argv[1:]))
"""
TIME_LIMIT = 60
STOP_SIGNALS = [signal.SIGINT, signal.SIGTERM]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )


@contextmanager
def running(
    *arguments: str | Path, command: Sequence[str] = COMMAND
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program, and the address that it has printed."""
    process = subprocess.Popen(
        [*command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, (line, process.stderr and process.stderr.read())
        yield process, found[0]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("option", ["--version", "-version"])
def test_it_tells_its_version(option: str) -> None:
    assert run(option).stdout.strip() == current_version().shown


def test_the_package_runs_as_a_program() -> None:
    command = [sys.executable, "-m", "manager_service", "--help"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=True)
    assert "usage: flamenco-manager" in ended.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a program without asking it")
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    home = tmp_path / "new" / "home"
    listen = "127.0.0.1:0"
    with running("--home", home, "--listen", listen, "--quiet") as (process, url):
        for path in ("version", "jobs", "worker-mgt/workers"):
            with urllib.request.urlopen(f"{url}api/v3/{path}", timeout=TIME_LIMIT) as answer:
                assert answer.status == 200
        process.send_signal(number)
        _, errors = process.communicate(timeout=TIME_LIMIT)
        assert (process.returncode, errors) == (0, "")
    assert (home / "flamenco-manager.sqlite").exists()
    assert not list(home.glob("*.sqlite-wal")), "a farm that was closed well has no open log"


def test_a_restart_takes_up_the_new_configuration_in_the_same_process(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    config = tmp_path / "flamenco-manager.yaml"

    def configure(port: int) -> None:
        config.write_text(f"_meta: {{version: 3}}\nlisten: '127.0.0.1:{port}'\n")

    configure(ports[0])
    with running("--home", tmp_path) as (process, url):
        configure(ports[1])
        request = urllib.request.Request(f"{url}api/v3/configuration/restart", method="POST")
        with urllib.request.urlopen(request, timeout=TIME_LIMIT) as answer:
            assert answer.status == 204
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.strip().endswith(f"http://127.0.0.1:{ports[1]}/")
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[1]}/api/v3/version") as answer:
            assert answer.status == 200
        process.terminate()
        _, errors = process.communicate(timeout=TIME_LIMIT)
        if sys.platform != "win32":
            assert process.returncode == 0
        assert "Starting again" in errors


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a program without asking it")
@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what the Manager may have open")
def test_it_asks_for_as_many_connections_as_it_may_have(tmp_path: Path) -> None:
    import resource

    present, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
    try:
        with running("--home", tmp_path, "--listen", "127.0.0.1:0") as (process, _):
            limits = Path(f"/proc/{process.pid}/limits").read_text()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (present, most))
    row = next(row for row in limits.splitlines() if row.startswith("Max open files"))
    assert int(row.split()[3]) == min(most, 65_536)


def test_who_interrupts_twice_does_not_wait(tmp_path: Path) -> None:
    listen = "--listen=127.0.0.1:0"
    patient = [sys.executable, "-X", "utf8", "-c", PATIENT_AT_ITS_END]
    with running("--home", tmp_path, listen, "--debug", command=patient) as (process, url):
        # An upload that goes on holds up a graceful stop.
        host, port = url.removeprefix("http://").strip("/").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"POST /api/v3/jobs HTTP/1.1\r\nHost: localhost\r\n")
            client.sendall(b"Expect: 100-continue\r\n")
            client.sendall(b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 100"), "it waits for the body"
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            assert any("Ending: stop" in line for line in process.stderr)
            process.send_signal(signal.SIGINT)
            assert process.wait(TIME_LIMIT) == 130


@pytest.mark.parametrize("options", [["-json", "-debug"], ["--json", "--debug"]])
def test_options_may_have_one_dash_or_two(tmp_path: Path, options: list[str]) -> None:
    listen = "-listen=127.0.0.1:0"
    with running("-home", tmp_path, listen, *options) as (process, _):
        process.terminate()
        _, errors = process.communicate(timeout=TIME_LIMIT)
    if sys.platform != "win32":
        lines = [json.loads(line) for line in errors.splitlines()]
        assert "DEBUG" in {line["level"] for line in lines}


def test_requests_are_logged_without_their_queries_if_that_is_wanted(tmp_path: Path) -> None:
    listen = "--listen=127.0.0.1:0"
    for options, count in ((["--access-log", "--quiet"], 1), ([], 0)):
        with running("--home", tmp_path, listen, *options) as (process, url):
            with urllib.request.urlopen(f"{url}api/v3/version?token=secret", timeout=TIME_LIMIT):
                pass
            process.terminate()
            _, errors = process.communicate(timeout=TIME_LIMIT)
        if sys.platform != "win32":
            told = re.findall(
                r"127\.0\.0\.1 GET /api/v3/version answered 200 with \d+ bytes", errors
            )
            assert len(told) == count, errors
        assert "secret" not in errors


def test_the_assistant_is_opened_in_the_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\necho $1 > {opened}.new\nmv {opened}.new {opened}\n")
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    with running("-setup", "-home", tmp_path, "-listen=127.0.0.1:0") as (_, url):
        deadline = time.monotonic() + TIME_LIMIT
        while not opened.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert opened.read_text().strip() == f"{url}app/settings/set-up"


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--home", tmp_path, "--listen", f"127.0.0.1:{port}")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"port {port}" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_broken_configuration_is_reported_with_all_its_problems(tmp_path: Path) -> None:
    config = tmp_path / "other.yaml"
    config.write_text("_meta: {version: 3}\nlisten: 8080\nblocklist_treshold: 3\nshaman: maybe\n")
    ended = run("--home", tmp_path / "home", "--config", config)
    assert (ended.returncode, ended.stdout) == (1, "")
    for place in ("line 2, listen", "line 3, blocklist_treshold", "line 4, shaman"):
        assert place in ended.stderr
    assert not list((tmp_path / "home").glob("*.sqlite"))


def test_a_folder_that_cannot_be_made_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    folder = tmp_path / "a file" / "shared"
    (tmp_path / "flamenco-manager.yaml").write_text(
        json.dumps({"_meta": {"version": 3}, "shared_storage_path": str(folder)})
    )
    ended = run("--home", tmp_path, "--listen", "127.0.0.1:0")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"shared_storage_path: the folder {folder} cannot be made: " in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_the_configuration_in_the_home_folder_is_used(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "flamenco-manager.yaml").write_text(
        f"_meta: {{version: 3}}\nmanager_name: Studio\nlisten: '127.0.0.1:{port}'\n"
    )
    with running("--home", tmp_path) as (_, url):
        assert url == f"http://127.0.0.1:{port}/"
        with urllib.request.urlopen(f"{url}api/v3/version", timeout=TIME_LIMIT) as answer:
            assert '"Studio"' in answer.read().decode()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "somewhere"], "somewhere"),
        (["--listen", "localhost:99999"], "99999"),
        (["--config", "/no/such/file.yaml"], "file.yaml"),
        (["--listen", "192.0.2.1:8080"], "192.0.2.1"),
    ],
)
def test_what_it_cannot_do_is_said_in_one_sentence(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    ended = run("--home", tmp_path, *arguments)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_second_manager_of_the_same_farm_is_told_where_the_first_one_is(tmp_path: Path) -> None:
    with running("--home", tmp_path, "--listen", f"127.0.0.1:{free_port()}") as (_, url):
        ended = run("--home", tmp_path, "--listen", "127.0.0.1:0")
    assert ended.returncode == 1
    assert url in ended.stderr


@pytest.mark.parametrize("module", ["aiohttp", "orjson", "swagger_ui"])
def test_without_the_manager_extra_it_says_what_to_install(module: str) -> None:
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from manager_service.cli import main; sys.exit(main([]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    assert ended.returncode == 1
    assert "flamenco-python[manager]" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
