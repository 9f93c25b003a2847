"""The settings of the farm's job types as properties of each scene.

A scene has one group for each job type, below `scene.flamenco_settings`, so that switching between
job types loses nothing; `scene.flamenco_job_settings` is the group of the type that is chosen. The
groups are generated from what the Manager says, and generated again when that changes: values that
still fit stay, since Blender keeps them under the names of the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import bpy

from flamenco_core.errors import InvalidInput
from flamenco_core.model import AvailableJobSetting, AvailableJobType
from flamenco_core.packing import default_output_folder

from . import connection, expressions, own_properties
from .blender_types import OperatorResult, is_linked, persistent
from .job_values import ExpressionError, JobValues
from .own_properties import of_scene
from .setting_properties import (
    PropertyPlan,
    can_be_linked,
    fitting_value,
    is_editable,
    is_path,
    is_shown,
    link_key,
    property_plans,
    python_name,
)
from .submission_properties import job_name_of

SHOWN_PREFIX = "shown_"
"""Before the key: what a linked setting has at the moment, as text to look at."""

OUTPUT_ROOT = "render_output_root"
"""The one setting that farms cannot fill in by themselves, and that every artist has to."""

USUAL_JOB_TYPE = "simple-blender-render"
"""What a scene is that nobody has chosen a job type for."""


@dataclass(slots=True)
class _Registered:
    """What Blender was given for the farm that is connected."""

    job_types: dict[str, AvailableJobType] = field(default_factory=dict)
    groups: dict[str, type] = field(default_factory=dict)
    """The group of each job type, by the job type's name."""
    all_groups: type | None = None
    """The group that has these in it."""


_registered = _Registered()


def job_type_of(scene: bpy.types.Scene) -> AvailableJobType | None:
    """The job type that is chosen for a scene; None if none is, or the farm does not have it."""
    return _registered.job_types.get(of_scene(scene).flamenco_job_type_name)


def group_of(scene: bpy.types.Scene, name: str = "") -> Any:
    """The settings of a scene for a job type, by default the chosen one; None without one."""
    said = of_scene(scene)
    name = name or said.flamenco_job_type_name
    if name not in _registered.groups:
        return None
    return getattr(said.flamenco_settings, python_name(name))


def values_for(
    scene: bpy.types.Scene,
    job_type: AvailableJobType,
    *,
    job_name: str,
    decided: Mapping[str, Any] | None = None,
    settings_of: bpy.types.Scene | None = None,
) -> JobValues:
    """The values that a job for this scene has; nothing in the scene changes.

    With `settings_of`, another scene says what is not taken from Blender.
    """
    saying = settings_of or scene
    group = group_of(saying, job_type.name)
    stored = {
        setting.key: getattr(group, setting.key)
        for setting in job_type.settings
        if is_editable(setting) and (is_shown(setting) or group.is_property_set(setting.key))
    }
    farm = connection.current().farm
    if farm is not None and stored.get(OUTPUT_ROOT) == "":
        stored[OUTPUT_ROOT] = default_output_folder(farm.storage)
    return JobValues(
        job_type,
        stored=stored,
        linked=linked_settings(saying, job_type),
        evaluate=expressions.evaluator(scene, job_name),
        decided=decided,
    )


def linked_settings(scene: bpy.types.Scene, job_type: AvailableJobType) -> set[str]:
    """The settings that Blender fills in, as their switches say."""
    group = group_of(scene, job_type.name)
    return {
        setting.key
        for setting in job_type.settings
        if can_be_linked(setting) and getattr(group, link_key(setting))
    }


def fill_in(scene: bpy.types.Scene) -> None:
    """Gives settings that were never set, and that Blender can compute, their first value."""
    if is_linked(scene):
        return  # it is set where it comes from
    said = of_scene(scene)
    if not said.flamenco_job_type_name and USUAL_JOB_TYPE in _registered.job_types:
        said.flamenco_job_type_name = USUAL_JOB_TYPE  # which comes back here
        return
    job_type = job_type_of(scene)
    if job_type is None:
        return
    group = group_of(scene)
    values = values_for(scene, job_type, job_name=job_name_of(scene))
    for setting in job_type.settings:
        is_open = setting.eval and is_shown(setting) and is_editable(setting)
        if not is_open or can_be_linked(setting) or group.is_property_set(setting.key):
            continue
        try:
            value = fitting_value(setting, values.value(setting.key))
        except ExpressionError:
            continue  # it is said where the setting is drawn and before submitting
        if value is not None:
            setattr(group, setting.key, value)
    farm = connection.current().farm
    if farm is not None and hasattr(group, OUTPUT_ROOT) and not getattr(group, OUTPUT_ROOT):
        setattr(group, OUTPUT_ROOT, default_output_folder(farm.storage))


