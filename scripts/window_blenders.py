"""A Blender with its window, from Debian's packages, in a folder of its own.

It brings a whole Debian with it, so that it runs beside whatever this machine has. The folder lies
in the user's cache, is made once, and serves every checkout: 1.4 GB, about two minutes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from environment import CannotGoOnError

SUITES = {"trixie": (4, 3), "sid": (5, 2)}
"""Suites of Debian, and which Blender they have; the latter one moves."""
DEFAULT_SUITE = "trixie"
CACHE_VARIABLE = "FLAMENCO_TEST_CACHE"
"""Names another folder than `~/.cache/flamenco-python`."""

_PACKAGES = (
    *("blender", "ca-certificates", "libgl1", "libegl1", "libegl-mesa0", "libgl1-mesa-dri"),
    *("python3-requests", "python3-zstandard"),
)
"""The last two come with every Blender that is not Debian's."""


@dataclass(frozen=True, slots=True)
class WindowBlender:
    root: Path
    suite: str

    @property
    def version(self) -> tuple[int, int]:
        return SUITES[self.suite]

    def command(self, *arguments: str | Path, folders: tuple[Path, ...] = ()) -> list[str]:
        """What starts it with `arguments`: it sees `/tmp`, the checkout and `folders` where they
        are, and ends with whoever started it.
        """
        seen = {Path("/tmp"), _top(Path.cwd()), *map(_top, folders)}  # noqa: S108
        binds = [str(word) for folder in sorted(seen) for word in ("--bind", folder, folder)]
        for folder in seen:
            (self.root / folder.relative_to("/")).mkdir(parents=True, exist_ok=True)
        return [
            *("bwrap", "--die-with-parent", "--bind", str(self.root), "/"),
            *("--dev-bind", "/dev", "/dev", "--proc", "/proc", "--ro-bind", "/sys", "/sys"),
            *binds,
            *("--chdir", str(Path.cwd()), "/usr/bin/blender"),
            *map(str, arguments),
        ]


def installed_window_blender(suite: str = DEFAULT_SUITE) -> WindowBlender | None:
    """The one that is there; None if it was not installed yet."""
    root = _cache() / "blender" / suite
    return WindowBlender(root, suite) if (root / "usr/bin/blender").exists() else None


def need_window_blender(suite: str = DEFAULT_SUITE) -> WindowBlender:
    """Installs it unless it is there; whoever comes meanwhile waits.

    Raises:
        CannotGoOnError: if that cannot be done here.
    """
    with _locked(_cache() / "blender" / f"{suite}.lock"):
        found = installed_window_blender(suite)
        if found is not None:
            return found
        may_install = sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mmdebstrap")
        if not may_install:
            raise CannotGoOnError(
                f"Blender with a window is installed from Debian {suite} by mmdebstrap, as root:"
                f" sudo -E {sys.executable} {Path(__file__).name}"
            )
        _install(_cache() / "blender" / suite, suite)
    return WindowBlender(_cache() / "blender" / suite, suite)


def _cache() -> Path:
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "flamenco-python"


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    import fcntl  # not on Windows, where this module is imported too

    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(root: Path, suite: str) -> None:
    print(
        f"Installing Blender with its window from Debian {suite} (about two minutes) …", flush=True
    )
    partial = root.with_name(f"{root.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    options = ("Apt::Install-Recommends false", "Acquire::Check-Valid-Until false")
    command = [
        *("mmdebstrap", "--quiet", "--variant=apt", "--mode=root"),
        *(f'--aptopt={name} "{value}"' for name, value in map(str.split, options)),
        *(f"--include={','.join(_PACKAGES)}", suite, str(partial)),
        f"deb {_mirror()} {suite} main",
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        last = "\n  ".join((answer.stdout + answer.stderr).strip().splitlines()[-8:])
        raise CannotGoOnError(f"mmdebstrap failed for Debian {suite}:\n  {last}")
    partial.rename(root)


def _mirror() -> str:
    """The one that this machine's apt uses for Debian itself."""
    for choice in (["Label: Debian"], []):
        listed = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(REPO_URI)", *choice],
            capture_output=True,
            text=True,
            check=False,
        )
        for line in listed.stdout.splitlines():
            if choice or line.rstrip("/").endswith("/debian"):
                return line
    return "http://deb.debian.org/debian"


def _top(folder: Path) -> Path:
    resolved = folder.resolve()
    return Path("/", resolved.parts[1]) if len(resolved.parts) > 1 else Path("/tmp")  # noqa: S108


if __name__ == "__main__":
    try:
        print(need_window_blender(*sys.argv[1:2]).root)
    except CannotGoOnError as reason:
        sys.exit(f"window_blenders: {reason}")
