"""Whether this machine can do a task at all: storage that answers, and room on its disks.

Asked before each task, so that a machine that has lost its storage fails none: it takes none, or
gives the one it has got back, and looks again after a while.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flamenco_worker.config import WorkerConfig

log = logging.getLogger(__name__)

ANSWER_WITHIN = timedelta(seconds=20)
"""A file server that is gone can make each look at it last for ever."""
GOOD_FOR = timedelta(seconds=10)
"""How long it counts that all was well, so that short tasks do not pay for a look each."""
_LOOK_FOR_END_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What has to be there."""

    readable: tuple[Path, ...] = ()
    """Files and folders."""
    writable: tuple[Path, ...] = ()
    """Files and folders; a file need not be there."""
    free_space: int = 0
    """Bytes, on the disks of `writable` and of `local`."""
    local: tuple[Path, ...] = ()
    """Folders of the worker's own."""

    @classmethod
    def of(cls, config: WorkerConfig) -> Needs:
        """Those of a worker that is configured like this."""
        return cls(
            readable=config.pre_task_check.read,
            writable=config.pre_task_check.write,
            free_space=config.minimum_free_space,
            local=(config.home, Path(tempfile.gettempdir())),
        )


class Readiness:
    """Looks whether the needs are met; for any thread. What has changed is logged."""

    def __init__(
        self,
        needs: Needs,
        *,
        answer_within: timedelta = ANSWER_WITHIN,
        good_for: timedelta = GOOD_FOR,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._needs = needs
        self._answer_within = answer_within.total_seconds()
        self._good_for = good_for.total_seconds()
        self._clock = clock
        self._good_until = clock()
        self._look: _Look | None = None
        self._looking = threading.Lock()
        self._told = ""
        """What was found last."""

    def problem(self, is_over: Callable[[], bool] = lambda: False) -> str:
        """Why no task should be begun now, as a sentence; empty if nothing is in the way.

        A look that lasts is given up when `is_over`, which counts as no problem.
        """
        with self._looking:
            problem = self._find(is_over)
            if problem and problem != self._told:
                log.error("this worker takes no tasks: %s", problem)
            elif self._told and not problem:
                log.info("what kept this worker from taking tasks is over")
            self._told = problem
            return problem

    def _find(self, is_over: Callable[[], bool]) -> str:
        if self._clock() < self._good_until:
            return ""
        if self._look is None:
            self._look = _Look(self._needs)
        # A look that hung the last time may hang still; there is never a second one beside it.
        deadline = time.monotonic() + self._answer_within
        while not self._look.ended.wait(_LOOK_FOR_END_SECONDS):
            if is_over():
                return ""
            if time.monotonic() > deadline:
                seconds = self._answer_within
                return f"{self._look.place} does not answer within {seconds:.0f} seconds"
        found, self._look = self._look.problem, None
        if not found:
            self._good_until = self._clock() + self._good_for
        return found


class _Look:
    """One look at everything, in a thread of its own."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        places = (*needs.readable, *needs.writable, *needs.local)
        self.place = str(next(iter(places), ""))
        """What is being looked at, or is about to be."""
        self.problem = ""
        self.ended = threading.Event()
        threading.Thread(target=self._run, name="readiness", daemon=True).start()

    def _run(self) -> None:
        try:
            for place, check in self._checks():
                self.place = str(place)
                self.problem = check(place)
                if self.problem:
                    return
        except Exception as error:  # noqa: BLE001 - whatever it is, this machine is not ready
            self.problem = f"{self.place} cannot be looked at: {type(error).__name__}: {error}"
        finally:
            self.ended.set()

    def _checks(self) -> Iterator[tuple[Path, Callable[[Path], str]]]:
        for path in self._needs.readable:
            yield path, _reading_problem
        for path in self._needs.writable:
            yield path, _writing_problem
        if self._needs.free_space:
            for path in _folders((*self._needs.local, *self._needs.writable)):
                yield path, self._room_problem

    def _room_problem(self, folder: Path) -> str:
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            return f"{folder} cannot be looked at: {error.strerror}"
        if free >= self._needs.free_space:
            return ""
        needed = size_text(self._needs.free_space)
        return f"the disk of {folder} has {size_text(free)} left, and {needed} are needed"


def size_text(size: int) -> str:
    """A number of bytes for people: `1.5 GB`."""
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def _folders(paths: Iterable[Path]) -> list[Path]:
    """Each path's folder once, or the path itself where it is one."""
    return list(dict.fromkeys(path if path.is_dir() else path.parent for path in paths))


def _reading_problem(path: Path) -> str:
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            with path.open("rb") as file:
                file.read(1)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return ""


def _writing_problem(path: Path) -> str:
    try:
        if path.is_dir():
            with tempfile.TemporaryFile(dir=path, prefix=".flamenco-check-") as file:
                file.write(b"Flamenco")
                file.flush()
        elif path.exists():
            path.open("ab").close()
        else:
            path.open("xb").close()
            path.unlink(missing_ok=True)
    except OSError as error:
        return f"{path} cannot be written to: {error.strerror}"
    return ""
