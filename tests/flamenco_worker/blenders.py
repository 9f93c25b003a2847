"""The Blenders that tests render with, and .blend files made by them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TIME_LIMIT = 120
"""Seconds. `bpy` can hang at its end, so that it always runs with a limit."""

ROOT = Path(__file__).resolve().parent.parent.parent

SMALL_SCENE = """
import bpy
scene = bpy.context.scene
scene.render.engine = 'CYCLES'
scene.cycles.samples = 1
scene.cycles.use_denoising = False
scene.render.resolution_x, scene.render.resolution_y = 64, 48
scene.render.resolution_percentage = 50
scene.frame_start, scene.frame_end = 1, 4
"""
"""A scene that renders in no time: 32 × 24 pixels."""

_SAVE_MANY = """
import bpy, json, os, traceback
for folder, script in json.loads({asked!r}):
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    os.makedirs(folder)
    os.chdir(folder)
    try:
        exec(script, {{}})
        bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, 'scene.blend'))
    except Exception:
        traceback.print_exc()
"""


@dataclass(frozen=True)
class BlenderProgram:
    """A Blender, and how to start it."""

    name: str
    command: tuple[str, ...]

    @property
    def exe(self) -> str:
        return self.command[0]

    @property
    def exe_args(self) -> str:
        """What has to come behind the program, as one text."""
        return " ".join([*self.command[1:], "-b"])

    def run(self, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Runs it without a window in `folder`; standard error counts as output."""
        return subprocess.run(
            [*self.command, "-b", *arguments],
            cwd=folder,
            # Blender takes PWD for the current folder, right or wrong.
            env=os.environ
            | {"BLENDER_USER_RESOURCES": str(folder / "resources"), "PWD": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=TIME_LIMIT,
            check=False,
        )

    def make_blend(self, path: Path, script: str = "") -> Path:
        """Saves the small scene, changed by `script`, as a .blend file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        source = f"{SMALL_SCENE}\n{script}\nbpy.ops.wm.save_as_mainfile(filepath={str(path)!r})"
        made = self.run("--factory-startup", "--python-expr", source, folder=path.parent)
        assert path.is_file(), made.stdout
        return path

    def make_blends(self, folder: Path, scripts: Mapping[str, str]) -> dict[str, Path]:
        """Saves the small scene once for each script, with one start of Blender for all of them.

        Each lies in a folder of its own, which is the current one while its script runs.
        """
        folders = {name: folder / str(number) for number, name in enumerate(scripts)}
        asked = [(str(folders[name]), SMALL_SCENE + script) for name, script in scripts.items()]
        source = _SAVE_MANY.format(asked=json.dumps(asked))
        made = self.run("--factory-startup", "--python-expr", source, folder=folder)
        blends = {name: folders[name] / "scene.blend" for name in scripts}
        missing = [name for name, path in blends.items() if not path.is_file()]
        assert not missing, f"not made: {missing}\n{made.stdout}"
        return blends


BPY = BlenderProgram("bpy", (sys.executable, "-m", "flamenco_worker.blender.bpy_command_line"))
