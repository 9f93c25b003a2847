"""Blender installs the extension from the farm's Manager, and updates it from there."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from build_extension import put_into_manager
from tests.flamenco_addon.bpy_pythons import bpy_python
from tests.flamenco_addon.in_bpy import run_in_bpy
from tests.manager_service.running_manager import RunningManager

MODULE = "bl_ext.farm.flamenco_python"

INSTALL = """
preferences = bpy.context.preferences
preferences.extensions.repos.new(name="Farm", module="farm", remote_url=url)
assert bpy.ops.extensions.repo_sync_all() == {"FINISHED"}
index = [each.module for each in preferences.extensions.repos].index("farm")
bpy.ops.extensions.package_install(
    repo_index=index, pkg_id="flamenco_python", enable_on_install=True)
import importlib, tomllib
def installed():
    folder = Path(importlib.import_module(module).__file__).parent
    manifest = tomllib.loads((folder / "blender_manifest.toml").read_text())
    return manifest["version"], manifest["blender_version_min"]
first = installed()
"""
UPGRADE = """
import shutil, sys
core = sys.modules["flamenco_core"].__file__
shutil.copyfile(newer, Path(served) / Path(newer).name)
bpy.ops.extensions.repo_sync_all()
bpy.ops.extensions.package_upgrade_all()
connection = importlib.import_module(f"{module}.connection")
answer([first, installed(), connection.current().condition.state, core])
"""


@pytest.mark.parametrize(
    ("blender", "for_blenders"),
    [
        pytest.param("4.2", "4.2.0", marks=pytest.mark.thorough),
        ("4.5", "4.2.0"),
        pytest.param("5.1+", "5.1.0", marks=pytest.mark.thorough),
    ],
)
def test_blender_installs_the_one_for_it_and_updates_it(
    blender: str, for_blenders: str, extension_zip: Path, extension_zip_5_1: Path, tmp_path: Path
) -> None:
    farm = tmp_path / "farm"
    farm.mkdir()
    put_into_manager([extension_zip, extension_zip_5_1], farm)
    mine = extension_zip if for_blenders == "4.2.0" else extension_zip_5_1
    newer = with_version(mine, tmp_path / f"newer-{mine.name}", "9.8.7")
    with RunningManager(farm) as manager:
        first, second, state, core = run_in_bpy(
            INSTALL + UPGRADE,
            home=tmp_path / "user",
            names={
                "url": f"http://127.0.0.1:{manager.port}/api/v3/extension/index.json",
                "module": MODULE,
                "newer": str(newer),
                "served": str(farm / "extension"),
            },
            python=bpy_python(blender),
            enable=False,
        )
    assert first[1] == second[1] == for_blenders
    assert first[0] != second[0] == "9.8.7"
    assert state == "unknown"
    assert Path(core).is_relative_to(tmp_path / "user")


def with_version(extension: Path, target: Path, version: str) -> Path:
    """The same extension as if it were a later release."""
    with zipfile.ZipFile(extension) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "blender_manifest.toml":
                lines = content.decode().splitlines()
                lines = [
                    f'version = "{version}"' if each.startswith("version =") else each
                    for each in lines
                ]
                content = "\n".join(lines).encode()
            new.writestr(entry, content)
    return target
