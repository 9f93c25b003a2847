"""What the tests need from the system, beside Python: looked for, and on Debian installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from blenders import DEBIAN_LIBRARIES
from environment import CannotGoOnError


@dataclass(frozen=True, slots=True)
class SystemProgram:
    names: tuple[str, ...]
    """One of these is enough."""
    package: str
    """Of Debian and Ubuntu."""
    purpose: str

    @property
    def is_missing(self) -> bool:
        return not any(shutil.which(name) or shutil.which(name, path=_SBIN) for name in self.names)


_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where servers are, which not everybody has in their PATH."""
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "msedge")
PROGRAMS = (
    SystemProgram(("git",), "git", "checkouts for tests"),
    SystemProgram(("objdump",), "binutils", "packing the programs with their libraries"),
    SystemProgram(("systemd-analyze",), "systemd", "looking at the units for systemd"),
    SystemProgram(("ffmpeg",), "ffmpeg", "preview videos"),
    SystemProgram(("ffprobe",), "ffmpeg", "looking into preview videos"),
    SystemProgram(("blender",), "blender", "rendering with an installed Blender"),
    SystemProgram(("curl",), "curl", "requests as the documentation shows them"),
    SystemProgram(("nginx",), "nginx", "a reverse proxy in front of the Manager"),
    SystemProgram(_BROWSERS, "chromium", "opening the Manager's pages"),
    SystemProgram(("node",), "nodejs", "the live updates of Flamenco 3's pages"),
    SystemProgram(("npm",), "npm", "installing their client"),
    SystemProgram(("mosquitto",), "mosquitto", "events over MQTT"),
    SystemProgram(("Xvfb",), "xvfb", "a screen for Blender's window"),
    SystemProgram(("xdotool",), "xdotool", "clicking in it"),
    SystemProgram(("import",), "imagemagick", "pictures of it"),
    SystemProgram(("bwrap",), "bubblewrap", "running a newer Debian's Blender"),
    SystemProgram(("mmdebstrap",), "mmdebstrap", "installing it"),
)


def need_system_packages() -> None:
    """Raises `CannotGoOnError` with what is missing and cannot be installed from here."""
    missing = [program for program in PROGRAMS if program.is_missing]
    packages = sorted({program.package for program in missing} | _missing_libraries())
    if not packages:
        return
    if _may_use_apt():
        _apt_install(packages)
        return
    lines = [f"{program.names[0]} ({program.purpose})" for program in missing]
    wanted = "\n  ".join(lines or ["system libraries for Blender"])
    raise CannotGoOnError(
        f"The tests need what is not on this machine:\n  {wanted}\n"
        f"On Debian and Ubuntu: sudo apt-get install {' '.join(packages)}"
    )


def _missing_libraries() -> set[str]:
    """On Debian the packages that are not installed; elsewhere `bpy` itself tells."""
    if shutil.which("dpkg-query") is None:
        return set()
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n"]
    answer = subprocess.run(
        [*query, *DEBIAN_LIBRARIES], capture_output=True, text=True, check=False
    )
    installed = {line.split()[0] for line in answer.stdout.splitlines() if "not-" not in line}
    return set(DEBIAN_LIBRARIES) - installed


def _may_use_apt() -> bool:
    is_root = os.name == "posix" and os.geteuid() == 0
    return is_root and shutil.which("apt-get") is not None and Path("/etc/debian_version").exists()


def _apt_install(packages: list[str]) -> None:
    print(f"Installing {', '.join(packages)} …", flush=True)
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        answer = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            last = "\n  ".join((answer.stdout + answer.stderr).strip().splitlines()[-8:])
            raise CannotGoOnError(f"`{' '.join(command)}` failed:\n  {last}")
