"""The extension comes and goes without a trace."""

from __future__ import annotations

from pathlib import Path

from tests.flamenco_addon.in_bpy import run_in_bpy

TWENTY_TIMES = """
import sys, threading
import addon_utils

def traces():
    return {
        "classes": sorted(
            name for kind in ("Panel", "Operator", "PropertyGroup", "AddonPreferences", "UIList",
                              "Menu", "Header")
            for each in getattr(bpy.types, kind).__subclasses__()
            if each.is_registered and "flamenco_addon" in each.__module__
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
        "path": list(sys.path),
    }

before = traces()
during = []
for _ in range(20):
    addon_utils.enable("flamenco_addon", default_set=True)
    during.append(traces())
    addon_utils.disable("flamenco_addon", default_set=True)
    from flamenco_addon import background
    assert not bpy.app.timers.is_registered(background._tick)
deadline = __import__("time").monotonic() + 30
while (after := traces()) != before and __import__("time").monotonic() < deadline:
    __import__("time").sleep(0.05)
answer([before, during[0], during[-1], after])
"""


def test_registering_twenty_times_leaves_nothing_behind(tmp_path: Path) -> None:
    before, first, last, after = run_in_bpy(TWENTY_TIMES, home=tmp_path, enable=False)
    assert after == before
    assert first["classes"] == last["classes"] != []
    assert first["handlers"] == last["handlers"]


def test_it_can_be_imported_from_any_checkout_without_being_enabled(tmp_path: Path) -> None:
    script = "import flamenco_addon, sys; answer('flamenco_core' in sys.modules)"
    assert run_in_bpy(script, home=tmp_path, enable=False) is False
