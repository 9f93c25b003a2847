"""Finds the job types: those that come with the program, and those of the farm's own folders.

The file `say_it_often.py`, or `say_it_often.js`, holds the job type `say-it-often`. A script in a
folder replaces a built-in one of the same name, and one in a later folder those before it. Files
are looked at again at each use, so that edits count at once; a file is read anew only if its size,
its time of modification or the file itself has changed. A script that cannot be used is skipped
and named in `problems`; the one that it would have replaced stays in place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from threading import RLock

from flamenco_core.errors import NotFound, Problem
from flamenco_core.file_stamp import FileStamp
from flamenco_core.job_types.javascript_script import read_javascript
from flamenco_core.job_types.python_script import read_python_script
from flamenco_core.job_types.script import LoadedJobType, Script, ScriptError
from flamenco_core.job_types.setting import nearest_name
from flamenco_core.model import AvailableJobType

BUILTIN_FOLDER = Path(__file__).parent / "builtin"

SUFFIXES = frozenset({".js", ".py"})
"""What the names of scripts end in."""

_FILE_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def has_scripts(folder: Path) -> bool:
    """Whether a folder, which need not exist, holds what may be job types."""
    try:
        return any(file.suffix in SUFFIXES for file in folder.iterdir())
    except OSError:
        return False


@dataclass(slots=True)
class _Entry:
    """What is known about one file since it was last looked at."""

    stamp: FileStamp
    script: Script | None = None
    available: AvailableJobType | None = None
    """Set once the script has been run without trouble."""
    problems: tuple[Problem, ...] = ()
    refused: bool = False
    """Whether it was not run because somebody objected, who may not object the next time."""


@dataclass(slots=True)
class _Scan:
    """The candidates found in the folders: for each type name its files, the preferred first."""

    paths: dict[str, list[tuple[Path, FileStamp]]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


class JobTypeLibrary:
    """The job types of a farm. It runs their scripts in this process; safe to share by threads."""

    def __init__(
        self,
        folders: Sequence[Path] = (),
        *,
        before_running: Callable[[Path, FileStamp], Problem | None] | None = None,
    ) -> None:
        """Looks in `folders` beside the built-in ones; a folder need not exist.

        `before_running` is called before a script is run; if it returns a problem, the script is
        taken for broken, and not run.
        """
        self._folders = (BUILTIN_FOLDER, *folders)
        self._before_running = before_running
        self._entries: dict[Path, _Entry] = {}
        self._lock = RLock()

    def available(self) -> list[AvailableJobType]:
        """Every job type that can be used, sorted by name."""
        with self._lock:
            return self._look()[0]

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with scripts and folders at the moment; the places are file names."""
        with self._lock:
            return self._look()[1]

    def get(self, name: str) -> AvailableJobType:
        """The job type of that name; raises `NotFound`, which says why if its script is broken."""
        return self.load(name).available

    def load(self, name: str) -> LoadedJobType:
        """The job type with its script run afresh, ready for one compilation.

        Raises:
            NotFound: there is no such job type, or its script cannot be used.
        """
        with self._lock:
            scan = self._scan()
            problems: list[Problem] = []
            for path, stamp in scan.paths.get(name, []):
                entry = self._entry(name, path, stamp)
                loaded = self._run(path, entry)
                problems.extend(entry.problems)
                if loaded:
                    return loaded
        if problems:
            raise NotFound(f"The job type “{name}” cannot be used", problems=problems)
        known = [known for known in scan.paths if self._may_be_job_type(known, scan)]
        hint = nearest_name(name, known)
        raise NotFound(f"There is no job type “{name}” ({hint})")

    def _look(self) -> tuple[list[AvailableJobType], list[Problem]]:
        scan = self._scan()
        available: list[AvailableJobType] = []
        problems = list(scan.problems)
        for name, candidates in sorted(scan.paths.items()):
            found: AvailableJobType | None = None
            for path, stamp in candidates:
                entry = self._entry(name, path, stamp)
                if entry.script and not entry.available and (entry.refused or not entry.problems):
                    self._run(path, entry)
                problems.extend(entry.problems)
                found = found or entry.available
            if found:
                available.append(found)
        return available, problems

    def _entry(self, name: str, path: Path, stamp: FileStamp) -> _Entry:
        """What is known about the file, which is read unless that was done before."""
        entry = self._entries.get(path)
        is_known = entry is not None and entry.stamp == stamp
        if entry is None or not is_known or (entry.script and not entry.script.is_current()):
            entry = self._entries[path] = _Entry(stamp)
            try:
                entry.script = self._read(name, path)
            except ScriptError as error:
                entry.problems = error.problems
            except OSError as error:
                del self._entries[path]
                entry.problems = (Problem(str(path), f"cannot be read: {error.strerror}"),)
        return entry

    def _read(self, name: str, path: Path) -> Script | None:
        read = read_javascript if path.suffix == ".js" else read_python_script
        return read(name, path, folders=self._folders[::-1])

    def _run(self, path: Path, entry: _Entry) -> LoadedJobType | None:
        """Runs the script and remembers what came of it; `None` if it is broken."""
        if entry.script is None:
            return None
        refusal = self._before_running and self._before_running(path, entry.stamp)
        entry.refused = refusal is not None
        if refusal:
            entry.available, entry.problems = None, (refusal,)
            return None
        try:
            loaded = entry.script.load()
        except ScriptError as error:
            entry.available, entry.problems = None, error.problems
            return None
        entry.available, entry.problems = loaded.available, ()
        return loaded

    def _may_be_job_type(self, name: str, scan: _Scan) -> bool:
        return any(self._entry(name, path, stamp).script for path, stamp in scan.paths[name])

    def _scan(self) -> _Scan:
        scan = _Scan()
        for folder in self._folders:
            try:
                files = sorted(_script_files(folder))
            except FileNotFoundError:
                continue
            except OSError as error:
                scan.problems.append(Problem(str(folder), f"cannot be read: {error.strerror}"))
                continue
            for path, stamp in files:
                name = path.stem.replace("_", "-")
                scan.paths.setdefault(name, []).insert(0, (path, stamp))
        present = {path for paths in scan.paths.values() for path, _stamp in paths}
        for path in self._entries.keys() - present:
            del self._entries[path]
        return scan


def _script_files(folder: Path) -> Iterator[tuple[Path, FileStamp]]:
    for path in folder.iterdir():
        if path.suffix in SUFFIXES and _FILE_STEM.fullmatch(path.stem):
            try:
                status = path.stat()
            except OSError:  # a dangling link, or gone since the folder was listed
                continue
            if S_ISREG(status.st_mode):
                yield path, FileStamp.of_status(status)
