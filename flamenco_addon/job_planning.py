"""From what the artist chose to the jobs that are to be submitted; nothing in the file changes."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import bpy

from flamenco_core.errors import InvalidInput, NotFound, Problem, one_problem
from flamenco_core.model import AvailableJobType, SubmittedJob
from flamenco_core.paths import this_platform
from flamenco_core.rna_overrides import checked_overrides
from flamenco_core.statuses import JobStatus

from . import connection, expressions, job_settings, rna_overrides
from .language import tr
from .monitor.manager_sentences import said
from .own_properties import of_scene
from .preflight.facts import JobFacts
from .preflight.gathering import gather_scene, tag_is_known
from .projects import project_of
from .submission_properties import job_name_of
from .variants import SceneChoice, Variant, marker_range, span, variants

BLENDFILE, FRAMES, FRAME = "blendfile", "frames", "frame"

NOT_SENT_YET = "{jobs}/not-sent-yet.blend"
"""Stands for the file while the Manager checks a job, before anything is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a script or a menu asks for in place of what the scene says; None or empty: nothing."""

    job_name: str = ""
    job_type: str = ""
    priority: int | None = None
    paused: bool | None = None
    tag: str = ""
    """Name or id."""
    frames: str = ""
    scenes: str = ""
    cameras: str = ""
    view_layers: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job that can be submitted as soon as its file is on the farm."""

    variant: Variant
    job: SubmittedJob
    """With `NOT_SENT_YET` for its file, if it has one."""
    facts: JobFacts
    key: str
    """Makes one job of it however often it is sent."""

    @property
    def has_blend(self) -> bool:
        return BLENDFILE in self.job.settings


def plan_jobs(scene: bpy.types.Scene, wishes: Wishes, *, thorough: bool = True) -> list[PlannedJob]:
    """The jobs that one press of Submit makes; what is wrong with each is in its `facts`.

    Raises:
        InvalidInput: there is no way to say which jobs those are.
    """
    name = wishes.job_name or job_name_of(scene)
    choices = [_scene_choice(each, wishes) for each in _scenes(scene, wishes)]
    return [
        _planned(variant, scene, name, wishes, thorough=thorough) for variant in variants(choices)
    ]


def job_type_for(scene: bpy.types.Scene, fallback: bpy.types.Scene, name: str) -> AvailableJobType:
    """Raises `InvalidInput` if none is chosen, or the farm does not have it."""
    farm = connection.current().farm
    if farm is None:
        raise one_problem("", said(connection.current().condition.sentence))
    wanted = name or of_scene(scene).flamenco_job_type_name
    wanted = wanted or of_scene(fallback).flamenco_job_type_name
    if not wanted:
        raise one_problem("", tr("no job type is chosen"), tr("choose one"))
    job_type = farm.job_type(wanted)
    if job_type is None or job_settings.group_of(scene, wanted) is None:
        what = tr("the farm has no job type “{name}”").format(name=wanted)
        raise one_problem("", what, tr("choose another one"))
    return job_type


def _scenes(scene: bpy.types.Scene, wishes: Wishes) -> list[bpy.types.Scene]:
    match wishes.scenes or of_scene(scene).flamenco_scenes:
        case "ALL":
            return list(bpy.data.scenes)
        case "MARKED":
            marked = [each for each in bpy.data.scenes if of_scene(each).flamenco_is_marked]
            if not marked:
                raise one_problem("", tr("no scene is marked to be submitted"), tr("mark some"))
            return marked
    return [scene]


def _scene_choice(scene: bpy.types.Scene, wishes: Wishes) -> SceneChoice:
    cameras: tuple[str, ...] = ()
    said = of_scene(scene)
    which = wishes.cameras or said.flamenco_cameras
    if which != "ACTIVE":
        all_of_them = which == "ALL"
        found = sorted(
            (obj for obj in scene.objects if obj.type == "CAMERA"), key=lambda obj: obj.name
        )
        cameras = tuple(obj.name for obj in found if all_of_them or _is_selected(obj, scene))
        if not cameras:
            what = (
                tr("the scene “{scene}” has no camera")
                if all_of_them
                else tr("the scene “{scene}” has no camera that is selected")
            )
            raise one_problem("", what.format(scene=scene.name))
    layers: tuple[str, ...] = ()
    if (wishes.view_layers or said.flamenco_view_layers) == "EACH":
        layers = tuple(layer.name for layer in scene.view_layers if layer.use)
    return SceneChoice(scene.name, cameras, layers, wishes.frames or _chosen_frames(scene))


def _is_selected(obj: Any, scene: bpy.types.Scene) -> bool:
    return any(
        obj.name in layer.objects and obj.select_get(view_layer=layer)
        for layer in (scene.view_layers)
    )


def _chosen_frames(scene: bpy.types.Scene) -> str:
    """Empty if the settings say it. Raises `InvalidInput` if there is nothing to go by."""
    match of_scene(scene).flamenco_frames:
        case "CURRENT":
            return str(scene.frame_current)
        case "PREVIEW":
            if not scene.use_preview_range:
                what = tr("the scene “{scene}” has no preview range").format(scene=scene.name)
                hint = tr("set one in the timeline, or choose other frames")
                raise one_problem("", what, hint)
            return span(scene.frame_preview_start, scene.frame_preview_end)
        case "MARKERS":
            return marker_range(marker.frame for marker in scene.timeline_markers if marker.select)
        case "STRIPS":
            return _strip_range(scene)
    return ""


