"""What job types that render with Blender have in common: their settings and their command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flamenco_core.blender_arguments import python_in_one_line
from flamenco_core.frames import frames_for_blender
from flamenco_core.job_types.authoring import (
    AuthoredJob,
    AuthoredTask,
    EvalInfo,
    Setting,
    format_timestamp_local,
)

VIDEO_FORMATS = frozenset({"FFMPEG", "AVI_RAW", "AVI_JPEG"})
"""Each task would overwrite the video of the one before."""

FRAMES = Setting(
    "frames",
    "string",
    required=True,
    eval="f'{C.scene.frame_start}-{C.scene.frame_end}'",
    eval_info=EvalInfo(show_link_button=True, description="Scene frame range"),
    description="Frames to render, such as 47, 1-30, 1-100x5 or reversed: 1-30",
)

FPS = Setting("fps", "float", eval="C.scene.render.fps / C.scene.render.fps_base", visible="hidden")

OUTPUT_SETTINGS = (
    Setting(
        "render_output_root",
        "string",
        subtype="dir_path",
        required=True,
        visible="submission",
        description="Folder under which the folder of this job is made",
    ),
    Setting(
        "add_path_components",
        "int32",
        required=True,
        default=0,
        propargs={"min": 0, "max": 32},
        visible="submission",
        description="How many of the last folders of the .blend file's path to repeat there",
    ),
    Setting(
        "render_output_path",
        "string",
        subtype="file_path",
        editable=False,
        eval=(
            "str(Path(abspath(settings.render_output_root), "
            "last_n_dir_parts(settings.add_path_components), "
            "jobname, '{timestamp}', '######'))"
        ),
        description="Where the frames go; follows from the settings above",
    ),
)

BLEND_FILE = Setting(
    "blendfile",
    "string",
    required=True,
    visible="web",
    description="The .blend file to render",
)

FORMAT = Setting(
    "format",
    "string",
    required=True,
    eval="C.scene.render.image_settings.file_format",
    visible="web",
)

SCENE = Setting(
    "scene",
    "string",
    required=True,
    eval="C.scene.name",
    visible="web",
    description="The scene to render",
)


def settle_output_path(job: AuthoredJob) -> str:
    """The path of the frames with the job's time in it, which is stored with the job.

    Raises:
        CompileError: there is none, or the format is one of videos.
    """
    settings = job.settings
    if settings.format in VIDEO_FORMATS:
        what = f"“{settings.format}” is a video format, and frames are rendered one by one"
        job.refuse("format", what, "choose an image format in the output properties")
    if not settings.render_output_path:
        job.refuse("render_output_path", "is not given", "say where the frames are to go")
    timestamp = format_timestamp_local(job.created)
    path: str = settings.render_output_path.replace("{timestamp}", timestamp)
    settings.render_output_path = path
    return path


def render_with_blender(
    task: AuthoredTask, job: AuthoredJob, arguments: Sequence[str], *, frames: int
) -> None:
    """Lets a task render so many frames of the job's scene; `arguments` are Blender's."""
    settings = job.settings
    scene = ["--scene", settings.scene] if settings.scene else []
    task.command(
        "blender-render",
        {
            "exe": "{blender}",
            "exeArgs": "{blenderArgs}",
            "argsBefore": [],
            "blendfile": settings.blendfile,
            "args": [*scene, *arguments],
        },
        total_step_count=frames,
    )


def render_images(
    task: AuthoredTask,
    job: AuthoredJob,
    frames: Iterable[int],
    output: str,
    image_format: str,
    script: str,
    *last: str,
) -> None:
    """Lets a task render frames to images of a format after a script; `last` comes at the end."""
    numbers = [*frames]
    arguments = [
        *("--render-output", output),
        *("--render-format", image_format),
        # Behind the format, on which the choice of depths depends.
        *("--python-expr", python_in_one_line(script, task.name)),
        *("--render-frame", frames_for_blender(numbers)),
        *last,
    ]
    render_with_blender(task, job, arguments, frames=len(numbers))
