"""What the extension adds to types of Blender, typed as no description of Blender can type it.

Each property is registered by the module that it belongs to; everybody reads it through
`of_scene` and `of_window_manager`, and calls our operators through `operators`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

import bpy

if TYPE_CHECKING:
    from bpy.types import bpy_prop_collection_idprop

definitions: Any = bpy.props
"""Makes definitions of properties, of which the stubs say that they are nothing."""

_operators: Any = bpy.ops
operators: Any = _operators.flamenco
"""Ours; Blender looks for each of them when it is called."""


class OverrideLine(Protocol):
    """A line of the RNA overrides."""

    line: str
    is_enabled: bool


class JobItem(Protocol):
    """A row of the list of jobs."""

    name: str
    job_id: str


class TaskItem(Protocol):
    """A row of the list of tasks."""

    name: str
    task_id: str


class Monitor(Protocol):
    """The state of the Flamenco tab."""

    jobs: bpy_prop_collection_idprop[JobItem]
    active_job: int
    tasks: bpy_prop_collection_idprop[TaskItem]
    active_task: int
    whose: str


class SceneProperties(Protocol):
    """What a scene says about its jobs."""

    flamenco_job_name: str
    flamenco_job_priority: int
    flamenco_job_submit_as_paused: bool
    flamenco_job_type_name: str
    flamenco_job_type: str
    flamenco_worker_tag_id: str
    flamenco_worker_tag: str
    flamenco_frames: str
    flamenco_scenes: str
    flamenco_is_marked: bool
    flamenco_cameras: str
    flamenco_view_layers: str
    flamenco_settings: Any
    """Generated from what the farm says, as is the next."""
    flamenco_job_settings: Any
    flamenco_rna_overrides: bpy_prop_collection_idprop[OverrideLine]
    flamenco_override_index: int


class WindowProperties(Protocol):
    """What is kept for as long as Blender runs."""

    flamenco_submitted_jobs: str
    flamenco_edited_overrides: bpy_prop_collection_idprop[OverrideLine]
    flamenco_monitor: Monitor


def of_scene(scene: bpy.types.Scene) -> SceneProperties:
    return cast(SceneProperties, scene)


def of_scene_in(context: bpy.types.Context) -> SceneProperties | None:
    """Of the current scene; None where a context has none, as while Blender starts."""
    return None if context.scene is None else of_scene(context.scene)


def of_window_manager(context: bpy.types.Context) -> WindowProperties | None:
    """None while Blender has no window manager: when it starts, and when it ends."""
    return cast("WindowProperties | None", context.window_manager)


def add(owner: type[bpy.types.ID], **properties: object) -> None:
    """Gives a type of Blender these properties."""
    for name, definition in properties.items():
        setattr(owner, name, definition)


def remove(owner: type[bpy.types.ID], *names: str) -> None:
    """Takes them away, the last one first."""
    for name in reversed(names):
        delattr(owner, name)
