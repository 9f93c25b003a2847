"""Wheel and source archive, and from the wheel a folder of programs that need no Python."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from environment import ROOT, CannotGoOnError

SPEC = ROOT / "scripts" / "standalone" / "flamenco.spec"
SUMS = "SHA256SUMS"
BESIDE = ("README.md", "LICENSE", "docs")
"""What lies in the folder beside the programs."""

_LAST_LINES = 15


def build_everything(python: Path, output: Path) -> list[Path]:
    """What was built, with the file of sums last. `python` is one that has the tools.

    Raises `CannotGoOnError`.
    """
    with tempfile.TemporaryDirectory(prefix="flamenco-package-") as folder:
        work = Path(folder)
        wheel, source = build_distributions(python, ROOT, work / "dist")
        output.mkdir(parents=True, exist_ok=True)
        archive = pack(build_folder(python, wheel, work), output)
        built = [Path(shutil.copy2(file, output)) for file in (wheel, source)] + [archive]
    return [*built, write_sums(built, output / SUMS)]


def build_distributions(python: Path, source: Path, output: Path) -> tuple[Path, Path]:
    """The wheel and the source archive of the project in `source`."""
    # The tools are there already; an environment of its own would have to fetch them again.
    _run(
        [python, "-m", "build", "--no-isolation", "--outdir", output, source],
        "build the wheel",
        # What people download never lacks the web interface.
        {"FLAMENCO_BUILD_WEB": "1"},
    )
    (wheel,) = output.glob("*.whl")
    (archive,) = output.glob("*.tar.gz")
    return wheel, archive


def build_folder(python: Path, wheel: Path, work: Path) -> Path:
    """A folder with the programs of a wheel, their Python and all libraries."""
    packages = work / "packages"
    with zipfile.ZipFile(wheel) as content:
        content.extractall(packages)
    _run(
        [
            *(python, "-m", "PyInstaller", "--noconfirm", "--log-level=WARN"),
            *("--distpath", work / "standalone", "--workpath", work / "build", SPEC),
        ],
        "put the programs together",
        {"FLAMENCO_PACKAGES": str(packages)},
    )
    folder = work / "standalone" / "flamenco"
    for name in BESIDE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy2(source, folder / name)
    shutil.copy2(packages / "flamenco_core" / "version.txt", folder / "VERSION")
    release = wheel.name.split("-")[1]
    return folder.rename(folder.with_name(f"flamenco-{release}-{platform_name()}"))


def platform_name() -> str:
    """As in `linux-x86_64`, `macos-arm64`, `windows-amd64`."""
    system = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    return f"{system}-{platform.machine().lower()}"


def pack(folder: Path, output: Path) -> Path:
    """One file with the folder in it; links stay links where the platform has them."""
    if sys.platform == "win32":
        made = shutil.make_archive(str(output / folder.name), "zip", folder.parent, folder.name)
        return Path(made)
    archive = output / f"{folder.name}.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=6) as packed:
        packed.add(folder, folder.name, filter=_owned_by_nobody)
    return archive


def write_sums(files: Iterable[Path], target: Path) -> Path:
    """In the form that `sha256sum --check` reads."""
    lines = []
    for file in files:
        with file.open("rb") as stream:
            lines.append(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {file.name}\n")
    target.write_text("".join(lines), encoding="utf-8")
    return target


def _owned_by_nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _run(
    command: Sequence[str | Path], purpose: str, more_environment: dict[str, str] | None = None
) -> None:
    print(f"{purpose[0].upper()}{purpose[1:]} …", flush=True)
    answer = subprocess.run(
        [*map(str, command)],
        env=os.environ | (more_environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if answer.returncode != 0:
        last = "\n  ".join((answer.stdout + answer.stderr).strip().splitlines()[-_LAST_LINES:])
        raise CannotGoOnError(f"Could not {purpose}. The last lines were:\n  {last}")
