"""The virtual environment that a script of this folder runs in: made once, kept up to date.

The project is installed as editable, so after `git pull` its new code runs without installing
anything; only a changed `pyproject.toml`, or changed sources of the web interface, which the
installation builds, make pip look again. What was installed is written to a stamp inside the
environment once all of it was: an installation that was cut short starts over.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from build_web import digest_of_sources
from pythons import Release, find_python

ROOT = Path(__file__).resolve().parent.parent

_NO_SPACE = re.compile(
    r"No space left on device|Errno 28|not enough space on the disk", re.IGNORECASE
)
_NO_NETWORK = re.compile(
    r"NewConnectionError|ConnectTimeout|NameResolutionError|Failed to establish a new connection"
    r"|Could not fetch URL|ProxyError|Network is unreachable|ReadTimeoutError"
    # Without retries pip keeps quiet; this one is always there, and always asked for first.
    r"|No matching distribution found for hatchling",
    re.IGNORECASE,
)
_NO_BPY = "No matching distribution found for bpy"
_LAST_LINES = 15
_MADE_FOR = "made-for.txt"
"""Holds the environment's own path: one that was moved with its checkout is made anew."""


class CannotGoOnError(Exception):
    """Something a person has to mend first; the text says what, and how."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment in `folder`."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.program("python")

    def program(self, name: str) -> Path:
        """Where a program is that some package installs."""
        if os.name == "nt":
            return self.folder / "Scripts" / f"{name}.exe"
        return self.folder / "bin" / name

    @property
    def _stamp(self) -> Path:
        return self.folder / "installed.json"

    def prepare(self, choices: Mapping[Release, Sequence[str]], *, disk_bytes: int) -> None:
        """Makes the environment, unless it stands, and installs into it what is missing.

        `choices` are the releases of Python that will do, best first, and what to install with
        each; an environment that stands is kept if its release is among them. `disk_bytes` is what
        a first installation takes, as an estimate. Raises `CannotGoOnError`.
        """
        release = self._release()
        if release is None or release not in choices:
            need_space(self.folder.parent, disk_bytes, "install the project")
            release = self._make(list(choices))
        if not self._holds(choices[release]):
            print(f"Installing into {self.folder}, once …", flush=True)
            self._install(choices[release])

    def _release(self) -> Release | None:
        """The Python of the environment, or `None` if it is not there, was moved, or has lost its
        interpreter.
        """
        try:
            settings = (self.folder / "pyvenv.cfg").read_text(encoding="utf-8")
            made_for = (self.folder / _MADE_FOR).read_text(encoding="utf-8")
        except OSError:
            return None
        version = re.search(r"^version\s*=\s*(\d+)\.(\d+)", settings, re.MULTILINE)
        if version is None or made_for != str(self.folder) or not self.python.exists():
            return None
        return int(version[1]), int(version[2])

    def _make(self, releases: Sequence[Release]) -> Release:
        python = find_python(releases)
        if python is None:
            wanted = " or ".join(".".join(map(str, release)) for release in releases)
            raise CannotGoOnError(
                f"No Python {wanted} that can make virtual environments was found on this machine."
                " Install one (on Debian and Ubuntu with its -venv package)."
            )
        command = [python, "-m", "venv", "--clear", str(self.folder)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            printed = answer.stdout + answer.stderr
            raise CannotGoOnError(_why_it_failed(printed, "make a virtual environment"))
        (self.folder / _MADE_FOR).write_text(str(self.folder), encoding="utf-8")
        release = self._release()
        if release is None:
            raise CannotGoOnError(f"{python} made no working environment in {self.folder}.")
        return release

    def _holds(self, requirements: Sequence[str]) -> bool:
        """Whether all of `requirements` were installed for the `pyproject.toml` of today."""
        stamp = self._read_stamp()
        return stamp["project"] == _digest_of_project() and {*requirements} <= {*stamp["installed"]}

    def _read_stamp(self) -> dict[str, Any]:
        try:
            stamp: dict[str, Any] = json.loads(self._stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {"project": "", "installed": []}
        return stamp

    def _install(self, requirements: Sequence[str]) -> None:
        """Installs in one go, so that pip finds versions that suit each other; what was installed
        before stays in the bargain.
        """
        wanted = sorted({*requirements, *self._read_stamp()["installed"]})
        self._stamp.unlink(missing_ok=True)
        command = [str(self.python), "-m", "pip", "install", "--disable-pip-version-check"]
        command += ["--no-input", "--progress-bar=off", *wanted]
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        pip = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        with pip:
            try:
                printed = [_show_step(line) for line in pip.stdout or ()]
            except KeyboardInterrupt:  # a `kill`, unlike Ctrl+C, has reached us only
                pip.terminate()
                raise
        _clear_line()
        if pip.returncode != 0:
            raise CannotGoOnError(_why_it_failed("".join(printed), "install what is needed"))
        stamp = {"project": _digest_of_project(), "installed": wanted}
        self._stamp.write_text(json.dumps(stamp, indent=1), encoding="utf-8")


def _digest_of_project() -> str:
    """Of what an installation is made from: an editable one builds the web interface, too."""
    project = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    if os.environ.get("FLAMENCO_BUILD_WEB") != "0":
        project.update(digest_of_sources().encode())
    return project.hexdigest()


def need_space(folder: Path, wanted: int, purpose: str) -> None:
    """Raises `CannotGoOnError` unless `wanted` bytes are free where `folder` is or will be."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    if free < wanted:
        raise CannotGoOnError(
            f"The disk of {existing} has {_megabytes(free)} free; to {purpose} takes about"
            f" {_megabytes(wanted)}. Make room, or choose a folder on another disk."
        )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _show_step(line: str) -> str:
    """On a terminal, shows what pip is doing, each step over the last."""
    if sys.stdout.isatty() and line.startswith(("Collecting", "Downloading", "  Downl", "Inst")):
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\x1b[K{line.strip()[:width]}", end="", flush=True)
    return line


def _clear_line() -> None:
    if sys.stdout.isatty():
        print("\r\x1b[K", end="", flush=True)


def _why_it_failed(printed: str, purpose: str) -> str:
    if _NO_SPACE.search(printed):
        return f"The disk is full: could not {purpose}. Make room and start again."
    if _NO_NETWORK.search(printed):
        return (
            f"No connection to the Python package index: could not {purpose}."
            " Check the network (or pip's proxy settings) and start again."
        )
    if _NO_BPY in printed:
        return (
            "There is no `bpy` wheel for this kind of machine. Install Blender"
            " (https://www.blender.org/download/) so that it is on PATH, or name it with --blender."
        )
    if "ensurepip" in printed:
        return (
            f"This Python cannot make virtual environments: could not {purpose}."
            " On Debian and Ubuntu, `apt-get install python3-venv` adds what is missing."
        )
    last = "\n  ".join(printed.strip().splitlines()[-_LAST_LINES:])
    return f"Could not {purpose}. The last lines were:\n  {last}"
