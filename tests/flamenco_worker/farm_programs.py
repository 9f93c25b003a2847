"""The real Manager and the real worker as programs of their own, to be killed at will."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.flamenco_worker.blenders import BPY, ROOT
from tests.ports import free_port

PATIENCE = 180
"""Seconds that a test waits for something to happen."""


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


class Program:
    """A program that is started, ended, and started again with the same arguments."""

    def __init__(self, *arguments: str, log: Path) -> None:
        self._command = [sys.executable, "-m", *arguments]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._log.parent,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Sends the signal, if the program still runs, and returns its exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        assert self._process is not None
        try:
            return self._process.wait(PATIENCE)
        finally:
            self._process.kill()

    @property
    def log(self) -> str:
        """What it has printed so far; its last line may not be whole yet."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""


class Farm:
    """A Manager and one worker in a folder. Nothing runs until it is started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        home = folder / "manager"
        home.mkdir(parents=True)
        variables = {
            "blender": {"values": [{"platform": "all", "value": BPY.exe}]},
            "blenderArgs": {"values": [{"platform": "all", "value": BPY.exe_args}]},
        }
        # JSON is YAML.
        config = {"_meta": {"version": 3}, "variables": variables}
        (home / "flamenco-manager.yaml").write_text(json.dumps(config), encoding="utf-8")
        self.manager = Program(
            *("manager_service.cli", "--home", str(home), "--listen", f"127.0.0.1:{self.port}"),
            log=folder / "manager.log",
        )
        self.worker = Program(
            *("flamenco_worker", "--manager", self.url, "--home", str(folder / "worker")),
            *("--name", "tester"),
            log=folder / "worker.log",
        )

    def __enter__(self) -> Self:
        self.start_manager()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            print(self.manager.log, self.worker.log, sep="\n")
        self.worker.end(signal.SIGKILL)
        self.manager.end(signal.SIGKILL)

    def start_manager(self) -> None:
        self.manager.start()
        wait_until(self._answers, "the Manager")

    def _answers(self) -> bool:
        try:
            self.ask("GET", "/version")
        except (OSError, urllib.error.URLError):
            return False
        return True

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}api/v3{path}",
            data=content,
            method=method,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or b"null")

    def submit(self, job_type: str, **settings: Any) -> str:
        job = {
            "name": "test",
            "type": job_type,
            "submitter_platform": "manager",
            "settings": settings,
        }
        return str(self.ask("POST", "/jobs", job)["id"])

    def submit_render(self, blend: Path, output: Path, **changes: Any) -> str:
        settings = {
            "frames": "1-4",
            "chunk_size": 2,
            "render_output_root": str(output),
            "add_path_components": 0,
            "render_output_path": f"{output}/######",
            "blendfile": str(blend),
            "fps": 24.0,
            "format": "PNG",
            "image_file_extension": ".png",
            "has_previews": False,
            "scene": "Scene",
        }
        return self.submit("simple-blender-render", **settings | changes)

    def status(self, job: str) -> str:
        return str(self.ask("GET", f"/jobs/{job}")["status"])

    def wait_for_job(self, job: str, status: str) -> None:
        ends = {"completed", "failed", "canceled"}
        wait_until(lambda: self.status(job) in ends, f"the end of job {job}")
        assert self.status(job) == status, self.tasks(job)

    def tasks(self, job: str) -> list[dict[str, Any]]:
        tasks = self.ask("GET", f"/jobs/{job}/tasks")["tasks"]
        return [self.ask("GET", f"/tasks/{task['id']}") for task in tasks]

    def wait_for_begin(self, name: str) -> None:
        """Waits until the worker runs a task of that name.

        The Manager says "active" earlier: as soon as it hands the task out.
        """
        wait_until(lambda: f"task {name} (" in self.worker.log, f"the begin of {name}")