def _strip_range(scene: bpy.types.Scene) -> str:
    editor = scene.sequence_editor
    if editor is None:
        strips = []
    else:  # they were called sequences before Blender 4.4
        strips = list(editor.strips if hasattr(editor, "strips") else editor.sequences)
    selected = [strip for strip in strips if strip.select]
    if not selected:
        raise one_problem("", tr("no strip is selected in the sequencer"), tr("select some"))
    first = min(strip.frame_final_start for strip in selected)
    last = max(strip.frame_final_end for strip in selected) - 1
    return span(first, max(first, last))


def _planned(
    variant: Variant, main: bpy.types.Scene, name: str, wishes: Wishes, *, thorough: bool
) -> PlannedJob:
    scene = bpy.data.scenes[variant.scene]
    job_type = job_type_for(scene, main, wishes.job_type)
    job_name = variant.job_name(name)
    # A scene that nobody has set up for the farm is rendered like the one that was.
    saying = scene if of_scene(scene).flamenco_job_type_name else main
    said = of_scene(saying)
    values, problems = _values(scene, saying, job_type, job_name, variant, wishes)
    overrides, override_problems = _overrides(scene, variant)
    facts = JobFacts(
        scene=gather_scene(scene, camera=variant.camera, thorough=thorough),
        job_type=job_type,
        values=values,
        problems=problems,
        is_distrusted=bool(expressions.untrusted_expressions(job_type)),
        override_problems=override_problems,
        has_overrides=bool(overrides),
        unknown_tag_in="" if wishes.tag or tag_is_known(saying) else saying.name,
    )
    paused = said.flamenco_job_submit_as_paused if wishes.paused is None else wishes.paused
    priority = said.flamenco_job_priority if wishes.priority is None else wishes.priority
    job = SubmittedJob(
        name=job_name,
        type=job_type.name,
        type_etag=job_type.etag,
        priority=priority,
        settings=values,
        metadata=_metadata(scene, variant),
        submitter_platform=this_platform(),
        worker_tag=_tag_id(wishes.tag) if wishes.tag else said.flamenco_worker_tag_id or None,
        initial_status=JobStatus.PAUSED if paused else JobStatus.QUEUED,
        rna_overrides=overrides or None,
    )
    return PlannedJob(variant, job, facts, str(uuid4()))


def _values(
    scene: bpy.types.Scene,
    saying: bpy.types.Scene,
    job_type: AvailableJobType,
    job_name: str,
    variant: Variant,
    wishes: Wishes,
) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    known = {setting.key for setting in job_type.settings}
    decided = dict(wishes.settings)
    problems = [
        Problem(f"settings.{key}", tr("this job type has no setting “{key}”").format(key=key))
        for key in decided
        if key not in known
    ]
    decided = {key: value for key, value in decided.items() if key in known}
    if BLENDFILE in known:
        decided.setdefault(BLENDFILE, NOT_SENT_YET)
    if variant.frames and FRAMES in known:
        decided[FRAMES] = variant.frames
    elif variant.frames and FRAME in known and variant.frames.lstrip("-").isdigit():
        decided[FRAME] = int(variant.frames)
    values = job_settings.values_for(
        scene, job_type, job_name=job_name, decided=decided, settings_of=saying
    )
    try:
        return values.all_values(), tuple(problems)
    except InvalidInput as error:
        distrusted = expressions.NOT_TRUSTED
        failed = [problem for problem in error.problems if problem.what != distrusted]
        return dict(decided), (*problems, *failed)


def _overrides(scene: bpy.types.Scene, variant: Variant) -> tuple[list[str], tuple[Problem, ...]]:
    # What tells this job from the others goes last, so that it counts.
    lines = [*rna_overrides.lines_of(scene), *variant.overrides()]
    try:
        return checked_overrides(lines), ()
    except InvalidInput as error:
        return lines, error.problems


def _tag_id(wanted: str) -> str:
    farm = connection.current().farm
    tags = farm.tags if farm is not None else []
    for tag in tags:
        if wanted in (tag.id, tag.name) and tag.id:
            return tag.id
    names = ", ".join(tag.name for tag in tags) or tr("there are none")
    text = tr("the farm has no tag “{name}”; its tags: {names}")
    raise NotFound(text.format(name=wanted, names=names))


def _metadata(scene: bpy.types.Scene, variant: Variant) -> dict[str, str]:
    """What the farm's jobs can be searched by."""
    found = {"blender": bpy.app.version_string.split()[0], "scene": scene.name}
    with suppress(OSError, KeyError):  # an account without a name, as containers have
        found["user"] = getpass.getuser()
    if bpy.data.filepath:
        file = Path(bpy.data.filepath)
        found["file"] = file.name
        found["project"] = project_of(file).name
    if variant.camera:
        found["camera"] = variant.camera
    if variant.view_layer:
        found["view_layer"] = variant.view_layer
    return {key: value for key, value in found.items() if value}