def computed_text(scene: bpy.types.Scene, job_type: AvailableJobType, key: str) -> str:
    """What a computed or linked setting has at the moment, for people."""
    try:
        value = values_for(scene, job_type, job_name=job_name_of(scene)).value(key)
    except ExpressionError as error:
        return f"({error.message})"
    return "" if value is None else str(value)


def sync() -> None:
    """Makes the groups be those of the farm that is connected, if they are not already."""
    farm = connection.current().farm
    wanted = {job_type.name: job_type for job_type in farm.job_types} if farm else {}
    if wanted == _registered.job_types and _registered.all_groups is not None:
        return
    _remove_groups()
    _registered.job_types.clear()
    _registered.job_types.update(wanted)
    _make_groups()
    data: Any = bpy.data
    if not isinstance(data, bpy.types.BlendData):
        return  # Blender is starting; there is no file yet, and its handler comes later
    for scene in data.scenes:
        settle(scene)


def settle(scene: bpy.types.Scene) -> None:
    """Lets go of stored values that do not fit their settings any more, and keeps the rest."""
    if is_linked(scene):
        return
    for name, job_type in _registered.job_types.items():
        group = group_of(scene, name)
        for setting in job_type.settings:
            if not is_editable(setting) or not group.is_property_set(setting.key):
                continue
            _settle_value(group, setting)
    fill_in(scene)


def _settle_value(group: Any, setting: AvailableJobSetting) -> None:
    if setting.choices:
        numbers = {item[3] for item in _plan_of(setting).arguments["items"]}
        raw = _raw_value(group, setting.key)
        if raw is not None and raw not in numbers:
            group.property_unset(setting.key)
        return
    value = getattr(group, setting.key)
    fitting = fitting_value(setting, value)
    if fitting is None:
        group.property_unset(setting.key)
    elif fitting != value:
        setattr(group, setting.key, fitting)


def _raw_value(group: Any, key: str) -> Any:
    """What is stored; for an enum its number."""
    if hasattr(group, "bl_system_properties_get"):  # Blender 5
        properties = group.bl_system_properties_get()
        return properties.get(key) if properties is not None else None
    return group.get(key)


def _plan_of(setting: AvailableJobSetting) -> PropertyPlan:
    job_type = AvailableJobType(name="x", label="x", settings=[setting], etag="")
    return property_plans(job_type)[0]


def _make_groups() -> None:
    make = own_properties.definitions
    members: dict[str, Any] = {}
    for name, job_type in _registered.job_types.items():
        group = _make_group(job_type)
        bpy.utils.register_class(group)
        _registered.groups[name] = group
        members[python_name(name)] = make.PointerProperty(type=group, name=job_type.label)
    together = type(
        "FLAMENCO_PG_settings", (bpy.types.PropertyGroup,), {"__annotations__": members}
    )
    bpy.utils.register_class(together)
    _registered.all_groups = together
    own_properties.add(
        bpy.types.Scene,
        flamenco_settings=make.PointerProperty(
            type=_registered.all_groups, name="Flamenco Job Settings"
        ),
        flamenco_job_settings=property(group_of),
    )


def _remove_groups() -> None:
    if _registered.all_groups is None:
        return
    own_properties.remove(bpy.types.Scene, "flamenco_settings", "flamenco_job_settings")
    bpy.utils.unregister_class(_registered.all_groups)
    _registered.all_groups = None
    for group in _registered.groups.values():
        bpy.utils.unregister_class(group)
    _registered.groups.clear()


