"""Packing in a process of its own, seen from the program that started it.

    run = start_packing(request, [sys.executable, "-I"])
    while not run.is_over:
        show(run.progress)       # from any thread, costs nothing
    run.outcome or run.failure or run.is_cancelled

Nothing here blocks: a thread starts the process, listens to it, and tidies up after it. The process
ends when its input does, hence also when the program that started it is killed.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from flamenco_core.packing.long_paths import openable
from flamenco_core.packing.pack_request import (
    FailureKind,
    PackFailure,
    PackOutcome,
    PackRequest,
    progress_from_json,
)
from flamenco_core.packing.progress import PackProgress, Stage
from flamenco_core.packing.taking_back import take_back

PROGRAM = Path(__file__).with_name("process_main.py")
GRACE = timedelta(seconds=5)
"""How long a cancelled process may take to tidy up before it is killed."""
GRACE_OF_CHECKOUT = timedelta(seconds=30)
"""The same while the Manager makes a checkout: only its answer says what to take back."""

_LAST_LINES = 15
if sys.platform == "win32":
    _NO_WINDOW = subprocess.CREATE_NO_WINDOW
else:
    _NO_WINDOW = 0


@dataclass(frozen=True, slots=True)
class Host:
    """What runs the program: a Python, or Blender."""

    command: tuple[str, ...]
    """Up to where the program's file is to follow."""
    environment: dict[str, str] | None = None
    """None: that of this process."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    progress: PackProgress
    seconds_left: float | None
    """For this stage; None while it is not known."""


class PackRun:
    """One packing process; read its attributes whenever you like."""

    def __init__(
        self, request: PackRequest, find_host: Callable[[], Host], paths: Sequence[str]
    ) -> None:
        self.request = request
        self.progress: RunProgress | None = None
        """The newest; None before the first."""
        self.outcome: PackOutcome | None = None
        self.failure: PackFailure | None = None
        self.is_cancelled = False
        """Whether it ended because it was cancelled."""
        self._find_host = find_host
        self._paths = [*paths]
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._cancel_wanted = threading.Event()
        self._killer: threading.Timer | None = None
        self._folder: Path | None = None
        self._last_words: deque[str] = deque(maxlen=_LAST_LINES)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, name="packing", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Then exactly one of `outcome`, `failure` and `is_cancelled` says how it went."""
        return self._over.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is over; False if it is not within `seconds`."""
        return self._over.wait(seconds)

    def cancel(self) -> None:
        """Ask for the end; `is_over` says when everything is tidied up."""
        with self._lock:
            if self._cancel_wanted.is_set() or self.is_over:
                return
            self._cancel_wanted.set()
            self._ask_to_end()

    def _ask_to_end(self) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.close()
        is_checkout = self.progress and self.progress.progress.stage is Stage.CHECKING_OUT
        grace = GRACE_OF_CHECKOUT if is_checkout else GRACE
        self._killer = threading.Timer(grace.total_seconds(), process.kill)
        self._killer.daemon = True
        self._killer.start()

    def _live(self) -> None:
        scratch = Path(tempfile.mkdtemp(prefix="flamenco-packing-"))
        try:
            self._run(scratch)
        except Exception as error:  # noqa: BLE001 - it becomes what the person is told
            self._fail(f"the packing process cannot be started: {error}")
        finally:
            self._tidy_up(scratch)
            self._over.set()

    def _run(self, scratch: Path) -> None:
        host = self._find_host()
        if self._cancel_wanted.is_set():
            self.is_cancelled = True
            return
        # Not under the lock, which would make whoever cancels wait for the system.
        process = _start(host, scratch)
        request = self.request.as_json()
        _send(process, {"paths": self._paths, "request": request, "scratch": str(scratch)})
        with self._lock:
            self._process = process
            if self._cancel_wanted.is_set():
                self._ask_to_end()
        listener = threading.Thread(
            target=self._hear_complaints, args=(process.stderr,), daemon=True
        )
        listener.start()
        with contextlib.suppress(OSError), process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            for line in process.stdout:
                self._hear(line)
            process.wait()
            listener.join(1)
            with self._lock:
                if self._killer is not None:
                    self._killer.cancel()
        self._conclude(process.returncode)

    def _hear(self, line: bytes) -> None:
        """Blender prints lines of its own before the program takes over."""
        if not line.startswith(b"{"):
            return
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            return
        match said.get("kind"):
            case "progress":
                progress = progress_from_json(said["progress"])
                self.progress = RunProgress(progress, said["seconds_left"])
            case "folder":
                self._folder = Path(said["folder"])
            case "outcome":
                self.outcome = PackOutcome.from_json(said["outcome"])
            case "failure":
                self.failure = PackFailure.from_json(said["failure"])
            case "cancelled":
                self.is_cancelled = True

    def _hear_complaints(self, output: IO[bytes]) -> None:
        for line in output:
            self._last_words.append(line.decode("utf-8", "replace").rstrip())

    def _conclude(self, exit_code: int) -> None:
        if self.outcome is not None and self._cancel_wanted.is_set():
            # It was done before it noticed.
            take_back(self.outcome, self.request.manager_url, self.request.token)
            self.outcome, self.is_cancelled = None, True
        if self.outcome or self.failure or self.is_cancelled:
            return
        if self._cancel_wanted.is_set():
            self.is_cancelled = True
            return
        words = "\n".join(word for word in self._last_words if word)
        self._fail(
            f"the packing process ended unexpectedly (exit code {exit_code})"
            + (f":\n{words}" if words else "")
        )

    def _fail(self, message: str) -> None:
        self.failure = PackFailure(FailureKind.PROCESS, message)

    def _tidy_up(self, scratch: Path) -> None:
        """What a process that was killed could not remove itself."""
        shutil.rmtree(scratch, ignore_errors=True)
        if self._folder is not None:
            shutil.rmtree(openable(self._folder), ignore_errors=True)
        if self.request.blend_is_temporary:
            with contextlib.suppress(OSError):
                self.request.blend.unlink(missing_ok=True)
                self.request.blend.parent.rmdir()  # only if it was made for this file


def start_packing(
    request: PackRequest, find_host: Callable[[], Host], *, paths: Sequence[str] = ()
) -> PackRun:
    """Begin packing. `find_host` is called on another thread; `paths` are what the program is to
    import from, where its host does not find everything by itself.
    """
    return PackRun(request, find_host, paths)


def _start(host: Host, scratch: Path) -> subprocess.Popen[bytes]:
    import os

    environment = dict(os.environ if host.environment is None else host.environment)
    # What BAT unpacks goes with the folder if the process is killed.
    environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    return subprocess.Popen(
        [*host.command, str(PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        creationflags=_NO_WINDOW,
    )


def _send(process: subprocess.Popen[bytes], content: dict[str, Any]) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    # A program that ends at once is noticed by its silence.
    with contextlib.suppress(OSError):
        process.stdin.write(json.dumps(content).encode() + b"\n")
        process.stdin.flush()
