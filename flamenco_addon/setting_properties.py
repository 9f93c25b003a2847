"""What Blender property each setting of a job type becomes, and how the panel groups them.

No `bpy` here: a plan names the function of `bpy.props` and its arguments.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flamenco_core.job_types.setting import AUTOEVAL_PREFIX, INT32_HIGHEST, INT32_LOWEST
from flamenco_core.model import (
    AvailableJobSetting,
    AvailableJobType,
    SettingSubtype,
    SettingType,
    SettingVisibility,
)

LINK_PREFIX = AUTOEVAL_PREFIX
"""Before the key: the switch "take the value from Blender"."""

_SHOWN = frozenset({SettingVisibility.VISIBLE, SettingVisibility.SUBMISSION})

_SUBTYPES = {
    SettingSubtype.FILE_PATH: "FILE_PATH",
    SettingSubtype.DIR_PATH: "DIR_PATH",
    SettingSubtype.FILE_NAME: "FILE_NAME",
    SettingSubtype.HASHED_FILE_PATH: "FILE_PATH",
}

_FACTORIES = {
    SettingType.STRING: "StringProperty",
    SettingType.BOOL: "BoolProperty",
    SettingType.INT32: "IntProperty",
    SettingType.FLOAT: "FloatProperty",
}

_NUMBER_ARGUMENTS = ("min", "max", "soft_min", "soft_max", "step", "subtype")
_MORE_ARGUMENTS: Mapping[SettingType, tuple[str, ...]] = {
    SettingType.STRING: ("maxlen",),
    SettingType.BOOL: ("subtype",),
    SettingType.INT32: _NUMBER_ARGUMENTS,
    SettingType.FLOAT: (*_NUMBER_ARGUMENTS, "precision", "unit"),
}
"""What a job type may say in `propargs`; the rest is for other programs, or a slip."""

_LIMITS = frozenset({"min", "max", "soft_min", "soft_max"})


@dataclass(frozen=True, slots=True)
class PropertyPlan:
    """One property of a generated property group."""

    key: str
    factory: str
    """The function of `bpy.props`."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """For that function; the choices of an enum are under `items`."""
    is_computed: bool = False
    """Read only: its value follows from other things each time it is looked at."""


@dataclass(frozen=True, slots=True)
class SettingsGroup:
    """Settings that stand together in the panel."""

    identifier: str
    label: str
    settings: tuple[AvailableJobSetting, ...]


def is_shown(setting: AvailableJobSetting) -> bool:
    """Whether the artist sees it when submitting; hidden ones are filled in without asking."""
    return setting.visible is None or setting.visible in _SHOWN


def is_editable(setting: AvailableJobSetting) -> bool:
    return setting.editable is not False


def can_be_linked(setting: AvailableJobSetting) -> bool:
    """Whether there is a switch that lets Blender fill it in."""
    has_switch = setting.evalInfo is not None and setting.evalInfo.showLinkButton
    return bool(setting.eval) and has_switch and is_editable(setting)


def is_path(setting: AvailableJobSetting) -> bool:
    return setting.subtype in (
        SettingSubtype.FILE_PATH,
        SettingSubtype.DIR_PATH,
        SettingSubtype.HASHED_FILE_PATH,
    )


def label_of(setting: AvailableJobSetting) -> str:
    """Its label, else one made of the key as Blender writes names: `chunk_size` → Chunk Size."""
    return str(setting.label) if setting.label else setting.key.replace("_", " ").strip().title()


def link_key(setting: AvailableJobSetting) -> str:
    return f"{LINK_PREFIX}{setting.key}"


def property_plans(job_type: AvailableJobType) -> list[PropertyPlan]:
    """The properties of the group for this job type, in order, with those of the switches."""
    plans: list[PropertyPlan] = []
    for setting in job_type.settings:
        plans.append(_plan(setting))
        if can_be_linked(setting):
            plans.append(_link_plan(setting))
    return plans


def python_name(job_type_name: str) -> str:
    """The name of a job type as one in Python; different job types have different ones."""
    name = re.sub(r"\W", "_", job_type_name, flags=re.ASCII)
    if not re.match(r"[A-Za-z]", name):
        name = f"type_{name}"
    # Blender cuts names of properties after 63 bytes.
    is_plain = name == job_type_name.replace("-", "_") and len(name) <= 50
    return name if is_plain else f"{name[:40]}_{stable_number(job_type_name):x}"


def stable_number(text: str) -> int:
    """A number for an item of an enum, the same whatever other items there are.

    Blender stores enums as numbers. With these, a list of choices can be longer, shorter or in
    another order the next time, and what was chosen stays chosen.
    """
    return zlib.crc32(text.encode()) >> 1


def numbered_choices(
    choices: Iterable[str], descriptions: Mapping[str, str] | None = None
) -> list[tuple[str, str, str, int]]:
    """Items for an enum, each choice once."""
    items: dict[str, tuple[str, str, str, int]] = {}
    taken: set[int] = set()
    for choice in choices:
        if choice in items:
            continue
        number = stable_number(choice)
        while number in taken:
            number = (number + 1) & 0x7FFFFFFF
        taken.add(number)
        items[choice] = (choice, choice, (descriptions or {}).get(choice, ""), number)
    return list(items.values())


def settings_groups(job_type: AvailableJobType) -> list[SettingsGroup]:
    """The settings that are shown, grouped as the panel shows them; no group is empty."""
    frames: list[AvailableJobSetting] = []
    output: list[AvailableJobSetting] = []
    others: list[AvailableJobSetting] = []
    for setting in job_type.settings:
        if not is_shown(setting):
            continue
        if _is_about_output(setting):
            output.append(setting)
        elif _is_about_frames(setting):
            frames.append(setting)
        else:
            others.append(setting)
    groups = (
        SettingsGroup("frames", "Frames", tuple(frames)),
        SettingsGroup("settings", "Settings", tuple(others)),
        SettingsGroup("output", "Output", tuple(output)),
    )
    return [group for group in groups if group.settings]


def fitting_value(setting: AvailableJobSetting, value: object) -> Any:
    """`value` if the setting can have it, a number brought within its limits, else None."""
    match setting.type:
        case SettingType.BOOL:
            return value if isinstance(value, bool) else None
        case SettingType.STRING:
            if not isinstance(value, str):
                return None
            return value if not setting.choices or value in setting.choices else None
        case SettingType.INT32:
            if isinstance(value, bool) or not isinstance(value, int):
                return None
            return int(_within(setting, max(INT32_LOWEST, min(value, INT32_HIGHEST))))
        case SettingType.FLOAT:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return None
            return float(_within(setting, float(value)))


def default_of(setting: AvailableJobSetting) -> Any:
    """The default, fit for the property: of the right type, a choice that there is."""
    if setting.choices and setting.type is SettingType.STRING:
        return setting.default if setting.default in setting.choices else setting.choices[0]
    fallback: Any = {
        SettingType.STRING: "",
        SettingType.BOOL: False,
        SettingType.INT32: 0,
        SettingType.FLOAT: 0.0,
    }[setting.type]
    fitting = fitting_value(setting, setting.default)
    return fitting_value(setting, fallback) if fitting is None else fitting


def _plan(setting: AvailableJobSetting) -> PropertyPlan:
    arguments: dict[str, Any] = {
        "name": label_of(setting),
        "description": str(setting.description or ""),
        "options": set(),
    }
    if not is_editable(setting):
        return PropertyPlan(setting.key, _FACTORIES[setting.type], arguments, is_computed=True)
    arguments["default"] = default_of(setting)
    if setting.choices and setting.type is SettingType.STRING:
        arguments["items"] = numbered_choices(setting.choices)
        return PropertyPlan(setting.key, "EnumProperty", arguments)
    if setting.subtype is not None and setting.type is SettingType.STRING:
        arguments["subtype"] = _SUBTYPES[setting.subtype]
    return PropertyPlan(setting.key, _FACTORIES[setting.type], arguments | _more_arguments(setting))


def _link_plan(setting: AvailableJobSetting) -> PropertyPlan:
    source = setting.evalInfo.description if setting.evalInfo else ""
    description = f"Take this from Blender: {source}" if source else "Take this from Blender"
    return PropertyPlan(
        link_key(setting),
        "BoolProperty",
        {
            "name": f"Link {label_of(setting)}",
            "description": description,
            "default": True,
            "options": set(),
        },
    )


def _more_arguments(setting: AvailableJobSetting) -> dict[str, Any]:
    given = setting.propargs or {}
    arguments: dict[str, Any] = {}
    for name in _MORE_ARGUMENTS[setting.type]:
        value = given.get(name)
        if value is None:
            continue
        if name in _LIMITS:
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            value = (
                max(INT32_LOWEST, min(int(value), INT32_HIGHEST))
                if setting.type is SettingType.INT32
                else float(value)
            )
        arguments[name] = value
    return arguments


def _within(setting: AvailableJobSetting, value: float) -> float:
    given = setting.propargs or {}
    lowest, highest = given.get("min"), given.get("max")
    if isinstance(lowest, int | float) and value < lowest:
        return lowest
    if isinstance(highest, int | float) and value > highest:
        return highest
    return value


def _is_about_output(setting: AvailableJobSetting) -> bool:
    return (
        is_path(setting)
        or setting.key in ("add_path_components", "format")
        or ("output" in setting.key)
    )


def _is_about_frames(setting: AvailableJobSetting) -> bool:
    return "frame" in setting.key or setting.key in ("chunk_size", "fps")
