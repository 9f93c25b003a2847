"""What the library knows of a job type's script, whatever its language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flamenco_core.errors import FlamencoError, Problem
from flamenco_core.job_types.authoring import AuthoredJob
from flamenco_core.model import AvailableJobType


class ScriptError(FlamencoError):
    """A script looks like a job type and cannot be one; `problems` say where and why."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__("This job type cannot be used", problems=problems)


@dataclass(frozen=True, slots=True)
class LoadedJobType:
    """A job type whose script has just been run, for one compilation."""

    available: AvailableJobType
    path: Path
    task_types: frozenset[str]
    """The script's own task types, beside those that every farm has."""
    compile_job: Callable[[AuthoredJob], object]


class Script(Protocol):
    """A script that has been read, and found to be a job type, without running it."""

    def load(self) -> LoadedJobType:
        """Runs it afresh; raises `ScriptError`."""
