"""Whether a scene renders on a farm as it does here. Decisions only; see `gathering` for facts."""

from __future__ import annotations

from collections.abc import Iterator

from flamenco_core.errors import InvalidInput
from flamenco_core.frames import parse_frames

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
            f"The scene renders without a camera, though it has “{only}”.",
            scene=scene.name,
            fix=Fix.USE_CAMERA,
            target=only,
        )
        return
    hint = "Choose one in the Scene properties." if scene.cameras else "Add one."
    yield Finding("camera", Severity.ERROR, "The scene has no camera.", hint, scene=scene.name)


def format_findings(job: JobFacts) -> Iterator[Finding]:
    if job.scene.is_movie_format and job.has("format"):
        yield Finding(
            "format",
            Severity.ERROR,
            f"The output format {job.scene.file_format} is a video, and frames are rendered one"
            " by one.",
            "Choose an image format; the farm makes a video of the frames.",
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
            f"The frames “{text}” cannot be read: {what}.",
            "Write them like 1-100, 7 or 1-50x5.",
            scene=scene.name,
            fix=Fix.FRAMES_OF_SCENE,
        )
        return
    if frames.first < scene.frame_start or frames.last > scene.frame_end:
        yield Finding(
            "frames",
            Severity.WARNING,
            f"The frames {text} reach beyond the scene's range {scene.frame_start} to"
            f" {scene.frame_end}.",
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
    names = ", ".join(f"“{name}”" for name in off)
    if len(off) == len(scene.view_layers):
        yield Finding(
            "view-layers",
            Severity.ERROR,
            "No view layer of the scene is enabled for rendering.",
            scene=scene.name,
            fix=Fix.ENABLE_VIEW_LAYERS,
        )
        return
    what = (
        f"is not enabled for rendering: {names}."
        if len(off) == 1
        else (f"are not enabled for rendering: {names}.")
    )
    noun = "A view layer" if len(off) == 1 else "View layers"
    yield Finding(
        "view-layers",
        Severity.WARNING,
        f"{noun} {what}",
        scene=scene.name,
        fix=Fix.ENABLE_VIEW_LAYERS,
    )


def addon_findings(job: JobFacts) -> Iterator[Finding]:
    for need in job.scene.needs:
        source = f"the add-on “{need.addon}”" if need.addon else "an add-on that is not here either"
        yield Finding(
            "add-ons",
            Severity.WARNING,
            f"{need.what} needs {source}.",
            "The workers need it, too.",
            scene=job.scene.name,
        )


def outputs_findings(job: JobFacts) -> Iterator[Finding]:
    """Files beside the frames end up in the copy on the farm, or nowhere."""
    for output in job.scene.output_paths:
        if output.path.startswith("//") or not output.path:
            yield Finding(
                "outputs",
                Severity.WARNING,
                f"{output.owner} writes to {output.path or 'no folder'}, which on the farm is in"
                " the job's own copy of the file.",
                "Give it an absolute path that all workers have.",
                scene=job.scene.name,
            )


def override_findings(job: JobFacts) -> Iterator[Finding]:
    for problem in job.override_problems:
        yield Finding(
            "overrides",
            Severity.ERROR,
            f"The RNA overrides are no valid Python: {problem.what}.",
            problem.hint,
            scene=job.scene.name,
        )
