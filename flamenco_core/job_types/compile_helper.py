"""The program that a `CompileProcess` runs: compiles jobs until its input ends.

It is started as `python -I -c BOOTSTRAP` and talks over what were its standard input and output.
A script cannot disturb that by printing: before any script runs, those two are moved away and
replaced, so that even a program which a script starts writes elsewhere. This protects from
accidents; it is no sandbox for scripts that mean harm.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import os
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from flamenco_core.errors import FlamencoError, Problem
from flamenco_core.file_stamp import FileStamp
from flamenco_core.job_types.compiled import CompiledJob, compiled_job_to_json, tasks_to_json
from flamenco_core.job_types.compiler import compile_job
from flamenco_core.job_types.library import JobTypeLibrary
from flamenco_core.job_types.messages import error_to_json, problems_to_json, to_line
from flamenco_core.model import SubmittedJob
from flamenco_core.wire import from_json, to_json

BOOTSTRAP = (
    "import sys, json; setup = json.loads(sys.argv[1]); sys.path.insert(0, setup['root']); "
    "import flamenco_core; sys.path[:] = setup['path']; "
    "from flamenco_core.job_types.compile_helper import main; sys.exit(main(setup))"
)
"""Finds this very package wherever the parent found it (installed, a checkout, an archive of an
application), and then all others on the parent's path, but never in the current folder."""

OUT_OF_MEMORY = "out-of-memory"
"""The answer of a helper whose script used up its memory; the helper ends after it."""

_MOST_PRINTED = 20_000
"""Characters of what a script prints that are passed on; the rest is dropped."""

SENDING_LIMIT_SECONDS = 60
"""How long a helper may take to check and to pass on what a script has made."""

_GRACE_SECONDS = 5
"""How much later than its parent the helper ends itself, should the parent have died."""


def main(setup: dict[str, Any]) -> int:
    """Serves requests until the input ends; `setup` is what `CompileProcess` passed."""
    requests, answers = _take_over_standard_streams()
    limit_memory(setup["memory_limit"])
    helper = _Helper(answers, setup)
    # A pipe without a reader means that the parent has gone.
    with contextlib.suppress(BrokenPipeError):
        helper.send({"ready": True})
        for line in requests:
            if not helper.serve(json.loads(line)):
                return 1
    return 0


def limit_memory(limit: int) -> None:
    """Limits this process to `limit` bytes of address space, where the platform can do that.

    Linux can, and answers every request beyond it with a `MemoryError`. macOS accepts the limit
    and ignores it, Windows has none: there only the time limit ends a script that eats memory.
    """
    if sys.platform != "win32":
        import resource

        _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        with contextlib.suppress(ValueError, OSError):  # some versions of macOS refuse
            resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


class _Helper:
    """Answers requests, one after the other."""

    def __init__(self, answers: IO[bytes], setup: dict[str, Any]) -> None:
        self._answers = answers
        self._time_limit: float = setup["time_limit"]
        self._condemned: dict[str, dict[str, Any]] = {}
        self._diagnostics = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
        folders = [Path(folder) for folder in setup["folders"]]
        self._library = JobTypeLibrary(folders, before_running=self._before_running)

    def serve(self, request: dict[str, Any]) -> bool:
        """Answers one request; false if this process had better end now."""
        self._condemned = request["condemned"]
        printed, warned = _PrintedText(), _PrintedText()
        # Its own thread in C ends this process even if a script holds Python's lock for ever.
        self._give_up_within(self._time_limit)
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(warned):
            message = self._answer(request)
        faulthandler.cancel_dump_traceback_later()
        for kind, text in (("printed", printed.getvalue()), ("warned", warned.getvalue())):
            if text:
                self.send({kind: text})
        for part in message.pop("parts", ()):
            self.send({"part": part})
        self.send(message)
        return OUT_OF_MEMORY not in message

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if request["do"] == "compile":
                job = self._compiled(request)
                return {"parts": tasks_to_json(job), "result": compiled_job_to_json(job)}
            return {"result": self._result(request)}
        except FlamencoError as error:
            return {"error": error_to_json(error)}
        except MemoryError:
            pass
        # Only here has Python let go of what the script had in memory.
        return {OUT_OF_MEMORY: True}

    def _result(self, request: dict[str, Any]) -> object:
        match request["do"]:
            case "available":
                return [to_json(job_type) for job_type in self._library.available()]
            case "get":
                return to_json(self._library.get(request["name"]))
            case _:
                return problems_to_json(self._library.problems)

    def _compiled(self, request: dict[str, Any]) -> CompiledJob:
        return compile_job(
            self._library,
            from_json(request["submitted"], SubmittedJob),
            job_id=request["job_id"],
            created=datetime.fromisoformat(request["created"]),
            new_id=lambda: str(uuid4()),
            when_run=self._script_has_run,
        )

    def _script_has_run(self) -> None:
        """The rest is ours, and takes its time with large jobs: other limits hold from now on."""
        self._give_up_within(SENDING_LIMIT_SECONDS)
        self.send({"part": []})

    def _give_up_within(self, seconds: float) -> None:
        limit = seconds + _GRACE_SECONDS
        faulthandler.dump_traceback_later(limit, exit=True, file=self._diagnostics)

    def _before_running(self, path: Path, stamp: FileStamp) -> Problem | None:
        verdict = self._condemned.get(str(path))
        if verdict and verdict["stamp"] == asdict(stamp):
            return Problem(str(path), verdict["what"])
        self.send({"running": str(path), "stamp": asdict(stamp)})
        return None

    def send(self, message: dict[str, Any]) -> None:
        """Says something to the parent."""
        self._answers.write(to_line(message))
        self._answers.flush()


class _PrintedText(io.StringIO):
    """Keeps the beginning of what is printed, so that a script cannot fill the memory with it."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, _MOST_PRINTED - self.tell())])
        return len(text)


def _take_over_standard_streams() -> tuple[IO[bytes], IO[bytes]]:
    """The channel to the parent, and leaves harmless standard streams in its place.

    The copies are not inherited by programs that a script starts.
    """
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # a service of Windows has no standard error
        os.dup2(nowhere, 1)
    os.close(nowhere)
    return requests, answers
