"""A Manager and a Worker of one's own on this machine, for as long as a script needs them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from environment import CannotGoOnError
from flamenco_core.client import ManagerClient, ManagerUnreachable
from flamenco_core.errors import FlamencoError
from flamenco_core.statuses import WorkerStatus

_START_SECONDS = 60
_STOP_SECONDS = 20
_POLL_SECONDS = 0.1
_LAST_LINES = 8
_FULL_DISK_BYTES = 1_000_000
"""With less than this, a program that ended may not even have been able to say why."""

if sys.platform == "win32":
    _NEW_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP
    _STOP_SIGNAL = signal.CTRL_BREAK_EVENT
else:
    _NEW_GROUP = 0
    _STOP_SIGNAL = signal.SIGTERM


class LocalFarm:
    """Keeps everything below `home`; the programs are those of the environment that runs this."""

    def __init__(self, home: Path, port: int, blender: Path) -> None:
        self.home = home
        self.url = f"http://localhost:{port}/"
        self.client = ManagerClient(self.url)
        self._port = port
        self._blender = blender
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    def start_manager(self) -> None:
        """Raises `CannotGoOnError` if the Manager does not come up."""
        home = self.home / "manager"
        try:
            home.mkdir(parents=True, exist_ok=True)
            self.logs.mkdir(exist_ok=True)
            config = json.dumps(self._config(), indent=2)  # JSON is YAML
            (home / "flamenco-manager.yaml").write_text(config, encoding="utf-8")
        except OSError as error:
            raise CannotGoOnError(f"{home} cannot be written: {error.strerror}.") from error
        listen = f"--listen=localhost:{self._port}"
        self._start("Manager", [program("flamenco-manager"), f"--home={home}", listen])
        self._wait_until("Manager", self._manager_answers)

    def start_worker(self) -> None:
        """Raises `CannotGoOnError` if the Worker does not come up."""
        home = self.home / "worker"
        home.mkdir(exist_ok=True)
        command = [program("flamenco-worker"), f"--home={home}", f"--manager={self.url}"]
        self._start("Worker", command)
        self._wait_until("Worker", self._worker_is_awake)

    def sleep(self, seconds: float) -> None:
        """Sleeps; raises `CannotGoOnError` if the Manager or the Worker has ended meanwhile."""
        time.sleep(seconds)
        for name in self._processes:
            self._check(name)

    def stop(self) -> None:
        """Ends the Worker, then the Manager, and everything that they started."""
        for name in ("Worker", "Manager"):
            process = self._processes.pop(name, None)
            if process is not None:
                _end(process)

    def _config(self) -> dict[str, object]:
        def everywhere(value: str) -> dict[str, object]:
            return {"values": [{"platform": "all", "value": value}]}

        return {
            "_meta": {"version": 3},
            "manager_name": "Flamenco quick start",
            "shared_storage_path": str(self.home / "shared"),
            "variables": {
                "blender": everywhere(str(self._blender)),
                "blenderArgs": everywhere("-b -y"),
            },
        }

    def _manager_answers(self) -> bool:
        try:
            self.client.get_version()
        except ManagerUnreachable:
            return False
        return True

    def _worker_is_awake(self) -> bool:
        return any(worker.status is WorkerStatus.AWAKE for worker in self.client.fetch_workers())

    def _start(self, name: str, command: Sequence[str]) -> None:
        """In a process group of its own: Ctrl+C is ours to act on, in order."""
        with self._log(name).open("wb") as log:
            self._processes[name] = subprocess.Popen(
                command,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                creationflags=_NEW_GROUP,
            )

    def _log(self, name: str) -> Path:
        return self.logs / f"{name.lower()}.log"

    def _check(self, name: str) -> None:
        if self._processes[name].poll() is None:
            return
        if shutil.disk_usage(self.home).free < _FULL_DISK_BYTES:
            raise CannotGoOnError(f"The {name} has ended, since the disk of {self.home} is full.")
        printed = self._log(name).read_text(encoding="utf-8", errors="replace").splitlines()
        last = "\n  ".join(printed[-_LAST_LINES:])
        raise CannotGoOnError(f"The {name} has ended. {self._log(name)} says:\n  {last}")

    def _wait_until(self, name: str, is_up: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            self._check(name)
            try:
                if is_up():
                    return
            except FlamencoError as error:
                raise CannotGoOnError(str(error)) from error
            if time.monotonic() > deadline:
                raise CannotGoOnError(
                    f"The {name} did not come up in {_START_SECONDS} s; see {self._log(name)}."
                )
            time.sleep(_POLL_SECONDS)


def program(name: str) -> str:
    """A program that stands beside the Python that runs this."""
    suffix = ".exe" if os.name == "nt" else ""
    return str(Path(sys.executable).with_name(name + suffix))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks, waits, then kills, also what the process leaves behind."""
    descendants = _descendants(process.pid)
    if process.poll() is None:
        process.send_signal(_STOP_SIGNAL)
        try:
            process.wait(_STOP_SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl+C means: at once
            descendants = _descendants(process.pid) or descendants
            process.kill()
            process.wait()
    for left in descendants:
        with contextlib.suppress(psutil.NoSuchProcess):
            left.kill()


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
