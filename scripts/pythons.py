"""Finds a Python on this machine that can make the environment a script needs.

Runs on any Python 3.8 or newer, so that a script started with an old one can say so, or go on with
a newer one.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator, NoReturn, Optional, Sequence, Tuple  # noqa: UP035 - see above

Release = Tuple[int, int]  # noqa: UP006

_PROBE = "import sys, ensurepip, venv; print(*sys.version_info[:2])"
_PROBE_SECONDS = 30
_FOLDERS = (
    "~/.pyenv/versions/{release}.*/bin",
    "~/.local/share/uv/python/cpython-{release}.*/bin",
    "/opt/homebrew/bin",
    "/usr/local/bin",
    "/Library/Frameworks/Python.framework/Versions/{release}/bin",
)


def can_make_environments(python: str, release: Release) -> bool:
    """Whether `python` starts, is of that release, and has `venv` and `ensurepip` (Debian leaves
    the latter out of its basic package).
    """
    try:
        answer = subprocess.run(
            [python, "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return answer.stdout.split() == [str(part) for part in release]


def find_python(releases: Sequence[Release]) -> Optional[str]:  # noqa: UP045
    """The first usable Python of one of `releases`, which are tried in order; the running one is
    preferred if it is among them.
    """
    running = sys.version_info[:2]
    if running in releases and can_make_environments(sys.executable, running):
        return sys.executable
    for release in releases:
        for candidate in _candidates(release):
            if can_make_environments(candidate, release):
                return candidate
    return None


def _candidates(release: Release) -> Iterator[str]:
    spelled = ".".join(str(part) for part in release)
    name = f"python{spelled}"
    on_path = shutil.which(name)
    if on_path:
        yield on_path
    if os.name == "nt":
        launched = _ask_windows_launcher(spelled)
        if launched:
            yield launched
    for pattern in _FOLDERS:
        folder = Path(pattern.format(release=spelled)).expanduser()
        anchor = Path(folder.anchor)
        for found in sorted(anchor.glob(str(folder.relative_to(anchor) / name)), reverse=True):
            yield str(found)


def _ask_windows_launcher(release: str) -> Optional[str]:  # noqa: UP045
    """The Python that Windows' `py` launcher starts for a release."""
    try:
        answer = subprocess.run(
            ["py", f"-{release}", "-c", "import sys; print(sys.executable)"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def need_python(releases: Sequence[Release]) -> None:
    """Goes on if the running Python is one of `releases` or newer; else starts the same script with
    one that is; else ends the process with a sentence.
    """
    if sys.version_info[:2] >= min(releases):
        return
    newer = find_python(releases)
    if newer is not None:
        run_instead([newer, *sys.argv])
    sys.exit(
        "This needs Python {}.{} or newer, and it was started with {}.{}; no newer Python was found"
        " on this machine. https://www.python.org/downloads/ has them.".format(
            *min(releases), *sys.version_info[:2]
        )
    )


def run_instead(command: Sequence[str]) -> NoReturn:
    """Goes on as another program, to the end of this process."""
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(command[0], list(command))
    # Windows cannot replace a process. Ctrl+C reaches both; the other one acts on it.
    with subprocess.Popen(command) as other:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(other.wait())
