"""What a packing process is asked for, and what it answers, as JSON between two programs.

Requests hold a token: they travel through a pipe, never on a command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from flamenco_core.errors import Problem
from flamenco_core.packing.progress import PackProgress, Stage


class PackTask(StrEnum):
    LOOK = "look"
    """Find all files, and say which are missing. The Manager is not asked."""
    DELIVER = "deliver"
    """The same, and bring them to the farm."""


@dataclass(frozen=True, slots=True)
class PackRequest:
    """One .blend file that is to be looked at or delivered."""

    blend: Path
    """The file to read; it is never written to."""
    job_name: str = ""
    """The pack's folder on the farm is named after it."""
    manager_url: str = ""
    token: str = field(default="", repr=False)
    """Shown to the Manager, if it wants to know people."""
    stands_for: Path | None = None
    """If `blend` is a copy that was saved for the farm: the artist's file, whose place in the
    project it takes. Relative paths in the copy start from that file's folder.
    """
    blend_is_temporary: bool = False
    """`blend` is removed when packing is over, however it ends, and its folder if that is empty."""
    project: Path | None = None
    """The root folder whose files keep their place; found if not given."""
    task: PackTask = PackTask.DELIVER
    allow_missing: bool = False
    """Deliver although files are missing."""

    def as_json(self) -> dict[str, Any]:
        return {
            "blend": str(self.blend),
            "job_name": self.job_name,
            "manager_url": self.manager_url,
            "token": self.token,
            "stands_for": str(self.stands_for) if self.stands_for else None,
            "blend_is_temporary": self.blend_is_temporary,
            "project": str(self.project) if self.project else None,
            "task": self.task.value,
            "allow_missing": self.allow_missing,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PackRequest:
        return cls(
            blend=Path(data["blend"]),
            job_name=data["job_name"],
            manager_url=data["manager_url"],
            token=data["token"],
            stands_for=Path(data["stands_for"]) if data["stands_for"] else None,
            blend_is_temporary=data["blend_is_temporary"],
            project=Path(data["project"]) if data["project"] else None,
            task=PackTask(data["task"]),
            allow_missing=data["allow_missing"],
        )


@dataclass(frozen=True, slots=True)
class PackOutcome:
    """What came of a request that was carried out."""

    blendfile: str = ""
    """For the job's settings: where workers find the file. Empty if nothing was delivered."""
    shaman_checkout_id: str = ""
    """For the job's `storage`, so that the checkout goes with the job; empty without one."""
    folder: str = ""
    """The folder of the shared storage that was made for the pack, as this computer sees it."""
    project: str = ""
    files_total: int = 0
    bytes_total: int = 0
    files_sent: int = 0
    bytes_sent: int = 0
    missing: tuple[Problem, ...] = ()
    """Files that are used but do not exist, each with what uses it."""
    absent_caches: tuple[Problem, ...] = ()
    """Caches that are empty: fine if they were never baked."""
    outside_project: tuple[str, ...] = ()
    """Files from elsewhere, which go along under `_outside_project`."""

    def as_json(self) -> dict[str, Any]:
        texts = ("blendfile", "shaman_checkout_id", "folder", "project")
        numbers = ("files_total", "bytes_total", "files_sent", "bytes_sent")
        return {
            **{name: getattr(self, name) for name in (*texts, *numbers)},
            "missing": _problems_as_json(self.missing),
            "absent_caches": _problems_as_json(self.absent_caches),
            "outside_project": list(self.outside_project),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PackOutcome:
        lists = {
            "missing": _problems_from_json(data["missing"]),
            "absent_caches": _problems_from_json(data["absent_caches"]),
            "outside_project": tuple(data["outside_project"]),
        }
        return cls(**{**data, **lists})


class FailureKind(StrEnum):
    MISSING_FILES = "missing-files"
    """Files that the project uses do not exist; nothing was sent. `problems` names them."""
    PROJECT = "project"
    """The project cannot be packed as it is: unreadable, changed meanwhile, impossible paths."""
    STORAGE = "storage"
    """The shared storage cannot be written: full, read-only or not there."""
    UNREACHABLE = "unreachable"
    """The Manager does not answer."""
    REFUSED = "refused"
    """The Manager answered that it will not."""
    PROCESS = "process"
    """The packing process itself could not be started, or ended by something else."""


@dataclass(frozen=True, slots=True)
class PackFailure:
    kind: FailureKind
    message: str
    """A whole sentence for the artist."""
    problems: tuple[Problem, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "message": self.message,
            "problems": _problems_as_json(self.problems),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PackFailure:
        problems = _problems_from_json(data["problems"])
        return cls(FailureKind(data["kind"]), data["message"], problems)


def progress_as_json(progress: PackProgress) -> dict[str, Any]:
    return {
        "stage": progress.stage.value,
        "file": progress.file,
        "files_done": progress.files_done,
        "files_total": progress.files_total,
        "bytes_done": progress.bytes_done,
        "bytes_total": progress.bytes_total,
        "note": progress.note,
    }


def progress_from_json(data: Mapping[str, Any]) -> PackProgress:
    return PackProgress(**{**data, "stage": Stage(data["stage"])})


def _problems_as_json(problems: Iterable[Problem]) -> list[list[str]]:
    return [[problem.where, problem.what, problem.hint] for problem in problems]


def _problems_from_json(data: Iterable[Iterable[str]]) -> tuple[Problem, ...]:
    return tuple(Problem(*parts) for parts in data)
