"""Programs that outlive a worker which was killed: the next one on the same home ends them.

While a program runs for a task, a file beside the worker's queue says so: its process id together
with when it started, since ids are given to others later. What such a program has started itself is
known by a mark in its environment, a number that no other worker has. Both survive `kill -9`.

On Linux and Windows the system ends the program itself with the worker (`process.py`), but on
Linux not what that has started, such as the Blender behind a shell script.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

log = logging.getLogger(__name__)

RECORD_NAME = "flamenco-worker-programs.json"
MARK_VARIABLE = "FLAMENCO_WORKER_MARK"
GRACE = timedelta(seconds=5)
"""How long orphans may take to end by themselves."""
_SAME_START_SECONDS = 0.5
"""Start times are told as times of day, and may differ a little from one look to the next."""


class RunningPrograms:
    """Keeps the record of one worker. Safe to use from several threads."""

    def __init__(self, home: Path) -> None:
        self._path = home / RECORD_NAME
        self._lock = threading.Lock()
        self._started: dict[int, float] = {}
        self._mark = secrets.token_hex(16)

    @property
    def environment(self) -> dict[str, str]:
        """To be added to that of each program."""
        return {MARK_VARIABLE: self._mark}

    @contextmanager
    def begun(self) -> Iterator[None]:
        """From before the first program to after the last one: first ends what an earlier worker
        has left behind.
        """
        self._end_orphans()
        self._write()
        try:
            yield
        finally:
            with self._lock, suppress(OSError):
                self._path.unlink(missing_ok=True)

    def add(self, pid: int) -> None:
        """This program has just been started."""
        with suppress(psutil.Error):  # it has ended already
            started = psutil.Process(pid).create_time()
            with self._lock:
                self._started[pid] = started
            self._write()

    def remove(self, pid: int) -> None:
        """This program has ended, and all that it has started."""
        with self._lock:
            self._started.pop(pid, None)
        self._write()

    def _write(self) -> None:
        with self._lock:
            record = {"mark": self._mark, "started": self._started}
            partial = self._path.with_name(f"{self._path.name}~")
            try:
                # What survives a power cut is of no use: then the programs do not.
                partial.write_text(json.dumps(record), encoding="utf-8")
                partial.replace(self._path)
            except OSError as error:
                log.warning("%s cannot be written: %s", self._path, error.strerror)

    def _end_orphans(self) -> None:
        try:
            record = json.loads(self._path.read_text(encoding="utf-8"))
            orphans = _find(record)
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s is no record of programs: %r", self._path, error)
            return
        for orphan in orphans:
            log.warning("ending process %d, left behind by an earlier run of this worker", orphan)
        _end([*orphans.values()])


def _find(record: dict[str, Any]) -> dict[int, psutil.Process]:
    """All that still runs of what a record names, by process id."""
    mark, started = str(record["mark"]), record["started"]
    known = {int(pid): float(at) for pid, at in started.items()}
    found = {}
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid not in own and (_is_known(process, known) or _has(process, mark)):
                found[process.pid] = process
                # What these have started may have lost the mark.
                found |= {child.pid: child for child in process.children(recursive=True)}
    return found


def _is_known(process: psutil.Process, known: dict[int, float]) -> bool:
    at = known.get(process.pid)
    return at is not None and abs(process.create_time() - at) < _SAME_START_SECONDS


def _has(process: psutil.Process, mark: str) -> bool:
    # Those of other users do not tell; they are none of ours.
    return process.environ().get(MARK_VARIABLE) == mark


def _end(processes: list[psutil.Process]) -> None:
    """Asks them to end, and ends those that do not."""
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    _gone, alive = psutil.wait_procs(processes, timeout=GRACE.total_seconds())
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=GRACE.total_seconds())
