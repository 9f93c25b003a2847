"""What the tests need of programs written in Go, which no other registry has.

They come through the Go module proxy, in versions that are known to work, and go where the other
programs of the tests' environment are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from environment import CannotGoOnError

_WHERE_GO_IS = ("/usr/local/go/bin", "/usr/lib/go/bin")


@dataclass(frozen=True, slots=True)
class GoProgram:
    name: str
    module: str
    """The package and its version, as `go install` takes it."""
    purpose: str


_PEBBLE = "github.com/letsencrypt/pebble/v2/cmd"
GO_PROGRAMS = (
    GoProgram("pebble", f"{_PEBBLE}/pebble@v2.10.1", "a certificate authority"),
    GoProgram("pebble-challtestsrv", f"{_PEBBLE}/pebble-challtestsrv@v2.10.1", "its DNS server"),
)


def need_go_programs(folder: Path) -> None:
    """Installs into `folder` what is not there; raises `CannotGoOnError` if that fails."""
    missing = [
        program for program in GO_PROGRAMS if not shutil.which(program.name, path=str(folder))
    ]
    if not missing:
        return
    go = shutil.which("go") or shutil.which("go", path=os.pathsep.join(_WHERE_GO_IS))
    if go is None:
        lines = "\n  ".join(f"{program.name} ({program.purpose})" for program in missing)
        raise CannotGoOnError(
            f"The tests need programs that are installed with Go:\n  {lines}\n"
            "Install Go, version 1.24 or later (https://go.dev/dl/), and start again."
        )
    for program in missing:
        _install(go, program, folder)


def _install(go: str, program: GoProgram, folder: Path) -> None:
    print(f"Installing {program.module} …", flush=True)
    answer = subprocess.run(
        [go, "install", program.module],
        env=os.environ | {"GOBIN": str(folder.absolute()), "GOFLAGS": "-mod=mod"},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        last = "\n  ".join(answer.stderr.strip().splitlines()[-8:])
        raise CannotGoOnError(f"`go install {program.module}` failed:\n  {last}")
