"""The wheels that extensions carry, fetched once by pip and kept in the user's cache.

For a Python that has `TOOLS`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

from environment import ROOT, CannotGoOnError
from extension_editions import BROUGHT_BY_BLENDER, Edition, Platform, Release

TOOLS = ("build>=1.2", "packaging>=24", "pip>=23")
LOCAL_FARM_EXTRAS = ("javascript", "manager", "worker")
"""Of the project: what the programs of the local farm need."""
_CACHE_VARIABLE = "FLAMENCO_TEST_CACHE"
_PINNED_FOR_NUMPY_1 = ("OpenImageIO<3.1",)


def pure_wheels(edition: Edition) -> list[Path]:
    """What Blender unpacks for an edition. Raises `CannotGoOnError`."""
    return _fetched([*edition.wheels], edition.python, tags=("any",), with_dependencies=False)


def packing_wheels(edition: Edition) -> list[Path]:
    """What only the process that packs imports. Raises `CannotGoOnError`."""
    return _fetched([*edition.packing], edition.python, tags=("any",), with_dependencies=False)


def runtime_wheels(platform: Platform, python: Release) -> list[Path]:
    """What the local farm runs with on a platform: the project itself, then all that it needs.

    What Blender's own Python has is left out. Raises `CannotGoOnError`.
    """
    wanted = _requirements_of_local_farm(platform, python)
    found = _fetched(wanted, python, tags=platform.tags, with_dependencies=True)
    needed = [wheel for wheel in found if _project_of(wheel) not in BROUGHT_BY_BLENDER]
    return [project_wheel(), *needed]


def project_wheel() -> Path:
    """The project as a wheel, built from the checkout as it is."""
    folder = Path(tempfile.mkdtemp(prefix="flamenco-wheel-"))
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    # The same time in each entry, so that the same sources give the same bytes.
    _run(command, "build the project's wheel", {"SOURCE_DATE_EPOCH": "315532800"})
    (wheel,) = folder.glob("*.whl")
    return wheel


def _requirements_of_local_farm(platform: Platform, python: Release) -> list[str]:
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*project["dependencies"]]
    for extra in LOCAL_FARM_EXTRAS:
        listed += project["optional-dependencies"][extra]
    there = {
        "sys_platform": platform.system,
        "platform_machine": platform.machine,
        "python_version": ".".join(map(str, python)),
    }
    wanted = []
    for text in listed:
        requirement = Requirement(text)
        # pip would decide for the machine that it runs on.
        if requirement.marker is None or requirement.marker.evaluate(there):
            requirement.marker = None
            wanted.append(str(requirement))
    return [*wanted, *(_PINNED_FOR_NUMPY_1 if python == (3, 11) else ())]


def _fetched(
    wanted: Sequence[str], python: Release, *, tags: Sequence[str], with_dependencies: bool
) -> list[Path]:
    """Once fetched, the same versions are used for as long as they are in the cache."""
    key = json.dumps([sorted(wanted), python, [*tags], with_dependencies])
    folder = cache_folder() / "wheels" / hashlib.sha256(key.encode()).hexdigest()[:16]
    if not folder.exists():
        print(f"Fetching {', '.join(wanted)} …", flush=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix="partial-"))
        abi = f"cp{python[0]}{python[1]}"
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input"),
            *("--disable-pip-version-check", "--only-binary=:all:", "--dest", str(partial)),
            *("--python-version", ".".join(map(str, python)), "--implementation", "cp"),
            *(word for each in (abi, "abi3", "none") for word in ("--abi", each)),
            *(word for tag in tags for word in ("--platform", tag)),
            *([] if with_dependencies else ["--no-deps"]),
            *wanted,
        ]
        try:
            _run(command, "fetch the wheels")
            partial.rename(folder)
        except OSError:
            if not folder.exists():  # somebody else may have been quicker
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return sorted(folder.glob("*.whl"))


def cache_folder() -> Path:
    named = os.environ.get(_CACHE_VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "flamenco-python"


def _project_of(wheel: Path) -> str:
    """The name of its project, in the one spelling that counts."""
    return re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower()


def _run(
    command: Sequence[str], purpose: str, more_environment: dict[str, str] | None = None
) -> None:
    answer = subprocess.run(
        command,
        env=os.environ | (more_environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if answer.returncode != 0:
        last = "\n  ".join((answer.stdout + answer.stderr).strip().splitlines()[-12:])
        raise CannotGoOnError(f"Could not {purpose}. The last lines were:\n  {last}")
