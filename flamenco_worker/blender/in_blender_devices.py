"""Runs inside Blender: which devices Cycles can render on, and which of them it is to use.

Run from its bare file with `REQUEST` as a global, `{"list": True}`, it prints one line,
`LIST_PREFIX` and JSON, with Blender's version and its devices. `in_blender_report.py`, which gives
it `BPY`, calls `use_devices` before a render. Preferences are changed in this Blender only, and
never saved.

Cycles renders in one way at a time (`OPTIX`, `CUDA` …), on those of its devices that are marked
for use; the processor is listed in each of these ways, and can help. Where a way has no marked
device, Cycles renders on the processor without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

LIST_PREFIX = "flamenco-devices: "
WAYS = ("OPTIX", "CUDA", "HIP", "ONEAPI", "METAL")
"""Blender's names, best first where a card offers several."""

bpy: Any
"""Imported at the end, so that the worker can read this module without Blender."""


def list_devices(preferences: Any) -> list[dict[str, str]]:
    """Type, name and id of every device, in all ways in which it can be used."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for way in _ways(preferences):
        for device in preferences.get_devices_for_type(way):
            found[device.type, device.id] = {
                "type": device.type,
                "name": device.name,
                "id": device.id,
            }
    return sorted(found.values(), key=_by_type)


def use_devices(scene: Any, preferences: Any, wishes: Sequence[Sequence[str]]) -> str:
    """Has Cycles render on what is wished for, as pairs of kind and which (see `device_wishes`).

    Returns a sentence if a graphics card was wished for that is not there, or that Blender does
    not take when it is told to; the processor is set then.
    """
    if scene.render.engine != "CYCLES":
        return ""
    cards = [(kind, which) for kind, which in wishes if kind != "cpu"]
    if not cards or preferences is None:
        scene.cycles.device = "CPU"
        return "This Blender has no preferences of Cycles" if cards else ""
    way, chosen = _choose(preferences, cards)
    if not chosen:
        scene.cycles.device = "CPU"
        asked = ", ".join(f"{kind}:{which}" if which else kind for kind, which in cards)
        there = ", ".join(_text(device) for device in list_devices(preferences)) or "none"
        return f"Blender has no device {asked} here; there are: {there}"
    preferences.compute_device_type = way
    uses_processor = any(kind == "cpu" for kind, _which in wishes)
    for device in preferences.get_devices_for_type(way):
        is_processor = device.type == "CPU"
        device.use = uses_processor if is_processor else device.id in chosen
    scene.cycles.device = "GPU"
    # Read back, not believed.
    in_use = device_in_use(scene, preferences)
    return "Blender renders on the CPU, though it was told otherwise" if in_use == "CPU" else ""


def device_in_use(scene: Any, preferences: Any) -> str | None:
    """What Cycles is set to render on; None for other engines, which choose by themselves."""
    if scene.render.engine != "CYCLES":
        return None
    if scene.cycles.device == "CPU":
        return "CPU"
    way = preferences.compute_device_type if preferences is not None else "NONE"
    if way == "NONE":
        return "CPU"  # Cycles falls back to it
    devices = [device for device in preferences.get_devices_for_type(way) if device.use]
    if all(device.type == "CPU" for device in devices):
        return "CPU"
    return f"{way}: {', '.join(device.name for device in devices)}"


def _choose(preferences: Any, cards: Iterable[tuple[str, str]]) -> tuple[str, set[str]]:
    """The best way that offers all of the cards, and their ids; none if no way does."""
    wanted = list(cards)
    kinds = {kind for kind, _which in wanted}
    ways = WAYS if kinds == {"gpu"} else tuple(kind.upper() for kind in kinds if kind != "gpu")
    for way in ways:
        if way not in _ways(preferences):
            continue
        devices = [each for each in preferences.get_devices_for_type(way) if each.type == way]
        chosen = [_fitting(devices, which) for _kind, which in wanted]
        if all(chosen):
            return way, {device.id for fitting in chosen for device in fitting}
    return "NONE", set()


def _fitting(devices: Sequence[Any], which: str) -> list[Any]:
    if not which:
        return list(devices)
    if which.isdigit():
        return list(devices[int(which) : int(which) + 1])
    return [device for device in devices if which.casefold() in device.name.casefold()]


def _ways(preferences: Any) -> list[str]:
    """Those that this Blender was built with."""
    known = [way[0] for way in preferences.get_device_types(bpy.context)]
    return [way for way in WAYS if way in known]


def _by_type(device: dict[str, str]) -> tuple[int, str]:
    order = (*WAYS, "CPU")
    kind = device["type"]
    return (order.index(kind) if kind in order else len(order), device["id"])


def _text(device: dict[str, str]) -> str:
    return f"{device['type'].lower()} ({device['name']})"


def cycles_preferences() -> Any:
    """None if Cycles is not there."""
    addon = bpy.context.preferences.addons.get("cycles")
    return addon.preferences if addon else None


def _main() -> None:
    preferences = cycles_preferences()
    devices = list_devices(preferences) if preferences is not None else []
    content = {"version": list(bpy.app.version), "devices": devices}
    # A line of its own, even if something has left one unfinished.
    print("\n" + LIST_PREFIX + json.dumps(content), flush=True)


if "BPY" in globals():
    bpy = globals()["BPY"]
elif "REQUEST" in globals():
    import bpy

    _main()
