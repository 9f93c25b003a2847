"""The scripts of job types as people look at them, try them, and change them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from flamenco_core.model.job_types import AvailableJobType
from flamenco_core.model.manager import ErrorProblem


class JobTypeOrigin(StrEnum):
    """Whose script of a job type is used."""

    BUILT_IN = "built-in"
    """It comes with the program."""
    CUSTOM = "custom"
    """It lies in the farm's own folder."""


class ScriptLanguage(StrEnum):
    PYTHON = "python"
    JAVASCRIPT = "javascript"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTypeScript:
    """The script that is used for a job type."""

    name: str
    label: str = ""
    """Empty if the script cannot be used."""
    origin: JobTypeOrigin
    is_customised: bool
    """Whether it takes the place of a built-in one."""
    language: ScriptLanguage
    file: str
    etag: str
    """Of the script's text; give it back as `If-Match` with a change."""
    changed: datetime
    is_usable: bool
    problems: list[ErrorProblem]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTypeScripts:
    job_types: list[JobTypeScript]
    folder: str
    """Where the farm's own scripts lie."""
    problems: list[ErrorProblem]
    """What is wrong in that folder besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTypeSource:
    """What is to be the script of a job type."""

    language: ScriptLanguage
    source: str
    settings: dict[str, Any] | None = None
    """To try it with; without them, with values that are made up where there is no default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptProblem:
    what: str
    hint: str = ""
    where: str = ""
    """What it is about, if that is no place in the script: a setting, a task."""
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTypeCheck:
    """What came of trying a script."""

    problems: list[ScriptProblem]
    """Without any, it can be saved."""
    trial_problems: list[ScriptProblem] = field(default_factory=list)
    """Why no tasks came of settings that were made up; they may just not have fitted."""
    job_type: AvailableJobType | None = None
    """As people will see it, if it can be used."""
    task_count: int | None = None
    """Tasks that it made of the settings it was tried with."""
    task_types: list[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltInSelection:
    names: list[str] = field(default_factory=list)
    """Job types; none means all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFiles:
    folder: str
    files: list[str]
