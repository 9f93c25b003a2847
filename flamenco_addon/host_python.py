"""The Python that runs our child processes: Blender's own, or Blender itself.

Blender says in `sys.executable` where its Python is; some builds name something else there, or
come without that program, and then Blender runs the program with `--python`.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path

from flamenco_core.packing import Host

_TRIAL = "import json, ssl, sqlite3, sys; print('%d.%d' % sys.version_info[:2])"
"""What all of our programs need from a Python."""
_PATIENCE = timedelta(seconds=30)
if sys.platform == "win32":
    _NO_WINDOW = subprocess.CREATE_NO_WINDOW
else:
    _NO_WINDOW = 0
_NAMES = (
    ("python.exe",)
    if sys.platform == "win32"
    else (f"python{sys.version_info[0]}.{sys.version_info[1]}", "python3")
)
_lock = threading.Lock()


def find_host(blender: str) -> Host:
    """What runs a program that needs no Blender; `blender` is the path of this Blender.

    Takes a moment the first time, so call it on another thread.
    """
    with _lock:
        return _found(blender)


def blender_host(blender: str) -> Host:
    """What runs a program inside Blender, without its window and the artist's preferences."""
    return Host((blender, "--background", "--factory-startup", "--python"))


@cache
def _found(blender: str) -> Host:
    for python in _candidates(blender):
        if _works(python):
            return Host((str(python), "-I"))
    return blender_host(blender)


def _candidates(blender: str) -> Iterator[Path]:
    # `sys.executable` may be Blender, which takes other arguments.
    named = Path(sys.executable) if sys.executable else None
    if named is not None and "python" in named.name.lower():
        yield named
    for folder in (Path(sys.prefix, "bin"), Path(sys.base_prefix, "bin"), Path(sys.prefix)):
        for name in _NAMES:
            if folder / name != named and str(folder / name) != blender:
                yield folder / name


def _works(python: Path) -> bool:
    if not python.is_file():
        return False
    try:
        answer = subprocess.run(
            [str(python), "-I", "-c", _TRIAL],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE.total_seconds(),
            creationflags=_NO_WINDOW,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    # The wheels beside Blender are made for its version of Python.
    wanted = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return answer.returncode == 0 and answer.stdout.strip() == wanted
