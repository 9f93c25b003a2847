"""Finds Blender on the Manager's machine, and tries whether a program is one."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flamenco_core.model.configuration import BlenderPathCheckResult, BlenderPathSource
from manager_service.settings.file_association import associated_program
from manager_service.settings.limited_work import within

VERSION_TIME_LIMIT = timedelta(seconds=10)
"""For `blender --version`."""

_MORE_FOR_SEARCHING = timedelta(seconds=5)
_LINE_BEGINS = "Blender "
_LONGEST_VERSION = 200
_NAMES: Mapping[str, str] = {"win32": "blender.exe", "darwin": "Blender"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A program that may be Blender."""

    path: Path
    source: BlenderPathSource


async def find_blenders() -> list[BlenderPathCheckResult]:
    """All that are found, those that work first; empty if there are none."""
    try:
        candidates = await within(VERSION_TIME_LIMIT, lambda: list(_candidates()))
    except TimeoutError:
        candidates = []
    results = await asyncio.gather(*(_tried("", each) for each in candidates))
    return sorted(results, key=lambda result: not result.is_usable)


async def check_blender(written: str) -> BlenderPathCheckResult:
    """Whether what somebody wrote, a file, a folder or a name on the PATH, is a Blender."""
    try:
        found = await within(VERSION_TIME_LIMIT, lambda: _candidate(written.strip()))
    except TimeoutError:
        found = "It does not answer"
    if isinstance(found, Candidate):
        return await _tried(written, found)
    source = BlenderPathSource.INPUT_PATH if _is_path(written) else BlenderPathSource.PATH_ENVVAR
    return BlenderPathCheckResult(
        input=written, path="", source=source, is_usable=False, cause=found
    )


async def _tried(written: str, candidate: Candidate) -> BlenderPathCheckResult:
    limit = VERSION_TIME_LIMIT + _MORE_FOR_SEARCHING
    try:
        is_usable, cause = await within(limit, lambda: _version(candidate.path))
    except TimeoutError:
        is_usable, cause = False, "It does not answer"
    path = str(candidate.path)
    return BlenderPathCheckResult(
        input=written or path, path=path, source=candidate.source, is_usable=is_usable, cause=cause
    )


def _version(program: Path) -> tuple[bool, str]:
    """Whether it is Blender; and its version, or why not."""
    seconds = VERSION_TIME_LIMIT.total_seconds()
    try:
        ended = subprocess.run(
            [str(program), "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"It has not told its version within {seconds:.0f} seconds"
    except (OSError, ValueError) as error:
        return False, f"It cannot be run: {getattr(error, 'strerror', None) or error}"
    for line in ended.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith(_LINE_BEGINS):
            return True, line.strip()[:_LONGEST_VERSION]
    return False, f"It is not Blender: it ended with code {ended.returncode} and told no version"


def _candidate(written: str) -> Candidate | str:
    """The program that is meant, or why there is none."""
    if not written:
        return "A path or a name is needed"
    if not _is_path(written):
        found = shutil.which(written)
        if found is None:
            return f"{written} is in no folder of the PATH"
        return Candidate(Path(found), BlenderPathSource.PATH_ENVVAR)
    path = Path(written).expanduser()
    if path.is_dir():
        path = path / _program_name()
    if not path.exists():
        return f"There is no file {path}"
    return Candidate(path, BlenderPathSource.INPUT_PATH)


def _candidates() -> Iterator[Candidate]:
    """Without doubles, in the order of preference."""
    seen: set[Path] = set()
    for candidate in _places():
        real = candidate.path.resolve()
        if candidate.path.is_file() and real not in seen:
            seen.add(real)
            yield candidate


def _places() -> Iterator[Candidate]:
    associated = associated_program(".blend", "application/x-blender")
    if associated is not None:
        # On Windows a launcher stands before Blender, which would return at once.
        launched = associated.with_name("blender.exe")
        is_launcher = associated.name.lower() == "blender-launcher.exe"
        path = launched if is_launcher else associated
        yield Candidate(path, BlenderPathSource.FILE_ASSOCIATION)
    on_path = shutil.which("blender")
    if on_path is not None:
        yield Candidate(Path(on_path), BlenderPathSource.PATH_ENVVAR)
    for path in _system_locations():
        yield Candidate(path, BlenderPathSource.SYSTEM_LOCATION)


def _system_locations() -> list[Path]:
    """Where installers of the platform put Blender, the newest version first."""
    match sys.platform:
        case "darwin":
            folders, pattern = [Path("/Applications")], "Blender*.app/Contents/MacOS/Blender"
        case "win32":
            names = ("ProgramFiles", "ProgramW6432")
            bases = dict.fromkeys(os.environ[name] for name in names if name in os.environ)
            folders = [Path(base) / "Blender Foundation" for base in bases]
            pattern = "*/blender.exe"
        case _:
            folders, pattern = [Path("/opt"), Path("/usr/local")], "blender*/blender"
    found = [path for folder in folders for path in folder.glob(pattern)]
    return sorted(found, key=lambda path: path.as_posix(), reverse=True)


def _program_name() -> str:
    return _NAMES.get(sys.platform, "blender")


def _is_path(written: str) -> bool:
    return "/" in written or "\\" in written
