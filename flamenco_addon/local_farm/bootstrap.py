"""The program behind "Render on this computer": unpacks what it runs with, then runs the farm.

Blender's own Python runs it as `python -I bootstrap.py`. The first line of its input says in JSON
what it needs to know (`home`, `wheels`, `runtimes`, `paths` and what `FarmWishes` has); it prints
the states that `supervisor` describes. The wheels are unpacked into a folder named after them,
outside of the extension, which an update replaces while the farm may go on.

Uses the standard library only until that folder is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import shutil
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

_COMPLETE = "complete.txt"
"""What is in the folder once everything is unpacked."""


def main() -> None:
    line = sys.stdin.readline()
    if not line.strip():
        return
    start: dict[str, Any] = json.loads(line)
    paths = [*start["paths"]]
    try:
        if start["wheels"]:
            wheels = sorted(map(Path, start["wheels"]))
            say("preparing", "Unpacking what the farm runs with …")
            paths = [str(unpacked(wheels, Path(start["runtimes"])))]
        # Before what this Python has: Blender brings older versions of some.
        sys.path[:0] = paths
        supervisor = importlib.import_module("flamenco_addon.local_farm.supervisor")
    except (OSError, zipfile.BadZipFile, ImportError) as error:
        say("failed", f"What the farm runs with cannot be used: {error}")
        return
    supervisor.supervise(start, paths)


def say(state: str, message: str) -> None:
    print(json.dumps({"state": state, "message": message}), flush=True)


def unpacked(wheels: Sequence[Path], runtimes: Path) -> Path:
    """The folder with the content of these wheels, made if it is not there yet.

    Raises `OSError`, `zipfile.BadZipFile`.
    """
    names = "\n".join(f"{wheel.name} {_checksum(wheel):08x}" for wheel in wheels)
    folder = runtimes / hashlib.sha256(names.encode()).hexdigest()[:16]
    if not (folder / _COMPLETE).exists():
        runtimes.mkdir(parents=True, exist_ok=True)
        partial = runtimes / f"partial-{os.getpid()}"
        try:
            for wheel in wheels:
                _unpack(wheel, partial)
            (partial / _COMPLETE).write_text(names, encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        except OSError:
            if not (folder / _COMPLETE).exists():  # another Blender may have been quicker
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def remove_others(folder: Path) -> None:
    """Removes what older versions of the extension have left beside `folder`."""
    for other in folder.parent.iterdir():
        if other != folder and not other.name.startswith("partial-"):
            shutil.rmtree(other, ignore_errors=True)


def _checksum(wheel: Path) -> int:
    """Changes with the content: of versions in the making there are several with one name."""
    with zipfile.ZipFile(wheel) as packed:
        listed = "".join(f"{entry.filename} {entry.CRC}\n" for entry in packed.infolist())
    return zlib.crc32(listed.encode())


def _unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        for entry, name in _places(packed.infolist()):
            target = folder / name
            if not target.resolve().is_relative_to(folder.resolve()):
                raise zipfile.BadZipFile(f"{wheel.name} would write to {name}")
            target.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(entry) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy)
            mode = entry.external_attr >> 16
            if mode & 0o111:
                with contextlib.suppress(OSError):
                    target.chmod(0o755)


def _places(entries: Iterable[zipfile.ZipInfo]) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    """Each file with where it goes: some wheels have their modules in a folder `….data`."""
    for entry in entries:
        parts = entry.filename.split("/")
        if entry.is_dir():
            continue
        if parts[0].endswith(".data"):
            if parts[1] not in ("purelib", "platlib"):
                continue  # programs and headers, which nothing here uses
            parts = parts[2:]
        yield entry, "/".join(parts)


if __name__ == "__main__":
    main()
