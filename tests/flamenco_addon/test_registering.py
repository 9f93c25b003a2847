"""The extension comes and goes without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flamenco_addon.blender_window import MODULE
from tests.flamenco_addon.bpy_pythons import BLENDERS, bpy_python
from tests.flamenco_addon.in_bpy import ROOT, run_in_bpy

TWENTY_TIMES = """
import logging, sys, threading, time
import addon_utils

def traces():
    return {
        "classes": sorted(
            name for kind in ("Panel", "Operator", "PropertyGroup", "AddonPreferences", "UIList",
                              "Menu", "Header")
            for each in getattr(bpy.types, kind).__subclasses__()
            if each.is_registered and "flamenco" in each.__module__
            for name in [each.__name__]
        ),
        "properties": {
            kind: sorted(name for name in getattr(bpy.types, kind).bl_rna.properties.keys())
            for kind in ("Scene", "WindowManager", "Object", "World", "ViewLayer", "Window")
        },
        "handlers": {
            name: len(getattr(bpy.app.handlers, name))
            for name in dir(bpy.app.handlers)
            if isinstance(getattr(bpy.app.handlers, name), list)
        },
        "threads": sorted(each.name for each in threading.enumerate()),
        "menus": sorted(
            f"{name}: {each.__module__}" for name in dir(bpy.types)
            if hasattr(menu := getattr(bpy.types, name), "draw")
            for each in getattr(menu.draw, "_draw_funcs", ())
            if "flamenco" in each.__module__
        ),
        # Blender itself adds the folder of all extensions' wheels.
        "path": [path for path in sys.path if ".local" not in path],
        "log handlers": [len(logging.root.handlers), len(logging.getLogger("bl_ext").handlers)],
        "core": [name for name in sys.modules if name.startswith("flamenco_core")][:1],
        "addons": list(bpy.context.preferences.addons.keys()),
    }

bpy.ops.extensions.package_install_files(
    filepath=zip, repo="user_default", enable_on_install=False)
before = traces()
during = []
for _ in range(20):
    assert addon_utils.enable(module, default_set=True)
    during.append(traces())
    background = sys.modules[f"{module}.background"]
    addon_utils.disable(module, default_set=True)
    assert not bpy.app.timers.is_registered(background._tick)
deadline = time.monotonic() + 120
while (after := traces()) != before and time.monotonic() < deadline:
    time.sleep(0.05)
answer([before, during[0], during[-1], after])
"""


@pytest.mark.parametrize("blender", BLENDERS)
def test_registering_twenty_times_leaves_nothing_behind(
    tmp_path: Path, extension_zip: Path, extension_zip_5_1: Path, blender: str
) -> None:
    extension = extension_zip_5_1 if blender == "5.1+" else extension_zip
    names = {"zip": str(extension), "module": MODULE}
    python = bpy_python(blender)
    before, first, last, after = run_in_bpy(
        TWENTY_TIMES, home=tmp_path, names=names, enable=False, python=python, limit=280
    )
    assert after == before
    assert first == last
    assert first["classes"] != []


def test_an_update_does_not_meet_the_core_of_the_version_before(
    tmp_path: Path, extension_zip: Path
) -> None:
    script = """
        import sys, addon_utils
        before = sys.modules["flamenco_core"]
        addon_utils.disable(module)
        gone = [name for name in sys.modules if name.startswith("flamenco_core")]
        addon_utils.enable(module)
        answer([gone, sys.modules["flamenco_core"] is before])
    """
    answer = run_in_bpy(script, home=tmp_path, names={"module": MODULE}, extension=extension_zip)
    assert answer == [[], False]


def test_importing_it_without_enabling_it_imports_nothing_else(tmp_path: Path) -> None:
    script = """
        import sys
        sys.path.insert(0, root)
        import flamenco_addon
        answer(sorted(name for name in sys.modules if name.startswith("flamenco_")))
    """
    imported = run_in_bpy(script, home=tmp_path, names={"root": str(ROOT)}, enable=False)
    assert imported == ["flamenco_addon", "flamenco_addon.core_location"]
