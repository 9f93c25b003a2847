"""Compiles jobs in a helper process that can be ended, so that no script can hold up a Manager.

A helper stays warm between requests. One whose script runs for longer than the time limit is
killed; one whose script needs more than the memory limit (see `compile_helper.limit_memory` for
what Windows and macOS do) ends itself. Either way the request fails with an error that says so,
and the next one gets a new helper. While a helper is busy, other requests use further ones, up to
`MAX_HELPERS`; beyond that they wait, at most as long as the time limit.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore, Lock
from types import TracebackType
from typing import Any, Self

from flamenco_core.errors import CompileError, Problem, Unavailable
from flamenco_core.job_types.compiled import (
    CompiledJob,
    CompiledTask,
    compiled_job_from_json,
    tasks_from_json,
)
from flamenco_core.job_types.helper_process import HelperEndedError, HelperProcess
from flamenco_core.job_types.messages import error_from_json, problems_from_json
from flamenco_core.model import AvailableJobType, SubmittedJob
from flamenco_core.wire import from_json, to_json

TIME_LIMIT = timedelta(seconds=10)
MEMORY_LIMIT = 512 * 1024 * 1024
"""Bytes."""
MAX_HELPERS = 4
_WARM_HELPERS = 1
"""How many are kept while there is nothing to do."""

_CONDEMNED_FOR = timedelta(minutes=10)
"""How long a script that brought down a helper is left out of lists, unless it is edited."""

_MAX_SCRIPTS_TO_CONDEMN = 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Why a script is left out of lists."""

    stamp: dict[str, int]
    """Of the file as it was; the verdict does not count for another."""
    what: str
    since: float
    """As `time.monotonic` tells it."""


class CompileProcess:
    """The job types of a farm, with their scripts running in helper processes. Thread-safe.

    Use it as a context manager, or call `close`.
    """

    def __init__(
        self,
        folders: Sequence[Path] = (),
        *,
        time_limit: timedelta = TIME_LIMIT,
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        """`folders` as for `JobTypeLibrary`, `memory_limit` in bytes. Starts nothing yet."""
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self._folders = [str(folder.absolute()) for folder in folders]
        self._lock = Lock()
        self._room = BoundedSemaphore(MAX_HELPERS)
        self._idle: list[HelperProcess] = []
        self._busy: set[HelperProcess] = set()
        self._condemned: dict[str, _Verdict] = {}
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def compile(self, submitted: SubmittedJob, job_id: str, created: datetime) -> CompiledJob:
        """Makes the tasks of a job; `created` is aware.

        Raises:
            NotFound, WrongEtag, InvalidInput, CompileError: as `compiler.compile_job` does;
                `CompileError` also when a limit was exceeded or the script ended its process.
            Unavailable: all helpers were busy for as long as the time limit, a helper could not be
                started, or this is closed.
        """
        request = {
            "do": "compile",
            "submitted": to_json(submitted),
            "job_id": job_id,
            "created": created.isoformat(),
        }
        tasks: list[CompiledTask] = []
        try:
            job = self._ask(
                request, condemned={}, take_part=lambda part: tasks.extend(tasks_from_json(part))
            )
            return compiled_job_from_json(job, tasks)
        except HelperEndedError as ended:
            if not ended.running:
                raise Unavailable(f"The process for compiling jobs {ended.reason}") from None
            problem = Problem("type", f"the job type “{submitted.type}” {ended.reason}")
            raise CompileError("The job could not be compiled", problems=[problem]) from None

    def available(self) -> list[AvailableJobType]:
        """Every job type that can be used, sorted by name; raises `Unavailable` as `compile`."""
        return from_json(self._ask_library({"do": "available"}), list[AvailableJobType])

    def get(self, name: str) -> AvailableJobType:
        """The job type of that name; raises `NotFound`, or `Unavailable` as `compile` does."""
        return from_json(self._ask_library({"do": "get", "name": name}), AvailableJobType)

    def problems(self) -> list[Problem]:
        """What is wrong with scripts and folders; raises `Unavailable` as `compile` does."""
        return problems_from_json(self._ask_library({"do": "problems"}))

    def close(self) -> None:
        """Ends all helpers at once; requests under way raise `Unavailable`."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for helper in self._busy:
                helper.kill("was stopped")  # the thread that waits for it frees the rest
        for helper in idle:
            helper.dispose()

    def _ask_library(self, request: dict[str, Any]) -> Any:
        """Asks about job types; a script that brings down the helper is left out from then on."""
        for _ in range(_MAX_SCRIPTS_TO_CONDEMN):
            try:
                return self._ask(request, condemned=self._verdicts())
            except HelperEndedError as ended:
                if not ended.running:
                    raise Unavailable(f"The process for job types {ended.reason}") from None
                path = ended.running["running"]
                _log.warning("The script %s %s; it is left out for now.", path, ended.reason)
                verdict = _Verdict(ended.running["stamp"], ended.reason, time.monotonic())
                with self._lock:
                    self._condemned[path] = verdict
        raise Unavailable("The job types cannot be read: too many scripts end their process")

    def _verdicts(self) -> dict[str, Any]:
        oldest = time.monotonic() - _CONDEMNED_FOR.total_seconds()
        with self._lock:
            self._condemned = {
                path: verdict for path, verdict in self._condemned.items() if verdict.since > oldest
            }
            return {
                path: {"stamp": verdict.stamp, "what": verdict.what}
                for path, verdict in self._condemned.items()
            }

    def _ask(
        self,
        request: dict[str, Any],
        *,
        condemned: dict[str, Any],
        take_part: Callable[[Any], None] | None = None,
    ) -> Any:
        """The result; raises the error that the helper answers, or `HelperEndedError`."""
        if not self._room.acquire(timeout=self._time_limit.total_seconds()):
            raise Unavailable("All job compilers are busy; try again in a moment")
        try:
            helper = self._take_helper()
            try:
                answer = helper.ask({**request, "condemned": condemned}, take_part=take_part)
            except HelperEndedError:
                self._refuse_if_closed()
                raise
            finally:
                self._give_back(helper)
        finally:
            self._room.release()
        if "error" in answer:
            raise error_from_json(answer["error"])
        return answer["result"]

    def _start_helper(self) -> HelperProcess:
        try:
            return HelperProcess(
                folders=self._folders, time_limit=self._time_limit, memory_limit=self._memory_limit
            )
        except OSError as error:
            what = f"No process for compiling jobs can be started: {error.strerror}"
            raise Unavailable(what) from error

    def _take_helper(self) -> HelperProcess:
        with self._lock:
            self._refuse_if_closed()
            while self._idle:
                helper = self._idle.pop()
                if helper.is_alive():
                    self._busy.add(helper)
                    return helper
                helper.dispose()
        helper = self._start_helper()
        with self._lock:
            closed = self._closed
            if not closed:
                self._busy.add(helper)
        if closed:
            helper.dispose()
            self._refuse_if_closed()
        return helper

    def _give_back(self, helper: HelperProcess) -> None:
        with self._lock:
            self._busy.discard(helper)
            keep = helper.is_alive() and not self._closed and len(self._idle) < _WARM_HELPERS
            if keep:
                self._idle.append(helper)
        if not keep:
            helper.dispose()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise Unavailable("The Manager is shutting down")
