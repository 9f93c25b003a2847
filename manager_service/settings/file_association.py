"""Which program opens a kind of file on this machine: asked of the platform."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_TIME_LIMIT_SECONDS = 5
_ASSOCSTR_EXECUTABLE = 2
_ASSOCF_NONE = 0


def associated_program(extension: str, media_type: str) -> Path | None:
    """The program that a person gets who opens such a file; `None` if nothing is known.

    Windows asks by the extension, Linux by the media type. macOS tells only native programs.
    """
    if sys.platform == "win32":
        return _on_windows(extension)
    if sys.platform == "darwin":
        return None
    return _on_linux(media_type)


def _on_windows(extension: str) -> Path | None:
    if sys.platform == "win32":
        import ctypes

        query = ctypes.windll.shlwapi.AssocQueryStringW
        size = ctypes.c_ulong(0)
        what = (_ASSOCF_NONE, _ASSOCSTR_EXECUTABLE, extension, "open")
        # The first call only says how long the answer is.
        query(*what, None, ctypes.byref(size))
        buffer = ctypes.create_unicode_buffer(max(size.value, 1))
        if query(*what, buffer, ctypes.byref(size)) == 0 and buffer.value:
            return Path(buffer.value)
    return None


def _on_linux(media_type: str) -> Path | None:
    """As the desktop entry says that the desktop prefers; see freedesktop.org's specifications."""
    tool = shutil.which("xdg-mime")
    if tool is None:
        return None
    try:
        ended = subprocess.run(
            [tool, "query", "default", media_type],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIME_LIMIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    name = ended.stdout.strip()
    if not name.endswith(".desktop") or "/" in name:
        return None
    for folder in _data_folders():
        entry = folder / "applications" / name
        if entry.is_file():
            return _program_of(entry)
    return None


def _data_folders() -> Iterator[Path]:
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    yield from (Path(folder) for folder in (home, *shared.split(":")) if folder)


def _program_of(entry: Path) -> Path | None:
    for line in entry.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "Exec":
            try:
                words = shlex.split(value)
            except ValueError:
                return None
            found = shutil.which(words[0]) if words else None
            return Path(found) if found else None
    return None
