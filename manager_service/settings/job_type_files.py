"""The scripts of job types on disk: which are used, what they say, and changing them.

A farm's own script takes the place of a built-in one of the same name. Without it, the built-in one
is used again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flamenco_core.durable import make_folders, replace_file, sync_folder
from flamenco_core.errors import Conflict, NotFound, Problem, StorageError, WrongEtag, one_problem
from flamenco_core.job_types.library import BUILTIN_FOLDER, SUFFIXES
from flamenco_core.model.job_type_scripts import JobTypeOrigin, ScriptLanguage
from manager_service.settings.live_configuration import ANY_ETAG

SUFFIX_OF: Mapping[ScriptLanguage, str] = {
    ScriptLanguage.PYTHON: ".py",
    ScriptLanguage.JAVASCRIPT: ".js",
}
STARTING_POINTS = "built-in-job-types"
"""The folder, beside that of the farm's own scripts, that the built-in ones are written to."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
_WINDOWS_DEVICE = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]")
_SCRIPT_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_MODE = 0o644


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """A script that is there."""

    name: str
    path: Path
    origin: JobTypeOrigin

    @property
    def language(self) -> ScriptLanguage:
        return next(kind for kind, suffix in SUFFIX_OF.items() if suffix == self.path.suffix)

    def source(self) -> str:
        """Raises `StorageError`."""
        try:
            return self.path.read_bytes().decode("utf-8-sig", "replace")
        except OSError as error:
            raise StorageError(f"{self.path} cannot be read: {error.strerror}") from error

    def changed(self) -> datetime:
        return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)


class JobTypeFiles:
    """Touches files; call it on a thread for that, one call at a time."""

    def __init__(self, folder: Path) -> None:
        """`folder` is that of the farm's own scripts."""
        self.folder = folder

    def used(self) -> dict[str, ScriptFile]:
        """Each job type's file, by name; whether it is any good has not been looked at."""
        files = [*_scripts(BUILTIN_FOLDER, JobTypeOrigin.BUILT_IN)]
        files += _scripts(self.folder, JobTypeOrigin.CUSTOM)
        return {file.name: file for file in files}

    def built_in(self) -> dict[str, ScriptFile]:
        return {file.name: file for file in _scripts(BUILTIN_FOLDER, JobTypeOrigin.BUILT_IN)}

    def find(self, name: str, *, built_in: bool = False) -> ScriptFile:
        """Raises `NotFound`."""
        file = (self.built_in() if built_in else self.used()).get(name)
        if file is None:
            kind = "built-in job type" if built_in else "script of a job type"
            raise NotFound(f"There is no {kind} “{name}”")
        return file

    def save(self, name: str, language: ScriptLanguage, source: str, *, etag: str) -> None:
        """Makes `source` the farm's own script of that name, on disk when this returns.

        Raises:
            InvalidInput: the name is none.
            WrongEtag: the script that is used now is not the one that was looked at.
            StorageError: it cannot be written.
        """
        check_name(name)
        self._refuse_other(name, etag)
        former = [file.path for file in self._own(name)]
        suffix = SUFFIX_OF[language]
        same = [path for path in former if path.suffix == suffix]
        path = same[-1] if same else self.folder / f"{name.replace('-', '_')}{suffix}"
        try:
            make_folders(self.folder)
            replace_file(path, source.encode(), mode=_MODE)
            self._remove(other for other in former if other != path)
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror}") from error

    def delete(self, name: str, *, etag: str) -> None:
        """Removes the farm's own script; a built-in one of that name is used from now on.

        Raises:
            NotFound: there is no job type of that name.
            Conflict: there is only the built-in one.
            WrongEtag: the script is not the one that was looked at.
            StorageError: it cannot be removed.
        """
        self.find(name)
        files = self._own(name)
        if not files:
            raise Conflict(f"The job type “{name}” is a built-in one, which stays")
        self._refuse_other(name, etag)
        try:
            self._remove(file.path for file in files)
        except OSError as error:
            raise StorageError(f"{error.filename} cannot be removed: {error.strerror}") from error

    def write_built_in(self, names: Iterable[str]) -> list[Path]:
        """Writes built-in scripts to a folder of their own, where they are not used.

        Raises:
            NotFound: there is no such built-in job type; nothing was written.
            StorageError: they cannot be written.
        """
        files = [self.find(name, built_in=True) for name in names] or [*self.built_in().values()]
        folder = self.folder.with_name(STARTING_POINTS)
        written = []
        try:
            make_folders(folder)
            for file in files:
                target = folder / file.path.name
                replace_file(target, file.path.read_bytes(), mode=_MODE)
                written.append(target)
        except OSError as error:
            raise StorageError(f"{folder} cannot be written to: {error.strerror}") from error
        return written

    def _own(self, name: str) -> list[ScriptFile]:
        return [file for file in _scripts(self.folder, JobTypeOrigin.CUSTOM) if file.name == name]

    def _refuse_other(self, name: str, etag: str) -> None:
        file = self.used().get(name)
        present = etag_of_source(file.source()) if file is not None else ""
        if etag not in (ANY_ETAG, present):
            what = "somebody has changed this script since it was looked at"
            problem = Problem("header If-Match", what, "look at it again, then change it")
            raise WrongEtag("The script has changed", problems=[problem])

    def _remove(self, paths: Iterable[Path]) -> None:
        for path in paths:
            path.unlink(missing_ok=True)
            sync_folder(self.folder)


def check_name(name: str) -> None:
    """Raises `InvalidInput` if no job type can be called that."""
    if not _NAME.fullmatch(name):
        what = f"{name!r} is no name for a job type"
        raise one_problem("path typeName", what, "use small letters, digits and dashes")
    if _WINDOWS_DEVICE.fullmatch(name):
        what = f"{name!r} is the name of a device on Windows, where no file can be called that"
        raise one_problem("path typeName", what, "choose another name")


def etag_of_source(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:32]


def _scripts(folder: Path, origin: JobTypeOrigin) -> list[ScriptFile]:
    """In the order in which the library prefers them, the last one most."""
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(f"{folder} cannot be read: {error.strerror}") from error
    return [
        ScriptFile(path.stem.replace("_", "-"), path, origin)
        for path in paths
        if path.suffix in SUFFIXES and _SCRIPT_STEM.fullmatch(path.stem) and path.is_file()
    ]
