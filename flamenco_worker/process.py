"""Runs a child process: lines out, cancellation in, and nothing of it left behind.

The child leads a process group (POSIX) or a job object (Windows), so that what it has started
itself ends with it. It also ends when the worker is killed: on Windows the job object sees to it,
on Linux the kernel (`process_launcher.py`; the child itself, not what it has started). macOS offers
neither. What still runs on can waste time but spoil nothing, since renders happen in a folder of
their own; the worker's next run ends it (`orphans.py`).
"""

from __future__ import annotations

import codecs
import contextlib
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import IO

from flamenco_core.errors import FlamencoError
from flamenco_worker.cancellation import Cancellation

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=5)
"""How long a child may take to end by itself after it was asked to."""
LONGEST_LINE = 16 * 1024 * 1024
"""Bytes. Longer lines are cut into pieces of this size."""
_LAUNCHER = Path(__file__).with_name("process_launcher.py")


class Priority(StrEnum):
    """How much a child gets of a processor that others want, too; all of it if nobody does."""

    NORMAL = "normal"
    LOW = "low"
    """Less than the programs of a person who works at the machine."""
    IDLE = "idle"
    """As little as the system can give."""


_NICENESS = {Priority.NORMAL: 0, Priority.LOW: 10, Priority.IDLE: 19}
"""POSIX: how much is added to the worker's own."""


class ProgramMissing(FlamencoError):
    """The program to run does not exist or cannot be started."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child ended: `exit_code` is negative (the signal's number) if it was killed."""

    pid: int
    exit_code: int


def quoted(command: Sequence[str]) -> str:
    """A command line as a person would type it in this platform's shell."""
    return subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)


def find_program(name: str) -> str:
    """The path of a program given by name or by path.

    Raises:
        ProgramMissing: if there is none.
    """
    found = shutil.which(name)
    if found is not None:
        return found
    if Path(name).is_file():
        raise ProgramMissing(f"{name} is not a program that can be run")
    if os.sep in name or "/" in name:
        raise ProgramMissing(f"There is no program {name} on this machine")
    raise ProgramMissing(f"The program {name!r} is not on the PATH of this machine")


def run_process(
    command: Sequence[str],
    *,
    on_line: Callable[[str], None],
    cancellation: Cancellation,
    on_start: Callable[[int], None] = lambda _pid: None,
    on_memory_peak: Callable[[int], None] = lambda _size: None,
    environment: Mapping[str, str] | None = None,
    oom_score: int | None = None,
    priority: Priority = Priority.NORMAL,
    grace: timedelta = GRACE,
) -> Finished:
    """Runs `command` to its end; `on_line` gets each line of its output, from another thread.

    When `cancellation` is cancelled the child and all it has started are asked to end, and killed
    after `grace`. The output is standard output and standard error together, as it comes; bytes
    that are no UTF-8 become replacement characters.

    Args:
        on_start: gets the child's process id.
        on_memory_peak: gets, when it has ended in whatever way, the most bytes of memory that the
            child (Windows: all of its processes together) had. Never less than the worker's own
            on Linux, which counts the moment before the child becomes a program of its own.
        environment: added to the worker's own.
        oom_score: Linux only: -1000 to 1000, the higher the sooner the kernel ends the child when
            memory runs out.
        priority: also of all that the child starts.

    Raises:
        ProgramMissing: if the program cannot be started.
        Cancelled: if `cancellation` was cancelled before or while it ran.
    """
    cancellation.check()
    program = find_program(command[0])
    environment = {**os.environ, **(environment or {})}
    child = _start([program, *command[1:]], environment, oom_score, priority)
    with _LIVING_LOCK:
        _LIVING.add(child)
    on_start(child.pid)
    reader = threading.Thread(
        target=_read_lines, args=(child.output, on_line), name=f"output-of-{child.pid}"
    )
    reader.start()
    try:
        with cancellation.callback(lambda: child.end(grace)):
            exit_code = child.wait()
    finally:
        # What the child left running would hold the pipe open.
        child.kill()
        reader.join()
        child.close()
        on_memory_peak(child.memory_peak)
        with _LIVING_LOCK:
            _LIVING.discard(child)
    cancellation.check()
    return Finished(child.pid, exit_code)


def kill_all() -> None:
    """Ends every child of this worker at once; for the moment before the worker itself ends.

    May be called by a signal, whatever the main thread is doing.
    """
    with _LIVING_LOCK:
        children = list(_LIVING)
    for child in children:
        child.kill()