def _make_group(job_type: AvailableJobType) -> type:
    members: dict[str, Any] = {}
    settings = {setting.key: setting for setting in job_type.settings}
    for plan in property_plans(job_type):
        setting = settings.get(plan.key)
        members[plan.key] = _property(plan, setting, job_type)
        if setting is not None and can_be_linked(setting):
            members[SHOWN_PREFIX + plan.key] = _shown_property(setting, job_type)
    name = f"FLAMENCO_PG_{python_name(job_type.name)}"[:60]
    description = {"__annotations__": members, "__doc__": job_type.description or job_type.label}
    return type(name, (bpy.types.PropertyGroup,), description)


def _property(
    plan: PropertyPlan, setting: AvailableJobSetting | None, job_type: AvailableJobType
) -> Any:
    arguments = dict(plan.arguments)
    if plan.is_computed:
        return _computed_property(arguments, plan.key, job_type)
    if setting is not None and is_path(setting) and bpy.app.version >= (4, 5, 0):
        arguments["options"] = {"PATH_SUPPORTS_BLEND_RELATIVE"}
    factory = getattr(bpy.props, plan.factory)
    try:
        return factory(**arguments)
    except (TypeError, ValueError):
        # What Blender does not accept of the job type's own arguments is left out.
        plain = ("name", "description", "options", "default", "items")
        return factory(**{name: arguments[name] for name in plain if name in arguments})


def _shown_property(setting: AvailableJobSetting, job_type: AvailableJobType) -> Any:
    source = setting.evalInfo.description if setting.evalInfo else ""
    arguments = {
        "name": _plan_of(setting).arguments["name"],
        "description": f"Taken from Blender: {source}" if source else "Taken from Blender",
        "options": set(),
    }
    return _computed_property(arguments, setting.key, job_type)


def _computed_property(arguments: dict[str, Any], key: str, job_type: AvailableJobType) -> Any:
    """Whatever the type of the setting, it can only be looked at, so a text will do."""

    def get(group: Any) -> str:
        return computed_text(group.id_data, job_type, key)

    return bpy.props.StringProperty(**arguments, get=get)


@persistent
def _after_loading(*_: object) -> None:
    """The file may have been saved with another version of the job types."""
    for scene in bpy.data.scenes:
        settle(scene)


def _after_trust() -> None:
    for scene in bpy.data.scenes:
        fill_in(scene)


def evaluate_setting(scene: bpy.types.Scene, key: str) -> None:
    """Fills in one setting with what its expression says.

    Raises:
        InvalidInput: there is no such setting, or its expression fails.
    """
    job_type = job_type_of(scene)
    group = group_of(scene)
    setting = (
        next((each for each in job_type.settings if each.key == key), None)
        if (job_type is not None)
        else None
    )
    if job_type is None or setting is None or not setting.eval:
        raise InvalidInput(f"No setting {key!r} of this job type is filled in by Blender")
    values = values_for(scene, job_type, job_name=job_name_of(scene))
    try:
        value = expressions.evaluator(scene, job_name_of(scene))(setting.eval, values)
    except ExpressionError as error:
        raise InvalidInput(f"{key}: {error.message}") from error
    fitting = fitting_value(setting, value if not hasattr(value, "parts") else str(value))
    if fitting is None:
        raise InvalidInput(f"{key} would become {value!r}, which does not fit")
    setattr(group, key, fitting)


class FLAMENCO_OT_eval_setting(bpy.types.Operator):
    """Fill in this setting with what Blender says at the moment"""

    bl_idname = "flamenco.eval_setting"
    bl_label = "Fill In"
    bl_options = {"REGISTER", "INTERNAL", "UNDO"}

    setting_key: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Setting", description="Name of the setting of the job type"
    )

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        if context.scene is None:
            return {"CANCELLED"}
        try:
            evaluate_setting(context.scene, self.setting_key)
        except InvalidInput as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


def register() -> None:
    bpy.utils.register_class(FLAMENCO_OT_eval_setting)
    sync()
    connection.on_change.append(sync)
    expressions.on_trust.append(_after_trust)
    bpy.app.handlers.load_post.append(_after_loading)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_after_loading)
    for functions, function in (
        (expressions.on_trust, _after_trust),
        (connection.on_change, sync),
    ):
        if function in functions:
            functions.remove(function)
    _remove_groups()
    _registered.job_types.clear()
    bpy.utils.unregister_class(FLAMENCO_OT_eval_setting)
