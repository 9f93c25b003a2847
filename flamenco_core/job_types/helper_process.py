"""One helper process: starting it, asking it, and ending it for good on every platform."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Lock, Timer
from typing import IO, Any, cast

import flamenco_core
from flamenco_core.job_types.compile_helper import BOOTSTRAP, OUT_OF_MEMORY, SENDING_LIMIT_SECONDS
from flamenco_core.job_types.messages import to_line

START_LIMIT = timedelta(seconds=60)
"""How long Python may take to start and to import us, on a machine that has just woken up."""

_EXIT_PATIENCE = 2.0
"""Seconds between the end of a helper's output and that of the helper itself."""

_log = logging.getLogger(__name__)


class HelperEndedError(Exception):
    """A helper ended without an answer."""

    def __init__(self, reason: str, running: dict[str, Any] | None) -> None:
        super().__init__(reason)
        self.reason = reason
        """Goes on from the name of a script: "took longer than 10 seconds"."""
        self.running = running
        """The helper's last word on which script it was about to run."""


@dataclass(slots=True)
class _Heard:
    """What a helper has said besides its answer."""

    running: dict[str, Any] | None = None
    """Its last word on which script it was about to run."""


class HelperProcess:
    """Runs `compile_helper`. One thread at a time asks it; any thread may `kill` it."""

    def __init__(self, *, folders: list[str], time_limit: timedelta, memory_limit: int) -> None:
        """Starts the process; `memory_limit` is in bytes."""
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self._kill_lock = Lock()
        self._killed_because = ""
        self._is_ready = False
        setup = {
            "root": str(Path(flamenco_core.__file__).absolute().parent.parent),
            "path": [entry for entry in sys.path if Path(entry).is_absolute()],
            "folders": folders,
            "time_limit": time_limit.total_seconds(),
            "memory_limit": memory_limit,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", BOOTSTRAP, json.dumps(setup)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **_in_a_group_of_its_own(),
        )
        self._requests = cast(IO[bytes], self._process.stdin)
        self._answers = cast(IO[bytes], self._process.stdout)

    def ask(
        self, request: dict[str, Any], *, take_part: Callable[[Any], None] | None = None
    ) -> dict[str, Any]:
        """The answer to a request: `result` or `error`; `take_part` gets what comes before it.

        The time limit is for what a script does; checking what it has made and passing that on may
        take longer.

        Raises:
            HelperEndedError: the helper gave no answer, and is gone.
        """
        line = to_line(request)
        heard = _Heard()
        try:
            if not self._is_ready:
                with self._limited_to(START_LIMIT):
                    self._is_ready = next(self._messages(), None) is not None
            with self._limited_to(self._time_limit):
                self._requests.write(line)
                self._requests.flush()
                message = self._next_of_answer(heard)
            with self._limited_to(timedelta(seconds=SENDING_LIMIT_SECONDS)):
                while message is not None and "part" in message:
                    if take_part:
                        take_part(message["part"])
                    message = self._next_of_answer(heard)
            if message is not None:
                return message
        except (OSError, ValueError):
            pass  # it has gone, or was killed in the middle of a line
        except BaseException:
            # Ctrl+C, mostly: the answer that is still to come must not meet the next request.
            self.kill("was interrupted")
            raise
        raise HelperEndedError(self._why_it_ended(), heard.running)

    def _next_of_answer(self, heard: _Heard) -> dict[str, Any] | None:
        """The next part of an answer, or its end; None if the helper has ended."""
        for message in self._messages():
            if "running" in message:
                heard.running = message
            elif "printed" in message:
                _log_printed(message["printed"], heard.running, logging.INFO)
            elif "warned" in message:
                _log_printed(message["warned"], heard.running, logging.WARNING)
            elif OUT_OF_MEMORY in message:
                self.kill(f"needed more than {self._memory_limit // 2**20} MB of memory")
            else:
                return message
        return None

    def is_alive(self) -> bool:
        """Whether it can be asked again."""
        return not self._killed_because and self._process.poll() is None

    def kill(self, reason: str) -> None:
        """Ends the process at once, so that who waits for its answer is told `reason`."""
        with self._kill_lock:
            if self._process.poll() is not None:
                return
            self._killed_because = self._killed_because or reason
            if sys.platform == "win32":
                # What the script itself has started goes on there.
                self._process.kill()
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def dispose(self) -> None:
        """Ends the process and frees all that belongs to it; not while another thread asks."""
        self.kill("is no longer needed")
        self._process.wait()
        for pipe in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                pipe.close()

    @contextlib.contextmanager
    def _limited_to(self, limit: timedelta) -> Iterator[None]:
        seconds = limit.total_seconds()
        timer = Timer(seconds, self.kill, [f"took longer than {seconds:g} seconds"])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            # Joined, so that no late kill can hit the helper while it serves the next request.
            timer.cancel()
            timer.join()

    def _messages(self) -> Iterator[dict[str, Any]]:
        for line in self._answers:
            yield json.loads(line)

    def _why_it_ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_EXIT_PATIENCE)
        self.kill("closed its channel to the Manager")
        code = self._process.wait()
        if self._killed_because:
            return self._killed_because
        if code < 0:
            megabytes = self._memory_limit // 2**20
            hint = f"perhaps it needed more than {megabytes} MB of memory"
            return f"crashed its process ({signal.strsignal(-code)}; {hint})"
        return f"ended its process with exit code {code}"


def _in_a_group_of_its_own() -> dict[str, Any]:
    """So that Ctrl+C in a terminal ends the Manager alone, which then ends its helpers."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags}
    else:  # noqa: RET505 - mypy takes an early return on one platform for the end on all
        return {"start_new_session": True}


def _log_printed(text: str, running: dict[str, Any] | None, level: int) -> None:
    script = Path(running["running"]).name if running else "job types"
    for line in text.splitlines():
        _log.log(level, "%s: %s", script, line)
