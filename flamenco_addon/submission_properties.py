"""What an artist says about a job apart from its type's settings; it lives in the .blend file.

Job type and tag are stored by name and id. Lists that grow or shrink do not change what a file
says, and a file may name what the connected farm does not have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from flamenco_core.model import DEFAULT_PRIORITY, HIGHEST_PRIORITY, LOWEST_PRIORITY

from . import connection, own_properties
from .setting_properties import stable_number

NONE = "-"
UNNAMED = "untitled"

_kept_items: dict[str, list[tuple[str, str, str, int]]] = {}
"""Blender does not hold on to the texts of dynamic enums, so they are held here."""


def job_name_of(scene: bpy.types.Scene) -> str:
    """The name that was given, else that of the file."""
    return (
        own_properties.of_scene(scene).flamenco_job_name.strip()
        or Path(bpy.data.filepath).stem
        or UNNAMED
    )


def _job_type_items(_scene: Any, _context: Any) -> list[tuple[str, str, str, int]]:
    farm = connection.current().farm
    items = [(NONE, "Select a Job Type", "What kind of job this is to be", 0)]
    for job_type in farm.job_types if farm else ():
        number = stable_number(job_type.name)
        items.append((job_type.name, job_type.label, job_type.description or "", number))
    return _kept("job types", items)


def _job_type_number(scene: Any) -> int:
    name = scene.flamenco_job_type_name
    farm = connection.current().farm
    is_known = farm is not None and farm.job_type(name) is not None
    return stable_number(name) if is_known else 0


def _set_job_type_number(scene: Any, number: int) -> None:
    farm = connection.current().farm
    names = [each.name for each in farm.job_types] if farm else []
    scene.flamenco_job_type_name = next(
        (name for name in names if stable_number(name) == number), ""
    )


def _job_type_chosen(scene: Any, _context: Any) -> None:
    from . import job_settings

    job_settings.fill_in(scene)


def _tag_items(_scene: Any, _context: Any) -> list[tuple[str, str, str, int]]:
    farm = connection.current().farm
    items = [(NONE, "All Workers", "Any worker may take the job", 0)]
    items += [
        (tag.id, tag.name, tag.description or "", stable_number(tag.id))
        for tag in (farm.tags if farm else ())
        if tag.id
    ]
    return _kept("tags", items)


def _tag_number(scene: Any) -> int:
    tag_id = scene.flamenco_worker_tag_id
    farm = connection.current().farm
    is_known = farm is not None and any(tag.id == tag_id for tag in farm.tags)
    return stable_number(tag_id) if tag_id and is_known else 0


def _set_tag_number(scene: Any, number: int) -> None:
    farm = connection.current().farm
    ids = [tag.id for tag in farm.tags if tag.id] if farm else []
    scene.flamenco_worker_tag_id = next((id_ for id_ in ids if stable_number(id_) == number), "")


def _kept(name: str, items: list[tuple[str, str, str, int]]) -> list[tuple[str, str, str, int]]:
    if _kept_items.get(name) != items:
        _kept_items[name] = items
    return _kept_items[name]


FRAME_CHOICES = (
    ("SETTINGS", "As Set", "The frames that the settings say"),
    ("CURRENT", "Current Frame", "Only the frame that is shown now"),
    ("PREVIEW", "Preview Range", "The preview range of the timeline"),
    ("MARKERS", "Between Selected Markers", "From the first to the last selected marker"),
    ("STRIPS", "Selected Strips", "What the strips cover that are selected in the sequencer"),
)
SCENE_CHOICES = (
    ("THIS", "This Scene", "One job, for this scene"),
    ("MARKED", "Marked Scenes", "A job for each scene that is marked for it"),
    ("ALL", "All Scenes", "A job for each scene of the file"),
)
CAMERA_CHOICES = (
    ("ACTIVE", "Active Camera", "The camera that the scene renders with"),
    ("SELECTED", "Selected Cameras", "A job for each camera that is selected"),
    ("ALL", "All Cameras", "A job for each camera in the scene"),
)
VIEW_LAYER_CHOICES = (
    ("TOGETHER", "Together", "All enabled view layers in one job, as Blender renders them"),
    ("EACH", "A Job Each", "A job for each enabled view layer"),
)


def _properties() -> dict[str, Any]:
    props = own_properties.definitions
    return {
        "flamenco_job_name": props.StringProperty(
            name="Job Name",
            description="What the job is called on the farm; that of the file if this is empty",
        ),
        "flamenco_job_priority": props.IntProperty(
            name="Priority",
            description="Jobs with a higher priority go first",
            default=DEFAULT_PRIORITY,
            min=LOWEST_PRIORITY,
            max=HIGHEST_PRIORITY,
        ),
        "flamenco_job_submit_as_paused": props.BoolProperty(
            name="Submit Paused",
            description="Do not start the job until somebody resumes it",
        ),
        "flamenco_job_type_name": props.StringProperty(
            name="Job Type Name", options={"HIDDEN"}, update=_job_type_chosen
        ),
        "flamenco_job_type": props.EnumProperty(
            name="Job Type",
            description="What kind of job this is to be",
            items=_job_type_items,
            get=_job_type_number,
            set=_set_job_type_number,
        ),
        "flamenco_worker_tag_id": props.StringProperty(name="Worker Tag ID", options={"HIDDEN"}),
        "flamenco_worker_tag": props.EnumProperty(
            name="Worker Tag",
            description="Which workers may take the job",
            items=_tag_items,
            get=_tag_number,
            set=_set_tag_number,
        ),
        "flamenco_frames": _enum("Frames", "Which frames are rendered", FRAME_CHOICES),
        "flamenco_scenes": _enum("Scenes", "Which scenes are submitted", SCENE_CHOICES),
        "flamenco_is_marked": props.BoolProperty(
            name="Marked", description="Submit this scene together with other marked scenes"
        ),
        "flamenco_cameras": _enum("Cameras", "Which cameras render", CAMERA_CHOICES),
        "flamenco_view_layers": _enum(
            "View Layers", "How view layers are submitted", VIEW_LAYER_CHOICES
        ),
    }


def _enum(name: str, description: str, items: tuple[tuple[str, str, str], ...]) -> Any:
    return bpy.props.EnumProperty(
        name=name, description=description, items=items, default=items[0][0], options=set()
    )


def register() -> None:
    own_properties.add(bpy.types.Scene, **_properties())


def unregister() -> None:
    own_properties.remove(bpy.types.Scene, *_properties())
    _kept_items.clear()
