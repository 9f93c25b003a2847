"""What systemd hears of a Manager, on a socket like the one that it listens on."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from manager_service.systemd import Systemd
from tests.manager_service.test_command_line import COMMAND, TIME_LIMIT

pytestmark = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="Windows and macOS have no systemd"
)


@pytest.fixture
def listening() -> Iterator[tuple[socket.socket, str]]:
    # The path of such a socket has 107 bytes at most.
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
    ):
        path = str(Path(folder, "notify"))
        systemd.bind(path)
        systemd.settimeout(TIME_LIMIT)
        yield systemd, path


def heard(systemd: socket.socket) -> dict[str, str]:
    lines = systemd.recv(4096).decode().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_a_manager_is_ready_alive_and_stopping(
    listening: tuple[socket.socket, str], tmp_path: Path
) -> None:
    systemd, path = listening
    process = subprocess.Popen(
        [*COMMAND, "--home", str(tmp_path), "--listen", "127.0.0.1:0"],
        env=os.environ | {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().decode().split()[-1]
        ready = heard(systemd)
        assert (ready["READY"], ready["STATUS"]) == ("1", f"Listening on {address}")
        for _ in range(3):
            assert heard(systemd) == {"WATCHDOG": "1"}
        process.send_signal(signal.SIGTERM)
        while "STOPPING" not in (last := heard(systemd)):
            assert last == {"WATCHDOG": "1"}
        assert process.wait(TIME_LIMIT) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_manager_that_does_not_answer_itself_sends_no_sign_of_life(
    listening: tuple[socket.socket, str],
) -> None:
    there, path = listening
    answers = iter([True, False, True])
    asked = asyncio.Event()

    async def is_alive() -> None:
        if not next(answers, True):
            asked.set()
            await asyncio.Event().wait()

    async def watch() -> None:
        systemd = Systemd({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000"})
        task = asyncio.create_task(systemd.report_life(is_alive))
        await asked.wait()
        there.setblocking(False)
        assert heard(there) == {"WATCHDOG": "1"}
        with pytest.raises(BlockingIOError):
            there.recv(100)
        task.cancel()

    asyncio.run(watch())


def test_a_watchdog_that_is_meant_for_another_process_is_left_alone(
    listening: tuple[socket.socket, str],
) -> None:
    _, path = listening
    environment = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}

    async def never() -> None:
        raise AssertionError("nobody is to be asked")

    asyncio.run(Systemd(environment).report_life(never))


def test_without_systemd_nothing_is_told() -> None:
    Systemd({}).ready("Listening")
