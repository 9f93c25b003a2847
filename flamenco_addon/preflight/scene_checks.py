"""Whether a scene renders on a farm as it does here. Decisions only; see `gathering` for facts."""

from __future__ import annotations

from collections.abc import Iterator

from flamenco_core.errors import InvalidInput
from flamenco_core.frames import parse_frames

from ..language import tr
from .facts import JobFacts
from .findings import Finding, Fix, Severity

BUILT_IN_ENGINES = frozenset({"CYCLES", "BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH"})


def camera_findings(job: JobFacts) -> Iterator[Finding]:
    scene = job.scene
    if scene.camera or scene.is_edit:
        return
    if len(scene.cameras) == 1:
        (only,) = scene.cameras
        yield Finding(
            "camera",
            Severity.ERROR,
            tr("The scene renders without a camera, though it has “{camera}”.").format(camera=only),
            scene=scene.name,
            fix=Fix.USE_CAMERA,
            target=only,
        )
        return
    hint = tr("Choose one in the Scene properties.") if scene.cameras else tr("Add one.")
    yield Finding("camera", Severity.ERROR, tr("The scene has no camera."), hint, scene=scene.name)


def format_findings(job: JobFacts) -> Iterator[Finding]:
    if job.scene.is_movie_format and job.has("format"):
        yield Finding(
            "format",
            Severity.ERROR,
            tr("The output format {format} is a video, and frames are rendered one by one.").format(
                format=job.scene.file_format
            ),
            tr("Choose an image format; the farm makes a video of the frames."),
            scene=job.scene.name,
            fix=Fix.USE_IMAGE_FORMAT,
        )


def frame_findings(job: JobFacts) -> Iterator[Finding]:
    text = job.values.get("frames")
    if not isinstance(text, str) or not text:
        return
    scene = job.scene
    try:
        frames = parse_frames(text)
    except InvalidInput as error:
        what = error.problems[0].what if error.problems else error.message
        yield Finding(
            "frames",
            Severity.ERROR,
            tr("The frames “{frames}” cannot be read: {reason}.").format(frames=text, reason=what),
            tr("Write them like 1-100, 7 or 1-50x5."),
            scene=scene.name,
            fix=Fix.FRAMES_OF_SCENE,
        )
        return
    if frames.first < scene.frame_start or frames.last > scene.frame_end:
        yield Finding(
            "frames",
            Severity.WARNING,
            tr("The frames {frames} reach beyond the scene's range {first} to {last}.").format(
                frames=text, first=scene.frame_start, last=scene.frame_end
            ),
            scene=scene.name,
            fix=Fix.FRAMES_OF_SCENE,
        )


def view_layer_findings(job: JobFacts) -> Iterator[Finding]:
    scene = job.scene
    if scene.is_edit:
        return
    off = [layer.name for layer in scene.view_layers if not layer.is_rendered]
    if not off:
        return
    names = ", ".join(tr("“{name}”").format(name=name) for name in off)
    if len(off) == len(scene.view_layers):
        yield Finding(
            "view-layers",
            Severity.ERROR,
            tr("No view layer of the scene is enabled for rendering."),
            scene=scene.name,
            fix=Fix.ENABLE_VIEW_LAYERS,
        )
        return
    what = (
        tr("A view layer is not enabled for rendering: {names}.")
        if len(off) == 1
        else tr("View layers are not enabled for rendering: {names}.")
    )
    yield Finding(
        "view-layers",
        Severity.WARNING,
        what.format(names=names),
        scene=scene.name,
        fix=Fix.ENABLE_VIEW_LAYERS,
    )


def addon_findings(job: JobFacts) -> Iterator[Finding]:
    for need in job.scene.needs:
        what = (
            tr("{what} needs the add-on “{addon}”.")
            if need.addon
            else tr("{what} needs an add-on that is not here either.")
        )
        yield Finding(
            "add-ons",
            Severity.WARNING,
            what.format(what=need.what, addon=need.addon),
            tr("The workers need it, too."),
            scene=job.scene.name,
        )


def outputs_findings(job: JobFacts) -> Iterator[Finding]:
    """Files beside the frames end up in the copy on the farm, or nowhere."""
    for output in job.scene.output_paths:
        if output.path.startswith("//") or not output.path:
            yield Finding(
                "outputs",
                Severity.WARNING,
                tr(
                    "{owner} writes to {path}, which on the farm is in the job's own copy of the"
                    " file."
                ).format(owner=output.owner, path=output.path or tr("no folder")),
                tr("Give it an absolute path that all workers have."),
                scene=job.scene.name,
            )


def override_findings(job: JobFacts) -> Iterator[Finding]:
    for problem in job.override_problems:
        yield Finding(
            "overrides",
            Severity.ERROR,
            tr("The RNA overrides are no valid Python: {reason}.").format(reason=problem.what),
            problem.hint,
            scene=job.scene.name,
        )
