"""Which frames of which job are selected in an editor that shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy

from .frame_loading import JOB_KEY


@dataclass(frozen=True, slots=True)
class Selection:
    """Frames of one job."""

    job_id: str
    frames: tuple[int, ...]


def selected_frames(context: bpy.types.Context) -> Selection | None:
    """What is selected where the mouse is; None if no frames of a job are shown there.

    In the sequencer the frames of the selected strips, in the other editors those of the image
    that is shown: all that lie in the preview range if there is one, else the current frame.
    """
    scene = context.scene
    if scene is None:
        return None
    match context.space_data:
        case bpy.types.SpaceSequenceEditor():
            return _of_strips(getattr(context, "sequencer_scene", None) or scene)
        case bpy.types.SpaceImageEditor(image=image):
            return _of_image(scene, image)
        case bpy.types.SpaceNodeEditor(edit_tree=tree):
            node = tree.nodes.active if tree is not None else None
            return _of_image(scene, getattr(node, "image", None))
    return None


def _wanted(scene: Any) -> range:
    if scene.use_preview_range:
        return range(scene.frame_preview_start, scene.frame_preview_end + 1)
    return range(scene.frame_current, scene.frame_current + 1)


def _of_image(scene: bpy.types.Scene, image: Any) -> Selection | None:
    job_id = image.get(JOB_KEY) if image is not None else None
    if not job_id:
        return None
    return Selection(str(job_id), tuple(_wanted(scene)))


def _of_strips(scene: bpy.types.Scene) -> Selection | None:
    editor = scene.sequence_editor
    if editor is None:
        return None
    strips = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
    chosen = [strip for strip in strips if strip.select and strip.get(JOB_KEY)]
    active = editor.active_strip
    if active is not None and active in chosen:
        job_id = active[JOB_KEY]
    elif chosen:
        job_id = chosen[0][JOB_KEY]
    else:
        return None
    wanted = _wanted(scene)
    frames = {
        frame
        for strip in chosen
        if strip[JOB_KEY] == job_id
        for frame in _frames_of_strip(strip, wanted)
    }
    return Selection(str(job_id), tuple(sorted(frames)))


def _frames_of_strip(strip: Any, wanted: range) -> Iterator[int]:
    """The numbers of the files that a strip shows at the wanted times."""
    names = [element.filename for element in strip.elements]
    for time in range(
        max(wanted.start, int(strip.frame_final_start)),
        min(wanted.stop, int(strip.frame_final_end)),
    ):
        place = time - int(strip.frame_start)
        if 0 <= place < len(names):
            number = _number_in(names[place])
            if number is not None:
                yield number


def _number_in(name: str) -> int | None:
    stem = name.rpartition(".")[0]
    digits = stem[len(stem.rstrip("0123456789")) :]
    return int(digits) if digits else None
