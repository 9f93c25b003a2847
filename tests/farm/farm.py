"""A farm of real processes for tests, and a client for it that shares no code with the project."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

from tests.checkouts import ROOT
from tests.eventually import eventually
from tests.ports import free_port
from tests.processes import kill

T = TypeVar("T")
Answer = tuple[int, Any]

POLL_SECONDS = 0.05
PATIENCE_SECONDS = 180

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_SUBMIT = "from flamenco_core.command_line import main; main()"


def request(url: str, body: object = None, *, login: tuple[str, str] | None = None) -> Answer:
    """Status and decoded answer, to a POST if there is a body. A refusal is an answer too; a
    connection that breaks raises OSError.
    """
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    if login is not None:
        asked.add_header("Authorization", f"Basic {b64encode(':'.join(login).encode()).decode()}")
    try:
        with _DIRECT.open(asked, timeout=60) as answer:
            return answer.status, _decoded(answer.read())
    except http.client.HTTPException as broken:
        raise ConnectionError(str(broken)) from broken
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, _decoded(refusal.read())


def _decoded(text: bytes) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text.decode(errors="replace")


def bpy_program(folder: Path) -> Path:
    """The project's `blender` made of the `bpy` wheel, as a program of this Python."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "bpy-blender"
    module = "flamenco_worker.blender.bpy_command_line"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m {module} "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program


def run_blender(blender: Path, *arguments: str | Path) -> None:
    command = [blender, "-b", "--factory-startup", "--python-exit-code", "3", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_SECONDS)


def render_job(blend: Path, output: Path, **settings: object) -> dict[str, object]:
    """A job over one frame as a program without packing would submit it."""
    given: dict[str, object] = {
        "blendfile": str(blend),
        "frames": "1",
        "chunk_size": 1,
        "render_output_root": str(output),
        "render_output_path": f"{output}/######",
        "add_path_components": 0,
        "fps": 12.0,
        "format": "PNG",
        "image_file_extension": ".png",
        "has_previews": False,
        "scene": "Scene",
    }
    return {
        "name": blend.stem,
        "type": "simple-blender-render",
        "submitter_platform": "linux",
        "settings": given | settings,
    }


def echo_job(name: str, *, sleeps: int, **more: object) -> dict[str, object]:
    """A submission of a job that needs no Blender and takes no time: one task, and then these."""
    settings = {"message": name, "sleep_duration_seconds": 0, "sleep_repeats": sleeps}
    described = {"name": name, "type": "echo-sleep-test", "submitter_platform": "linux"}
    return {**described, "settings": settings, **more}