class _Child:
    """A running child together with all it starts."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._killer: threading.Timer | None = None
        # Once it is gone its process id may be somebody else's. `kill_all` may be called by a
        # signal in the middle of `end`.
        self._lock = threading.RLock()
        self._is_gone = False
        self.pid = process.pid
        self.memory_peak = 0
        """Bytes; known when it has ended."""
        assert process.stdout is not None  # noqa: S101 - for the type checker; it is a pipe
        self.output: IO[bytes] = process.stdout
        if sys.platform == "win32":
            from flamenco_worker.process_windows import JobObject

            self._job = JobObject()
            self._job.add(process.pid)

    def wait(self) -> int:
        """Waits for its end, and returns its exit code."""
        if sys.platform == "win32":
            exit_code = self._process.wait()
            self.memory_peak = self._job.memory_peak()
            return exit_code
        # Only this tells what the child had; otherwise the same as `Popen.wait`.
        _pid, status, usage = os.wait4(self.pid, 0)
        unit = 1 if sys.platform == "darwin" else 1024
        self.memory_peak = usage.ru_maxrss * unit
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return self._process.returncode

    def end(self, grace: timedelta) -> None:
        """Asks it to end; kills it if it does not."""
        with self._lock:
            if self._is_gone:
                return
            if sys.platform == "win32":
                # A program without a window and a console of ours cannot be asked there.
                self._job.terminate()
            else:
                self._signal_group(signal.SIGTERM)
                self._killer = threading.Timer(grace.total_seconds(), self.kill)
                self._killer.daemon = True
                self._killer.start()

    def kill(self) -> None:
        with self._lock:
            if self._is_gone:
                return
            if sys.platform == "win32":
                self._job.terminate()
            else:
                self._signal_group(signal.SIGKILL)

    def close(self) -> None:
        with self._lock:
            self._is_gone = True
            if self._killer is not None:
                self._killer.cancel()
            if sys.platform == "win32":
                self._job.close()
        self.output.close()

    if sys.platform != "win32":

        def _signal_group(self, number: signal.Signals) -> None:
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                pass
            except PermissionError:
                # macOS says so when only zombies are left in the group.
                log.debug("group %d cannot be signalled any more", self.pid)


_LIVING: set[_Child] = set()
_LIVING_LOCK = threading.RLock()


def _start(
    command: list[str], environment: Mapping[str, str], oom_score: int | None, priority: Priority
) -> _Child:
    started = command
    group: dict[str, int] = {}
    if sys.platform == "win32":
        kind = {
            Priority.NORMAL: 0,
            Priority.LOW: subprocess.BELOW_NORMAL_PRIORITY_CLASS,
            Priority.IDLE: subprocess.IDLE_PRIORITY_CLASS,
        }[priority]
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        group["creationflags"] = flags | kind
    else:
        group["process_group"] = 0
    if sys.platform == "linux":
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid())]
        score = "" if oom_score is None else str(oom_score)
        started = [*launcher, score, str(_NICENESS[priority]), *command]
    try:
        process = subprocess.Popen(
            started,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **group,  # type: ignore[call-overload]
        )
    except OSError as error:
        raise ProgramMissing(f"{command[0]} cannot be started: {error.strerror}") from error
    if sys.platform == "darwin":
        own = os.getpriority(os.PRIO_PROCESS, 0)
        with contextlib.suppress(ProcessLookupError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, process.pid, min(20, own + _NICENESS[priority]))
    return _Child(process)


def _read_lines(output: IO[bytes], on_line: Callable[[str], None]) -> None:
    """Cuts at line feeds and at carriage returns, with which FFmpeg rewrites its status line."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    while block := os.read(output.fileno(), 65536):
        text = rest + decoder.decode(block)
        # The line feed that belongs to a last carriage return may come with the next block.
        text, held_back = (text[:-1], "\r") if text.endswith("\r") else (text, "")
        *lines, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        rest += held_back
        if len(rest) > LONGEST_LINE:
            lines.append(rest)
            rest = ""
        for line in lines:
            _deliver(line, on_line)
    if rest:
        _deliver(rest.removesuffix("\r"), on_line)


def _deliver(line: str, on_line: Callable[[str], None]) -> None:
    try:
        on_line(line)
    except Exception:
        # Reading must go on whatever happens, or the child blocks on a full pipe.
        log.exception("a line of output could not be handled: %.200s", line)
