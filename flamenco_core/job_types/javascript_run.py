"""Runs a job type's script in JavaScript, in a context of QuickJS that serves this once.

The script's world is made by `prelude.js`. What the languages have in common (frame ranges,
paths, times, words of a shell) it asks of Python, so that both forms of job types agree. QuickJS
could limit the time a script takes, but could not call Python then; the limit is that of the
process in which this runs (`compile_process`).
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from flamenco_core.errors import FlamencoError, Problem
from flamenco_core.frames import frame_chunks, frame_count, parse_frames
from flamenco_core.job_types import any_paths
from flamenco_core.job_types.authoring import format_timestamp_local
from flamenco_core.job_types.javascript_modules import ModuleFinder
from flamenco_core.job_types.messages import problems_from_json, problems_to_json
from flamenco_core.job_types.shell_words import split_words
from flamenco_core.model import DEFAULT_PRIORITY

MEMORY_LIMIT = 512 * 1024 * 1024
"""Bytes that a script may have on its own; in a helper process the process's limit comes first."""

_STACK_LIMIT = 256 * 1024
"""Bytes; threads have as little as 512 KiB on macOS."""

_PRELUDE = Path(__file__).with_name("prelude.js")
_OUT_OF_MEMORY = frozenset({"InternalError: out of memory", "null"})
"""QuickJS throws null when it has no memory left for the error itself."""
_PLACE = re.compile(r"<input>:(\d+)")
_PLATFORMS = {"win32": "windows", "darwin": "darwin"}


class JavaScriptMissing(FlamencoError):
    """The library that runs JavaScript is not installed."""


class ScriptFailed(FlamencoError):
    """The script threw something, or used up its stack; `where` is `file, line n`, if known."""

    def __init__(self, message: str, where: str, problems: list[Problem]) -> None:
        super().__init__(message, problems=problems)
        self.where = where


def check_javascript_can_be_run() -> None:
    """Raises `JavaScriptMissing`."""
    try:
        importlib.import_module("quickjs")
    except ImportError:
        what = "is written in JavaScript, which needs a library that is not installed"
        raise JavaScriptMissing(what) from None


