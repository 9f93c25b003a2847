"""An artist without a window: scripts in `bpy` with the extension connected to a farm."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.flamenco_addon.blender_window import MODULE
from tests.flamenco_addon.bpy_pythons import OWN, bpy_python
from tests.flamenco_addon.in_bpy import run_in_bpy

_BEGINNING = """
import os, sys, warnings
from importlib import import_module
import addon_utils

def part(name):
    return import_module(f"{module}.{name}")

if zip_file:
    bpy.ops.extensions.package_install_files(
        filepath=zip_file, repo="user_default", enable_on_install=True)
background, connection = part("background"), part("connection")
job_settings, drivers = part("job_settings"), part("submission_drivers")
preferences = bpy.context.preferences.addons[module].preferences
preferences.manager_url = url
scene = bpy.context.scene

def connect():
    work = connection.refresh()
    if work is not None:
        background.wait_for(work)
    assert connection.current().is_connected, connection.current().condition

def small(scene):
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.render.resolution_x = scene.render.resolution_y = 16
    scene.render.image_settings.file_format = "PNG"
    scene.frame_start, scene.frame_end = 1, 3

def save(name="shot.blend"):
    folder = Path(project)
    folder.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / name))

def submit(**wishes):
    bpy.ops.flamenco.submit_job(**wishes)
    return [each for each in bpy.context.window_manager.flamenco_submitted_jobs.split(",") if each]

def refusal(operator, **wishes):
    try:
        operator(**wishes)
    except RuntimeError as error:
        return str(error).removeprefix("Error: ").strip()
    return ""
"""


def as_artist(
    script: str,
    *,
    home: Path,
    url: str,
    blender: str = OWN,
    extension: Path | None = None,
    names: Mapping[str, Any] | None = None,
) -> Any:
    """What the script gave to `answer`.

    It finds `connect`, `small`, `save`, `submit`, `refusal`, `scene`, and the extension's modules
    by `part(name)`. With `extension`, its zip is installed; else it comes from the checkout.
    """
    given: dict[str, Any] = {
        "url": url,
        "zip_file": str(extension or ""),
        "module": MODULE if extension else "flamenco_addon",
        "project": str(home / "project"),
    }
    return run_in_bpy(
        _BEGINNING + textwrap.dedent(script),
        home=home,
        names=given | dict(names or {}),
        python=bpy_python(blender),
        enable=extension is None,
        limit=240.0,
    )
