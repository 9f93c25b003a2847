"""A Blender that stays open between tasks, as the worker sees it.

It leads a process group of its own like every program of the worker, is in the record of running
programs, and ends when the connection to the worker does. One thread lives as long as it does,
since on Linux the kernel ties it to the thread that has started it.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psutil

from flamenco_core.errors import FlamencoError
from flamenco_worker.blender import session_protocol
from flamenco_worker.blender.session_host import start_arguments
from flamenco_worker.blender.session_protocol import MARK_PREFIX, Line, SessionBroken
from flamenco_worker.cancellation import Cancellation, Cancelled
from flamenco_worker.orphans import RunningPrograms
from flamenco_worker.process import Finished, Priority, run_process

log = logging.getLogger(__name__)

START_LIMIT = timedelta(minutes=5)
"""How long Blender may take until it greets; programs on slow storage take their time."""
OUTPUT_LIMIT = timedelta(seconds=30)
"""How long the last lines of a task may take behind its end."""
QUIT_LIMIT = timedelta(seconds=1)
"""How long it may take to end by itself; somebody may want the machine back."""
_LOOK_AGAIN_SECONDS = 0.2
_LONGEST_BETWEEN = 500
"""Lines that Blender may print between two tasks before the oldest are forgotten."""


class SessionRefused(FlamencoError):
    """Blender would rather not carry out this task; the message says why, behind "since"."""


class SessionLost(FlamencoError):
    """Blender did not come up as one that stays, or is gone; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a Blender is started."""

    command: tuple[str, ...]
    """The program and its arguments, without what makes it stay."""
    script_arguments: tuple[str, ...] = ()
    """What has to come at the end, from `--` on."""
    devices: tuple[str, ...] = ()
    """What it is told to render on, which stays with it."""
    running: RunningPrograms | None = None
    oom_score: int | None = None
    priority: Priority = Priority.NORMAL


class WarmBlender:
    """One process. To be used by one thread at a time; `end` may be called from any."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._token = secrets.token_hex(32)
        self._ending = Cancellation()
        self._finished: Finished | None = None
        self._start_error: FlamencoError | None = None
        self._line: Line | None = None
        self._lock = threading.Lock()
        self._listener: Callable[[str], None] | None = None
        self._between: deque[str] = deque(maxlen=_LONGEST_BETWEEN)
        self._mark = ""
        self._marked = threading.Event()
        self._peak = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._live, name="warm-blender", daemon=True)
        self.pid = 0
        """Of the program that was started, which may be a script around Blender; 0 at first."""
        self._blender_pid = 0

    @property
    def command(self) -> list[str]:
        """Everything on its command line."""
        port: int = self._server.getsockname()[1]
        launch = self._launch
        return [*launch.command, *start_arguments(port), *launch.script_arguments]

    def start(self, cancellation: Cancellation, on_line: Callable[[str], None]) -> None:
        """Starts it and waits for its greeting; `on_line` gets what it prints meanwhile.

        Raises:
            ProgramMissing: if there is no such program.
            SessionLost: if it does not greet.
            Cancelled: if the task is to stop; Blender is then ended.
        """
        self._thread_command = self.command
        with self._listening(on_line), cancellation.callback(self.end):
            self._thread.start()
            try:
                self._line = self._greeted()
            except SessionLost:
                self.end()
                self._thread.join()
                cancellation.check()
                if self._start_error is not None:
                    raise self._start_error from None
                raise
            finally:
                self._server.close()

    def run(
        self, request: Mapping[str, Any], on_line: Callable[[str], None], cancellation: Cancellation
    ) -> Finished:
        """Carries out one task; its exit code is what a Blender of its own would have had.

        Raises:
            SessionRefused: if the task needs a Blender of its own; nothing has been rendered.
            SessionLost: if Blender did not live to the end.
            Cancelled: if the task is to stop; Blender is then ended.
        """
        assert self._line is not None  # noqa: S101 - for the type checker; it has been started
        self._mark = secrets.token_hex(8)
        self._marked.clear()
        with self._listening(on_line), cancellation.callback(self.end):
            try:
                self._line.send({**request, "mark": self._mark})
                answer = self._line.receive()
            except SessionBroken as broken:
                self.end()
                self._thread.join()
                cancellation.check()
                raise SessionLost(self._how_it_ended()) from broken
            # Also of a task that is to stop, whose Blender is ending by now.
            self._peak = int(answer.get("memory_peak") or self._memory() or 0)
            self._wait_for_output()
        cancellation.check()
        if "refused" in answer:
            raise SessionRefused(str(answer["refused"]))
        return Finished(self.pid, int(answer["exit_code"]))

    @property
    def exit_code(self) -> int | None:
        """What it has ended with; None while it runs."""
        return self._finished.exit_code if self._finished is not None else None

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive() and not self._ending.is_cancelled

    @property
    def memory_peak(self) -> int:
        """The most bytes that it had during the last task, where known."""
        return self._peak

    def memory(self) -> int | None:
        """Bytes that it has now, as far as known."""
        return self._memory()

    def quit(self) -> None:
        """Lets it end by itself, and waits until it has."""
        if self._line is not None:
            self._line.close()
        self._thread.join(QUIT_LIMIT.total_seconds())
        self.end()
        self._thread.join()

    def end(self) -> None:
        """Ends it, whatever it does."""
        self._ending.cancel("this Blender is not needed any more")
        self._server.close()  # it may never have been started

    def _live(self) -> None:
        launch = self._launch
        environment = dict(launch.running.environment) if launch.running else {}
        environment[session_protocol.TOKEN_VARIABLE] = self._token
        try:
            self._finished = run_process(
                self._thread_command,
                on_line=self._hear,
                on_start=self._has_started,
                on_memory_peak=self._take_peak,
                environment=environment,
                cancellation=self._ending,
                oom_score=launch.oom_score,
                priority=launch.priority,
            )
        except Cancelled:
            log.debug("process %d has been ended", self.pid)
        except FlamencoError as error:
            self._start_error = error
        finally:
            if launch.running is not None and self.pid:
                launch.running.remove(self.pid)

    def _has_started(self, pid: int) -> None:
        self.pid = pid
        if self._launch.running is not None:
            self._launch.running.add(pid)

    def _take_peak(self, size: int) -> None:
        self._peak = max(self._peak, size)

    def _greeted(self) -> Line:
        """Waits for Blender's greeting; whoever else connects does not know the token."""
        deadline = time.monotonic() + START_LIMIT.total_seconds()
        self._server.settimeout(_LOOK_AGAIN_SECONDS)
        while True:
            if not self._thread.is_alive():
                raise SessionLost(self._how_it_ended())
            if time.monotonic() > deadline:
                raise SessionLost("Blender did not come up in time")
            try:
                connection, _address = self._server.accept()
            except TimeoutError:
                continue
            except OSError:  # closed by `end`
                raise SessionLost(self._how_it_ended()) from None
            line = self._checked(connection)
            if line is not None:
                return line

    def _checked(self, connection: socket.socket) -> Line | None:
        connection.settimeout(OUTPUT_LIMIT.total_seconds())
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = Line(connection)
        try:
            greeting = line.receive()
            if not hmac.compare_digest(str(greeting.get("token")), self._token):
                raise SessionBroken("somebody else has connected")
            line.send({"version": session_protocol.VERSION})
        except (SessionBroken, TimeoutError) as error:
            log.warning("a connection for Blender was refused: %s", error)
            line.close()
            return None
        if greeting.get("version") != session_protocol.VERSION:
            line.close()
            raise SessionLost("Blender speaks another version of our protocol")
        self._blender_pid = int(greeting["pid"])
        connection.settimeout(None)
        return line

    def _how_it_ended(self) -> str:
        if self._finished is None:
            return "Blender has ended"
        return f"Blender has ended with exit code {self._finished.exit_code}"

    def _memory(self) -> int | None:
        try:
            size: int = psutil.Process(self._blender_pid).memory_info().rss
        except psutil.Error:
            return None
        return size

    @contextmanager
    def _listening(self, listener: Callable[[str], None]) -> Iterator[None]:
        """While a task runs its log gets what Blender prints, and has printed since the last."""
        with self._lock:
            while self._between:
                listener(self._between.popleft())
            self._listener = listener
        try:
            yield
        finally:
            with self._lock:
                self._listener = None

    def _wait_for_output(self) -> None:
        if not self._marked.wait(OUTPUT_LIMIT.total_seconds()):
            # Somebody has closed or turned away Blender's output.
            log.warning("the output of Blender (process %d) has ended", self.pid)
            self.end()

    def _hear(self, line: str) -> None:
        if self._mark and line == f"{MARK_PREFIX}{self._mark}":
            self._marked.set()
            return
        with self._lock:
            if self._listener is None:
                self._between.append(line)
                return
            self._listener(line)