@dataclass
class Farm:
    """A Manager and a Worker with their own folders below `folder`."""

    folder: Path
    blender: Path
    manager_port: int = field(default_factory=free_port)
    public_port: int = 0
    """What others connect to; differs from the Manager's if something stands in between."""
    settings: dict[str, object] = field(default_factory=dict)
    """Further keys of flamenco-manager.yaml."""
    manager: subprocess.Popen[bytes] | None = None
    worker: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.public_port = self.public_port or self.manager_port
        self.home.mkdir(parents=True)
        everywhere = {"platform": "all"}
        config = {
            "_meta": {"version": 3},
            "shared_storage_path": str(self.folder / "shared"),
            "variables": {
                "blender": {"values": [everywhere | {"value": str(self.blender)}]},
            },
        }
        text = json.dumps(config | self.settings)
        (self.home / "flamenco-manager.yaml").write_text(text, encoding="utf-8")

    @property
    def home(self) -> Path:
        return self.folder / "manager"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.public_port}"

    def start_manager(self) -> None:
        listen = f"127.0.0.1:{self.manager_port}"
        module = ("manager_service.cli", f"--home={self.home}", f"--listen={listen}")
        self.manager = self._start("manager", *module)
        eventually(lambda: self._answers(self.manager_port), "the Manager answers")

    def start_worker(self, *options: str, home: Path | None = None) -> None:
        home = home or self.folder / "worker"
        home.mkdir(exist_ok=True)
        module = ("flamenco_worker", f"--home={home}", f"--manager={self.url}", "--debug", *options)
        self.worker = self._start("worker", *module)

    def configure_worker(self, **settings: object) -> None:
        """For all workers that are started after this."""
        home = self.folder / "worker"
        home.mkdir(exist_ok=True)
        (home / "flamenco-worker.yaml").write_text(json.dumps(settings), encoding="utf-8")

    def stop_manager(self) -> None:
        """In good order."""
        assert self.manager is not None
        self.manager.terminate()
        self.manager.wait(PATIENCE_SECONDS)

    def kill_manager(self) -> None:
        """As a power cut would, except that what it started goes on."""
        assert self.manager is not None
        self.manager.kill()
        self.manager.wait()

    def kill_worker(self) -> None:
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait()

    def stop(self) -> None:
        with contextlib.ExitStack() as stack:
            for process in (self.manager, self.worker):
                if process is not None and process.poll() is None:
                    stack.callback(_end, process)

    def logs(self) -> str:
        """What Manager and Worker have printed, for messages of failing tests."""
        return "\n".join(
            f"== {log.name}\n{log.read_text(encoding='utf-8', errors='replace')[-6000:]}"
            for log in sorted(self.folder.glob("*.log"))
        )

    def get(self, path: str) -> Any:
        status, answer = request(self.url + path)
        assert status == 200, answer
        return answer

    def submit_job(self, job: Mapping[str, object]) -> str:
        """Over HTTP, as it stands."""
        status, answer = request(f"{self.url}/api/v3/jobs", job)
        assert status == 200, answer
        return str(answer["id"])

    def submit_file(self, blend: Path, **settings: object) -> str:
        """With the `flamenco` program, which packs the file."""
        command = [sys.executable, "-c", _SUBMIT, "submit", str(blend), "--json"]
        command += ["--type=simple-blender-render", f"--manager={self.url}"]
        settings.setdefault("render_output_root", self.folder / "output")
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        answer = subprocess.run(
            command, env=_environment(), check=False, capture_output=True, text=True
        )
        assert answer.returncode == 0, answer.stderr
        return str(json.loads(answer.stdout)["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        job: dict[str, Any] = self.get(f"/api/v3/jobs/{job_id}")
        return job

    def tasks(self, job_id: str) -> list[dict[str, Any]]:
        """All tasks of a job, whole."""
        listed = self.get(f"/api/v3/jobs/{job_id}/tasks")["tasks"]
        return [self.get(f"/api/v3/tasks/{task['id']}") for task in listed]

    def task_log(self, task_id: str) -> str:
        info = self.get(f"/api/v3/tasks/{task_id}/log")
        return str(self.get(info["url"])) if info else ""

    def wait_for_end(self, job_id: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The job once it has ended, well or badly."""

        def ended() -> dict[str, Any] | None:
            try:
                job = self.job(job_id)
            except OSError:
                return None
            return job if job["status"] in ("completed", "failed", "canceled") else None

        try:
            return eventually(ended, f"job {job_id} ends", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.logs()}") from None

    def _answers(self, port: int) -> bool:
        assert self.manager is not None
        assert self.manager.poll() is None, self.logs()
        try:
            return request(f"http://127.0.0.1:{port}/api/v3/version")[0] == 200
        except OSError:
            return False

    def _start(self, name: str, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )


def _end(process: subprocess.Popen[bytes]) -> None:
    """In good order, and what it has started, too; raises `TimeoutExpired` if it does not end."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    finally:
        for child in children:
            kill(child)


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def waiting_workers(farm: Farm) -> int:
    """How many are idle, and wait in their requests for a task."""
    metrics = str(farm.get("/api/v3/metrics"))
    found = re.search(r"^flamenco_waiting_workers (\d+)", metrics, re.MULTILINE)
    assert found, metrics
    return int(found[1])
