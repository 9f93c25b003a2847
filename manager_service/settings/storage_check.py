"""Whether a folder can be what the Manager, the workers and the artists share."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from flamenco_core.model.configuration import PathCheckResult
from manager_service.settings.limited_work import within

TIME_LIMIT = timedelta(seconds=15)

_CONTENT = "Flamenco tries whether it can write here: äöü, ½, 日本語\n"
_PREFIX = "flamenco-writability-test-"


async def check_shared_storage(written: str, *, own_folders: Iterable[Path]) -> PathCheckResult:
    """Looks, writes, reads, links and cleans up; a drive that does not answer is one not to use.

    `own_folders` are those of the program and of its data, which are not for sharing.
    """
    path = written.strip()
    try:
        return await within(TIME_LIMIT, lambda: _check(path, list(own_folders)))
    except TimeoutError:
        seconds = int(TIME_LIMIT.total_seconds())
        return _unusable(path, f"The folder does not answer within {seconds} seconds")


def _check(path: str, own_folders: list[Path]) -> PathCheckResult:
    if not path:
        return _unusable(path, "A path is needed")
    if path.startswith("\\\\") and sys.platform != "win32":
        return _unusable(path, "Network paths of Windows are no paths on this machine")
    folder = Path(path)
    try:
        if not folder.is_absolute():
            return _unusable(path, "A whole path is needed, from the root or the drive on")
        if not folder.exists():
            return _unusable(path, "There is no such folder; make it, or look for a misspelling")
        if not folder.is_dir():
            return _unusable(path, "This is a file, not a folder")
        if any(own.exists() and folder.samefile(own) for own in own_folders):
            return _unusable(path, "The Manager keeps its own files there; choose another folder")
        can_symlink = _try_writing(folder)
        free = shutil.disk_usage(folder).free
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return _unusable(path, f"The Manager cannot write there: {reason}")
    cause = "" if can_symlink else "Links cannot be made there, so Shaman will copy files"
    return PathCheckResult(
        path=path, is_usable=True, cause=cause, free_bytes=free, can_symlink=can_symlink
    )


def _unusable(path: str, cause: str) -> PathCheckResult:
    return PathCheckResult(path=path, is_usable=False, cause=cause)


def _try_writing(folder: Path) -> bool:
    """Whether links can be made, too. Raises `OSError` if files cannot be written and read."""
    descriptor, name = tempfile.mkstemp(prefix=_PREFIX, suffix=".txt", dir=folder)
    file = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(_CONTENT)
            stream.flush()
            os.fsync(stream.fileno())
        if file.read_text(encoding="utf-8") != _CONTENT:
            raise OSError("what was written cannot be read back")
        return _can_symlink(file)
    finally:
        file.unlink()


def _can_symlink(target: Path) -> bool:
    link = target.with_suffix(".link")
    try:
        link.symlink_to(target.name)
        return link.read_text(encoding="utf-8") == _CONTENT
    except (OSError, NotImplementedError):
        return False
    finally:
        with contextlib.suppress(OSError):
            link.unlink()
