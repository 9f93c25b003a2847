"""The buttons beside findings: what is safe to mend, and what undo takes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

from flamenco_core.packing import default_output_folder

from .. import connection, job_settings
from ..blender_types import OperatorResult
from ..language import tr
from ..own_properties import operators
from .findings import FIX_DESCRIPTIONS, Fix


def _scene(context: bpy.types.Context, name: str) -> Any:
    return bpy.data.scenes.get(name) or context.scene


def _save(_context: bpy.types.Context, _scene_name: str, _target: str) -> None:
    if bpy.data.filepath:
        bpy.ops.wm.save_mainfile()
    else:
        bpy.ops.wm.save_as_mainfile("INVOKE_DEFAULT")


def _use_camera(context: bpy.types.Context, scene_name: str, target: str) -> None:
    scene = _scene(context, scene_name)
    scene.camera = scene.objects.get(target) or scene.camera


def _use_image_format(context: bpy.types.Context, scene_name: str, _target: str) -> None:
    settings = _scene(context, scene_name).render.image_settings
    if hasattr(settings, "media_type"):  # Blender 5: formats are offered by medium
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"


def _enable_view_layers(context: bpy.types.Context, scene_name: str, _target: str) -> None:
    for layer in _scene(context, scene_name).view_layers:
        layer.use = True


def _frames_of_scene(context: bpy.types.Context, scene_name: str, _target: str) -> None:
    scene = _scene(context, scene_name)
    scene.flamenco_frames = "SETTINGS"
    group = job_settings.group_of(scene)
    if group is None:
        return
    if hasattr(group, "autoeval_frames"):
        group.autoeval_frames = True
    elif hasattr(group, "frames"):
        group.frames = f"{scene.frame_start}-{scene.frame_end}"


def _output_on_farm(context: bpy.types.Context, scene_name: str, target: str) -> None:
    group = job_settings.group_of(_scene(context, scene_name))
    farm = connection.current().farm
    if group is not None and farm is not None and hasattr(group, target):
        setattr(group, target, default_output_folder(farm.storage))


def _find_files(_context: bpy.types.Context, _scene_name: str, _target: str) -> None:
    bpy.ops.file.find_missing_files("INVOKE_DEFAULT")


def _trust_farm(_context: bpy.types.Context, _scene_name: str, _target: str) -> None:
    operators.trust_farm("INVOKE_DEFAULT")


def _any_worker(context: bpy.types.Context, scene_name: str, _target: str) -> None:
    _scene(context, scene_name).flamenco_worker_tag_id = ""


def _ask_again(_context: bpy.types.Context, _scene_name: str, _target: str) -> None:
    connection.refresh()


_FIXES = {
    Fix.SAVE: _save,
    Fix.USE_CAMERA: _use_camera,
    Fix.USE_IMAGE_FORMAT: _use_image_format,
    Fix.ENABLE_VIEW_LAYERS: _enable_view_layers,
    Fix.FRAMES_OF_SCENE: _frames_of_scene,
    Fix.OUTPUT_ON_FARM: _output_on_farm,
    Fix.FIND_FILES: _find_files,
    Fix.TRUST_FARM: _trust_farm,
    Fix.ANY_WORKER: _any_worker,
    Fix.ASK_AGAIN: _ask_again,
}


on_fixed: list[Callable[[], object]] = []
"""Called after something was mended."""


class FLAMENCO_OT_fix(bpy.types.Operator):
    """Mend what pre-flight found"""

    bl_idname = "flamenco.fix"
    bl_label = "Fix"
    bl_options = {"REGISTER", "INTERNAL", "UNDO"}

    fix: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Fix",
        description="What is done",
        items=[(fix.value, fix.value, "") for fix in Fix],
    )
    scene: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Scene", description="The scene that is mended"
    )
    target: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Target", description="What in the scene is mended, such as the name of an image"
    )

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: Any) -> str:
        return tr(FIX_DESCRIPTIONS[Fix(properties.fix)])

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        _FIXES[Fix(self.fix)](context, self.scene, self.target)
        for function in tuple(on_fixed):
            function()
        return {"FINISHED"}


def register() -> None:
    bpy.utils.register_class(FLAMENCO_OT_fix)


def unregister() -> None:
    on_fixed.clear()
    bpy.utils.unregister_class(FLAMENCO_OT_fix)
