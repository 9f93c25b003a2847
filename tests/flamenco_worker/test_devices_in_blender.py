"""Recorded devices in Blender's own preferences: its code lists, chooses and marks them.

Only what its drivers would say is put in their place; the preferences, the rules of their lists and
what may be set are those of the Blender that runs.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from flamenco_worker.blender import in_blender_devices
from flamenco_worker.blender.in_blender_devices import WAYS
from tests.flamenco_addon.bpy_pythons import OWN, bpy_python
from tests.flamenco_worker.blenders import ROOT, BlenderProgram
from tests.flamenco_worker.recorded_devices import MACHINES, NVIDIA, WORKSTATION

ASKS: dict[str, list[tuple[str, str]]] = {
    "all cards": [("gpu", "")],
    "the second": [("gpu", "1")],
    "cards and processor": [("gpu", ""), ("cpu", "")],
    "the other way": [("cuda", "")],
    "by name": [("oneapi", "graphics")],
    "processor": [("cpu", "")],
}
PREFIX = "seen: "
SCRIPT = """
import bpy, json, runpy
import _cycles

def use(machine):
    _cycles.get_device_types = lambda: tuple(
        way in machine for way in ('CUDA', 'OPTIX', 'HIP', 'METAL', 'ONEAPI', 'HIPRT')
    )
    _cycles.available_devices = lambda way: tuple(
        (name, kind, key, False, False, True, True, True)
        for kind, name, key in machine.get(way, [])
    )
    preferences = bpy.context.preferences.addons['cycles'].preferences
    preferences.devices.clear()
    return preferences

def outcome(machine, wishes):
    preferences = use(machine)
    scene = bpy.context.scene
    told = module['use_devices'](scene, preferences, wishes)
    way = preferences.compute_device_type if scene.cycles.device == 'GPU' else 'NONE'
    used = [each.id for each in preferences.get_devices_for_type(way) if each.use]
    return {'told': told, 'device': scene.cycles.device, 'way': way, 'used': used,
            'in use': module['device_in_use'](scene, preferences)}

asked = json.loads(ASKED)
module = runpy.run_path(MODULE, init_globals={'BPY': bpy})
bpy.context.scene.render.engine = 'CYCLES'
seen = {}
for name, machine in asked['machines'].items():
    seen[name] = {ask: outcome(machine, wishes) for ask, wishes in asked['asks'].items()}
    seen[name]['list'] = module['list_devices'](use(machine))
print('\\n' + PREFIX + json.dumps(seen), flush=True)
"""


@pytest.fixture(
    scope="module",
    params=[OWN, *(pytest.param(name, marks=pytest.mark.thorough) for name in ("4.2", "5.1+"))],
)
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What happened in one Blender on each machine, for each ask."""
    folder = tmp_path_factory.mktemp("devices")
    start = folder / "blender"
    module = "flamenco_worker.blender.bpy_command_line"
    run = f"PYTHONPATH='{ROOT}' exec '{bpy_python(request.param)}' -m {module}"
    start.write_text(f'#!/bin/sh\n{run} "$@"\n')
    start.chmod(0o755)
    asked = json.dumps({"machines": MACHINES, "asks": ASKS})
    given = {"ASKED": asked, "MODULE": in_blender_devices.__file__, "PREFIX": PREFIX}
    constants = "\n".join(f"{name} = {value!r}" for name, value in given.items())
    script = folder / "script.py"
    script.write_text(f"{constants}\n{SCRIPT}")
    blender = BlenderProgram("bpy", (str(start),))
    printed = blender.run("--factory-startup", "--python", str(script), folder=folder).stdout
    lines = [line for line in printed.splitlines() if line.startswith(PREFIX)]
    assert lines, printed
    return json.loads(lines[-1].removeprefix(PREFIX))


def cards(way: str, machine: str) -> list[str]:
    return [key for kind, _name, key in MACHINES[machine].get(way, []) if kind != "CPU"]


@pytest.mark.parametrize("machine", MACHINES)
def test_blender_lists_each_device_once_the_best_way_first(seen: Any, machine: str) -> None:
    expected = [
        {"type": kind, "name": name, "id": key}
        for way in WAYS
        for kind, name, key in sorted(MACHINES[machine].get(way, []), key=lambda each: each[2])
        if kind != "CPU"
    ]
    listed = seen[machine]["list"]
    assert [each for each in listed if each["type"] != "CPU"] == expected
    assert [each["type"] for each in listed].count("CPU") == (1 if expected else 0)


@pytest.mark.parametrize("machine", MACHINES)
def test_blender_renders_on_the_cards_that_were_asked_for(seen: Any, machine: str) -> None:
    best = next((way for way in WAYS if cards(way, machine)), "NONE")
    found = seen[machine]
    if best == "NONE":
        assert found["all cards"]["told"].startswith("Blender has no device gpu here")
        assert found["all cards"]["device"] == "CPU"
        return
    assert found["all cards"] == {
        "told": "",
        "device": "GPU",
        "way": best,
        "used": cards(best, machine),
        "in use": found["all cards"]["in use"],
    }
    assert found["all cards"]["in use"].startswith(f"{best}: ")
    assert found["cards and processor"]["used"] == [*cards(best, machine), "CPU"]
    second = cards(best, machine)[1:2]
    assert found["the second"]["used"] == second
    assert (found["the second"]["told"] == "") is bool(second)
    cuda = cards("CUDA", machine)
    assert found["the other way"]["used"] == cuda
    assert found["the other way"]["way"] == ("CUDA" if cuda else "NONE")
    assert found["processor"]["device"] == found["processor"]["in use"] == "CPU"


def test_the_graphics_of_a_processor_are_used_only_where_they_are_asked_for(seen: Any) -> None:
    assert cards("ONEAPI", "workstation") == seen["workstation"]["by name"]["used"]
    assert seen["workstation"]["all cards"]["used"] == [WORKSTATION["OPTIX"][0][2]]
    assert seen["nvidia"]["all cards"]["used"] == [each[2] for each in NVIDIA["OPTIX"][:2]]
