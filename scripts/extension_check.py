"""Has Blender's own tool look at an extension; any Blender from 4.2 on brings it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from environment import ROOT, CannotGoOnError
from window_blenders import installed_window_blender

_TOOL = "scripts/addons_core/bl_pkg/cli/blender_ext.py"
_PLACES = {
    "linux": ("/usr/share/blender", "/opt", "/snap/blender/current"),
    "darwin": ("/Applications",),
    "win32": ("C:/Program Files/Blender Foundation",),
}


def validate(extension: Path, tool: Path) -> None:
    """Raises `CannotGoOnError` with what the tool says of a folder or a zip, unless it is good."""
    answer = subprocess.run(
        [sys.executable, str(tool), "validate", str(extension)],
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        said = (answer.stdout + answer.stderr).strip()
        raise CannotGoOnError(f"Blender does not take {extension.name} for an extension:\n{said}")


def validating_tool() -> Path | None:
    """The newest one on this machine; None if there is no Blender."""
    return max(_tools(), default=None, key=lambda tool: tool.stat().st_mtime)


def _tools() -> Iterator[Path]:
    spec = find_spec("bpy")
    if spec is not None and spec.origin:
        yield from Path(spec.origin).parent.glob(f"*/{_TOOL}")
    for environment in ROOT.glob(".venv*"):
        for packages in ("lib/python*/site-packages", "Lib/site-packages"):
            yield from environment.glob(f"{packages}/bpy/*/{_TOOL}")
    window = installed_window_blender()
    if window is not None:
        yield from window.root.glob(f"usr/share/blender/{_TOOL}")
        yield from window.root.glob(f"usr/share/blender/*/{_TOOL}")
    for place in map(Path, _PLACES.get(sys.platform, ())):
        for depth in ("", "*/", "blender*/*/", "Blender*/Contents/Resources/*/", "Blender*/*/"):
            yield from place.glob(f"{depth}{_TOOL}")