class ScriptRun:
    """One script in its own world. Only one thread may use it at a time."""

    def __init__(self, path: Path, source: str, modules: ModuleFinder) -> None:
        """Runs the script's top level.

        Raises:
            JavaScriptMissing: as `check_javascript_can_be_run` does.
            ScriptFailed: the script has an error of syntax, or threw something.
            MemoryError: the script needed more than there is.
        """
        check_javascript_can_be_run()
        self._quickjs: Any = importlib.import_module("quickjs")
        self._path = path
        self._modules = modules
        self._sources: list[tuple[int, Path]] = []
        self._lines = 0
        self._escaped: BaseException | None = None
        self._functions = self._python_functions()
        self._context = self._quickjs.Context()
        self._context.set_memory_limit(MEMORY_LIMIT)
        self._context.set_max_stack_size(_STACK_LIMIT)
        self._context.add_callable("flamencoHost", self._serve)
        prelude = _prelude()
        self._count_lines(None, prelude)
        self._run = self._evaluate(prelude)
        lines_before = self._count_lines(path, source)
        self._evaluate("\n" * lines_before + '"use strict";' + source)

    def describe(self) -> Any:
        """The value of `JOB_TYPE`; raises `ScriptFailed` and `MemoryError`."""
        return self._ask("describe", "")

    def compile(self, job: dict[str, Any]) -> Any:
        """What `compileJob` has made of the job; raises `ScriptFailed` and `MemoryError`."""
        return self._ask("compile", json.dumps(job))

    def _ask(self, task: str, argument: str) -> Any:
        answer = json.loads(self._guarded(lambda: self._run(task, argument)))
        if "outOfMemory" in answer:
            raise MemoryError
        if "error" in answer:
            problems = problems_from_json(answer["problems"])
            raise ScriptFailed(answer["error"], self._place(answer["stack"]), problems)
        return answer["result"]

    def _evaluate(self, code: str) -> Any:
        return self._guarded(lambda: self._context.eval(code))

    def _guarded(self, call: Callable[[], Any]) -> Any:
        """The result of a call into JavaScript, whose exceptions become ours."""
        try:
            result = call()
        except self._quickjs.JSException as error:
            self._raise_what_escaped()
            message, stack = _message_and_stack(str(error))
            if message in _OUT_OF_MEMORY:
                raise MemoryError from None
            raise ScriptFailed(message, self._place(stack), []) from None
        except ValueError as error:  # a character with the code 0
            raise ScriptFailed(f"cannot be read: {error}", str(self._path), []) from None
        self._raise_what_escaped()
        return result

    def _raise_what_escaped(self) -> None:
        """Raises what a Python function raised that was no answer to the script.

        The script may have caught what it saw of that.
        """
        if self._escaped is not None:
            raise self._escaped from None

    def _count_lines(self, path: Path | None, source: str) -> int:
        """Gives the source line numbers that no other one has; returns how many come before."""
        before = self._lines
        if path is not None:
            self._sources.append((before, path))
        self._lines += source.count("\n") + 2
        return before

    def _place(self, stack: str) -> str:
        """`file, line n` of the innermost place that is in a script and not in our prelude."""
        for match in _PLACE.finditer(stack):
            line = int(match[1])
            for before, path in reversed(self._sources):
                if line > before:
                    return f"{path}, line {line - before}"
        return str(self._path)

    def _serve(self, name: str, arguments: str) -> str:
        """Carries out what the prelude asks for."""
        try:
            return json.dumps({"result": self._functions[name](*json.loads(arguments))})
        except FlamencoError as error:
            said = [_in_one_line(problem) for problem in error.problems] or [error.message]
            problems = problems_to_json(error.problems)
            return json.dumps({"error": "; ".join(said), "problems": problems})
        except (OverflowError, OSError, ValueError) as error:
            return json.dumps({"error": str(error), "problems": []})
        except BaseException as error:  # noqa: BLE001 - raised again by `_raise_what_escaped`
            # QuickJS cannot pass it on: the script goes on, or ends, and then it is raised.
            self._escaped = error
            return json.dumps({"error": "the job type is being ended", "problems": []})

    def _python_functions(self) -> dict[str, Callable[..., Any]]:
        return {
            "constants": self._constants,
            "newIds": lambda count: [str(uuid4()) for _ in range(count)],
            "print": print,
            "alert": lambda text: print(text, file=sys.stderr),
            "frameChunker": _frame_chunks,
            "frameCount": frame_count,
            "formatTimestampLocal": _local_timestamp,
            "shellSplit": split_words,
            "basename": any_paths.basename,
            "dirname": any_paths.dirname,
            "join": any_paths.join,
            "stem": any_paths.stem,
            "cwd": os.getcwd,
            "find": self._find_module,
        }

    def _constants(self) -> dict[str, object]:
        return {
            "defaultPriority": DEFAULT_PRIORITY,
            "platform": _PLATFORMS.get(sys.platform, sys.platform),
            "file": str(self._path),
        }

    def _find_module(self, name: str, asking: str) -> dict[str, object]:
        path, source = self._modules.find(name, Path(asking))
        return {
            "file": str(path),
            "folder": str(path.parent),
            "source": source,
            "linesBefore": self._count_lines(path, source),
        }


def _frame_chunks(frames: str, size: int) -> list[str]:
    parsed = parse_frames(frames)
    if parsed.first < 0:
        # Scripts turn the dash of `1-10` into Blender's dots, which makes -5 the frames 0 to 5.
        what = "job types in JavaScript cannot render negative frames"
        raise FlamencoError(what, problems=[Problem("frames", what)])
    return frame_chunks(frames, size)


def _local_timestamp(milliseconds: float) -> str:
    return format_timestamp_local(datetime.fromtimestamp(milliseconds / 1000, UTC))


def _in_one_line(problem: Problem) -> str:
    return f"{problem.what} ({problem.hint})" if problem.hint else problem.what


def _message_and_stack(text: str) -> tuple[str, str]:
    """Takes apart what QuickJS says of an exception that nobody caught."""
    message, _, stack = text.partition("\n    at ")
    return message.removesuffix("\nundefined").removeprefix("Error: ").strip(), stack


@cache
def _prelude() -> str:
    return _PRELUDE.read_text(encoding="utf-8")
