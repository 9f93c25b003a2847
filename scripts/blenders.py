"""Which Blender the quick start renders with: one that is installed, else the `bpy` wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from environment import CannotGoOnError

OLDEST = (3, 4)
"""The oldest Blender that the project is tested with."""

BPY_FOR_PYTHON = {(3, 11): "bpy==4.5.*", (3, 13): "bpy>=5.1,<6"}
"""Which `bpy` wheel each Python can have, best first."""

BPY_PROGRAM = "flamenco-blender"
"""The console script that drives `bpy` as if it were Blender."""

_PLACES = {
    "linux": ("/opt/blender*/blender", "~/blender*/blender", "/snap/bin/blender"),
    "darwin": (
        "/Applications/Blender*.app/Contents/MacOS/Blender",
        "~/Applications/Blender*.app/Contents/MacOS/Blender",
    ),
    "win32": (
        "C:/Program Files/Blender Foundation/Blender */blender.exe",
        "C:/Program Files (x86)/Steam/steamapps/common/Blender/blender.exe",
    ),
}
_VERSION_SECONDS = 120  # a first start from a slow disk takes its time

_MISSING_LIBRARY = re.compile(r"(lib[\w.+-]+\.so[.\d]*): cannot open shared object file")
DEBIAN_LIBRARIES = (
    *("libx11-6", "libxrender1", "libxfixes3", "libxi6", "libxkbcommon0", "libsm6", "libice6"),
    *("libgl1", "libxxf86vm1", "libgomp1", "libegl1"),
)
"""The packages with what `bpy` needs from the system."""

_DNF_PACKAGES = (
    "libX11 libXrender libXfixes libXi libxkbcommon libSM libICE libglvnd-glx libXxf86vm libgomp"
    " libglvnd-egl"
)


@dataclass(frozen=True, slots=True)
class Blender:
    """A Blender that has answered."""

    program: Path
    version: tuple[int, int]

    def __str__(self) -> str:
        return f"Blender {self.version[0]}.{self.version[1]} ({self.program})"


def installed_blender(asked_for: str | None) -> Blender | None:
    """The Blender that was asked for, else the first one found on PATH or in the usual places;
    `None` if there is none. Raises `CannotGoOnError` if the one asked for cannot be used.
    """
    if asked_for is not None:
        found = shutil.which(asked_for) or shutil.which(Path(asked_for).expanduser())
        if found is None:
            raise CannotGoOnError(f"--blender: there is no program {asked_for}.")
        return _asked(Path(found))
    for program in _candidates():
        try:
            return _asked(program)
        except CannotGoOnError as reason:
            print(f"Not used: {reason}", file=sys.stderr)
    return None


def bpy_blender(program: Path) -> Blender:
    """The `bpy` wheel behind `program`. Raises `CannotGoOnError`, with what to install, if the
    system lacks libraries that the wheel needs.
    """
    return _asked(program)


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("blender")
    if on_path is not None:
        yield Path(on_path)
    for pattern in _PLACES.get(sys.platform, ()):
        place = Path(pattern).expanduser()
        anchor = Path(place.anchor)
        # The newest is last by name.
        yield from sorted(anchor.glob(place.relative_to(anchor).as_posix()), reverse=True)


def _asked(program: Path) -> Blender:
    """Asks a program for its version."""
    try:
        answer = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except OSError as error:
        raise CannotGoOnError(f"{program} cannot be started: {error.strerror}.") from error
    except subprocess.TimeoutExpired as error:
        raise CannotGoOnError(f"{program} did not answer --version in time.") from error
    found = re.search(r"^Blender (\d+)\.(\d+)", answer.stdout, re.MULTILINE)
    if found is None:
        raise CannotGoOnError(_why_silent(program, answer.stdout + answer.stderr))
    version = int(found[1]), int(found[2])
    if version < OLDEST:
        raise CannotGoOnError(
            f"{program} is Blender {version[0]}.{version[1]};"
            f" {OLDEST[0]}.{OLDEST[1]} or newer is needed."
        )
    return Blender(program, version)


def _why_silent(program: Path, printed: str) -> str:
    missing = _MISSING_LIBRARY.search(printed)
    if missing is None:
        last = (printed.strip().splitlines() or ["nothing was printed"])[-1]
        return f"{program} is not a Blender that works: {last}"
    if shutil.which("dnf"):
        command = f"sudo dnf install {_DNF_PACKAGES}"
    else:
        command = f"sudo apt-get install {' '.join(DEBIAN_LIBRARIES)}"
    return (
        f"Blender needs system libraries that are not installed ({missing[1]} is the first)."
        f" Install them and start again:\n  {command}"
    )
