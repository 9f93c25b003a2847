"""Manager and Worker as child processes: how they are started, asked to end, and ended.

They end with the supervisor, also if it is killed: on Linux the kernel sees to it, on Windows a job
object. On macOS they go on then, and the next start says that their folders are in use.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_MODULE_PATHS = "import json, sys; sys.path[:0] = json.loads(sys.argv.pop(1)); "
MANAGER = _MODULE_PATHS + "from manager_service.cli import main; sys.exit(main())"
WORKER = _MODULE_PATHS + "from flamenco_worker.cli import main; main()"
"""Programs as text, since this package stands beside those and does not import them."""

GRACE = timedelta(seconds=20)
"""For handing back a task, and for writing down what is known."""
_LARGEST_LOG = 5_000_000
_LAST_LINES = 8

if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP
    _STOP_SIGNAL = signal.CTRL_BREAK_EVENT
else:
    _FLAGS = 0
    _STOP_SIGNAL = signal.SIGTERM


class Program:
    """One of the two, running."""

    def __init__(
        self,
        name: str,
        code: str,
        arguments: Sequence[str],
        *,
        paths: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Raises `OSError` if it cannot be started."""
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _LARGEST_LOG:
            log.replace(log.with_suffix(".old.log"))
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*_launcher(), *python_command(code, paths), *arguments],
                cwd=log.parent,
                env=os.environ | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                creationflags=_FLAGS,
            )
        _tie_to_this_process(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def ask_to_end(self) -> None:
        if self.is_running:
            self._process.send_signal(_STOP_SIGNAL)

    def end(self, grace: timedelta = GRACE) -> None:
        """Asks it, and kills it if it does not."""
        self.ask_to_end()
        try:
            self._process.wait(grace.total_seconds())
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        """The end of its log, for people."""
        printed = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(printed[-_LAST_LINES:])


def run_to_end(
    code: str, arguments: Sequence[str], *, paths: Sequence[str], input_text: str = ""
) -> str:
    """What a program printed that does something and ends.

    Raises `OSError` with what it complained of if it failed.
    """
    done = subprocess.run(
        [*python_command(code, paths), *arguments],
        input=input_text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        raise OSError(done.stderr.strip() or f"exit code {done.returncode}")
    return done.stdout.strip()


def python_command(code: str, paths: Sequence[str]) -> list[str]:
    return [sys.executable, "-I", "-c", code, json.dumps([*paths])]


@cache
def _job_object() -> Any:
    """Windows ends what is in it when this process ends. The worker has the class."""
    return import_module("flamenco_worker.process_windows").JobObject()


def _tie_to_this_process(pid: int) -> None:
    if sys.platform == "win32":
        _job_object().add(pid)


def _launcher() -> list[str]:
    """On Linux, what has the kernel end a child together with this process."""
    spec = find_spec("flamenco_worker.process_launcher") if sys.platform == "linux" else None
    if spec is None or spec.origin is None:
        return []
    no_score, no_niceness = "", "0"
    launcher = [sys.executable, "-I", "-S", spec.origin]
    return [*launcher, str(os.getpid()), no_score, no_niceness]
