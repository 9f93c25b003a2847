"""What the library knows of a job type's script, whatever its language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flamenco_core.errors import FlamencoError, Problem
from flamenco_core.job_types.authoring import AuthoredJob
from flamenco_core.model import AvailableJobType

LARGEST_SCRIPT = 1024 * 1024
"""Bytes; what is larger is no job type."""


class ScriptError(FlamencoError):
    """A script looks like a job type and cannot be one; `problems` say where and why."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__("This job type cannot be used", problems=problems)


@dataclass(frozen=True, slots=True)
class LoadedJobType:
    """A job type whose script has just been run, for one compilation."""

    available: AvailableJobType
    path: Path
    compile_job: Callable[[AuthoredJob], object]
    """Authors the tasks. If it returns an `AuthoredJob`, that one is stored instead."""
    task_types: frozenset[str] = frozenset()
    """The script's own task types, beside those that every farm has."""
    written_for_flamenco_3: bool = False
    """Whether it may do what Flamenco 3 lets its scripts do: any task type, and tasks without a
    command, which wait for others and are done at once."""


class Script(Protocol):
    """A script that has been read, and found to be a job type, without running it."""

    def load(self) -> LoadedJobType:
        """Runs it afresh; raises `ScriptError`."""

    def is_current(self) -> bool:
        """Whether the other files that it read when it ran last are still what they were."""


def read_source(path: Path) -> bytes:
    """The text of a script.

    Raises:
        ScriptError: it is too large to be one.
        OSError: it cannot be read.
    """
    if path.stat().st_size > LARGEST_SCRIPT:
        what = f"is larger than {LARGEST_SCRIPT // 1024} KiB, so it was not read as a job type"
        raise ScriptError([Problem(str(path), what)])
    return path.read_bytes()
