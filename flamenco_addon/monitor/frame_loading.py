"""Puts a job's frames into an Image editor, the compositor or the sequencer.

What is made remembers its job under `JOB_KEY`, so that frames can be rendered again from there.
"""

from __future__ import annotations

from typing import Any

import bpy

from ..language import tr
from ..windows import all_areas
from .job_frames import FrameFiles
from .log_texts import area_in_new_window

JOB_KEY = "flamenco_job"


def into_image_editor(context: bpy.types.Context, files: FrameFiles, job_id: str) -> str:
    """Shows the frames in an Image editor, one in a new window if there is none."""
    image = _image(files, job_id)
    space = _image_editor(context)
    if space is not None:
        space.image = image
        _set_range(space.image_user, files)
    return tr("{count} frames are in the Image Editor as “{name}”").format(
        count=len(files.names), name=image.name
    )


def into_compositor(context: bpy.types.Context, files: FrameFiles, job_id: str) -> str:
    """Adds an image node with the frames to the scene's compositor."""
    image = _image(files, job_id)
    tree = _compositor_tree(context.scene)
    node = tree.nodes.new("CompositorNodeImage")
    node.image = image
    _set_range(node, files)
    others = [each for each in tree.nodes if each is not node]
    node.location = (
        min((each.location.x for each in others), default=300) - 300,
        max((each.location.y for each in others), default=300),
    )
    for each in others:
        each.select = False
    node.select = True
    tree.nodes.active = node
    return tr("{count} frames are in the compositor as “{name}”").format(
        count=len(files.names), name=image.name
    )


def into_sequencer(context: bpy.types.Context, files: FrameFiles, job_id: str, name: str) -> str:
    """Adds a strip for each run of frames, at their place in time, above what is there."""
    scene: Any = getattr(context, "sequencer_scene", None) or context.scene
    editor = scene.sequence_editor or scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    everything = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
    first, last = min(files.names), max(files.names) + 1
    taken = {
        strip.channel
        for strip in strips
        if strip.frame_final_start < last and strip.frame_final_end > first
    }
    channel = next(number for number in range(1, 129) if number not in taken)
    for strip in everything:
        strip.select = False
    for run in files.runs:
        path = str(files.folder / files.names[run.start])
        strip = strips.new_image(name, path, channel, run.start)
        for frame in run[1:]:
            strip.elements.append(files.names[frame])
        strip.frame_final_duration = len(run)
        strip.select = True
        strip[JOB_KEY] = job_id
        editor.active_strip = strip
    return tr("{count} frames are in the sequencer on channel {channel}").format(
        count=len(files.names), channel=channel
    )


def _image(files: FrameFiles, job_id: str) -> Any:
    image = bpy.data.images.load(str(files.first), check_existing=True)
    if len(files.names) > 1:
        image.source = "SEQUENCE"
    image[JOB_KEY] = job_id
    image.reload()
    return image


def _set_range(user: Any, files: FrameFiles) -> None:
    """Has each frame of the scene show the file of the same number."""
    first, last = min(files.names), max(files.names)
    user.frame_start = first
    user.frame_offset = first - 1
    user.frame_duration = last - first + 1
    user.use_auto_refresh = True


def _compositor_tree(scene: Any) -> Any:
    if hasattr(scene, "compositing_node_group"):  # Blender 5.0 and up
        if scene.compositing_node_group is None:
            group = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
            scene.compositing_node_group = group
        return scene.compositing_node_group
    scene.use_nodes = True
    return scene.node_tree


def _image_editor(context: bpy.types.Context) -> Any:
    if context.area is not None and context.area.type == "IMAGE_EDITOR":
        return context.area.spaces.active
    areas = [area for area in all_areas() if _views_images(area.spaces.active)]
    if areas:
        return max(areas, key=lambda area: area.width * area.height).spaces.active
    if bpy.app.background or context.area is None:
        return None
    with area_in_new_window("IMAGE_EDITOR") as area:
        return area.spaces.active


def _views_images(space: bpy.types.Space | None) -> bool:
    """Whether it shows images, and is neither for painting nor for masks."""
    return isinstance(space, bpy.types.SpaceImageEditor) and space.mode == "VIEW"
