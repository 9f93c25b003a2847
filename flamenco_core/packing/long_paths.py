"""Paths that Windows opens however long they are.

Windows refuses paths of 260 characters and more (folders from 248 on), unless a setting of the
machine says otherwise. Behind the prefix `\\\\?\\` it takes them as they stand: absolute, with
backslashes, without `.` and `..`.
"""

from __future__ import annotations

import sys
from pathlib import Path, PureWindowsPath

LONGEST_PLAIN = 247
"""Characters, so that a file of the shortest kind of name (8.3) still fits into a folder."""

_PREFIX = "\\\\?\\"


def openable(path: Path) -> Path:
    """`path`, or on Windows what opens the same file although it is long."""
    if sys.platform == "win32":
        return Path(extended(PureWindowsPath(path.absolute())))
    return path


def extended(path: PureWindowsPath) -> str:
    """How to ask Windows for an absolute path."""
    text = str(path)
    if len(text) <= LONGEST_PLAIN or text.startswith((_PREFIX, "\\\\.\\")):
        return text
    if ".." in path.parts or not path.is_absolute():
        return text
    if text.startswith("\\\\"):
        return f"{_PREFIX}UNC\\{text[2:]}"
    return _PREFIX + text
