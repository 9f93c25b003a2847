"""The farm on this computer, seen from Blender: starting, watching and leaving its supervisor.

Nothing here blocks, and nothing needs Blender.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from flamenco_core.packing import Host

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")

if sys.platform == "win32":
    # A console of its own that nobody sees, through which it can ask the programs to end.
    _FLAGS = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _FLAGS = 0


class FarmState(StrEnum):
    OFF = "off"
    PREPARING = "preparing"
    """What it runs with is unpacked; only after an update."""
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


_GOING_ON: list[subprocess.Popen[str]] = []
"""Farms that may outlive this process; forgetting one would look like a mistake to Python."""

_ENDS = frozenset({FarmState.OFF, FarmState.STOPPED, FarmState.FAILED})


@dataclass(frozen=True, slots=True)
class FarmStatus:
    """How things stand; see `supervisor.Status`."""

    state: FarmState = FarmState.OFF
    message: str = ""
    url: str = ""
    user: str = ""
    password: str = ""
    worker: str = ""
    goes_on: bool = False
    supervisor: int = 0
    manager: int = 0

    @property
    def is_over(self) -> bool:
        return self.state in _ENDS


class FarmProcess:
    """Holds on to a farm until `let_go`, or until this process ends."""

    def __init__(
        self,
        find_host: Callable[[], Host],
        start: dict[str, Any],
        on_change: Callable[[FarmStatus], object],
    ) -> None:
        """`start` is the first line that `bootstrap` reads; `on_change` is called on a thread."""
        self.status = FarmStatus(FarmState.STARTING, "Starting …")
        self._find_host = find_host
        self._start = start
        self._on_change = on_change
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._let_go = threading.Event()
        self._stop_wanted = threading.Event()
        threading.Thread(target=self._live, name="local farm", daemon=True).start()

    def stop(self) -> None:
        """Ends the farm, whoever else uses it; `status` tells when it has."""
        self._stop_wanted.set()
        self._say({"stop": True})

    def set_goes_on(self, goes_on: bool) -> None:
        """Whether it goes on when no Blender is left."""
        self._start["goes_on"] = goes_on
        self._say({"goes_on": goes_on})

    def let_go(self) -> None:
        """It ends by itself now, unless another Blender uses it or it is to go on."""
        with self._lock:
            self._let_go.set()
            if self._process is not None and self._process.stdin is not None:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()

    def _say(self, what: dict[str, Any]) -> None:
        with self._lock:
            self._write(what)

    def _write(self, what: dict[str, Any]) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self._process.stdin.write(json.dumps(what) + "\n")
                self._process.stdin.flush()

    def _live(self) -> None:
        try:
            process = self._begin()
            if process is None:
                self._become(FarmStatus(FarmState.STOPPED))
                return
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            with process.stdout, contextlib.suppress(OSError, ValueError):
                for line in process.stdout:
                    self._hear(line)
            self._leave(process)
        except OSError as error:
            self._become(FarmStatus(FarmState.FAILED, f"The farm cannot be started: {error}"))
            return
        if self._let_go.is_set():
            self._become(FarmStatus(FarmState.OFF))
        elif not self.status.is_over:
            message = "The farm has ended unexpectedly."
            self._become(FarmStatus(FarmState.FAILED, message))

    def _leave(self, process: subprocess.Popen[str]) -> None:
        """It says nothing more: it ends, or goes on without us."""
        if self._let_go.is_set():
            _GOING_ON.append(process)
            return
        with process:
            pass

    def _begin(self) -> subprocess.Popen[str] | None:
        host = self._find_host()
        home = Path(self._start["home"])
        (home / "logs").mkdir(parents=True, exist_ok=True)
        if self._let_go.is_set():
            return None
        with (home / "logs" / "supervisor.log").open("ab") as complaints:
            process = subprocess.Popen(
                [*host.command, str(BOOTSTRAP)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                encoding="utf-8",
                env=host.environment,
                start_new_session=True,
                creationflags=_FLAGS,
            )
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(OSError):
            process.stdin.write(json.dumps(self._start) + "\n")
            process.stdin.flush()
        with self._lock:
            self._process = process
            if self._let_go.is_set():
                process.stdin.close()
            elif self._stop_wanted.is_set():
                self._write({"stop": True})
        return process

    def _hear(self, line: str) -> None:
        try:
            said = json.loads(line)
            known = {each.name for each in fields(FarmStatus)}
            state = {name: value for name, value in said.items() if name in known}
            self._become(FarmStatus(**{**state, "state": FarmState(said["state"])}))
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # not from us

    def _become(self, status: FarmStatus) -> None:
        self.status = status
        self._on_change(status)


def runtime_wheels(extension: Path) -> Sequence[Path]:
    """What the farm runs with, if this extension carries it."""
    return sorted((extension / "runtime").glob("*.whl"))
