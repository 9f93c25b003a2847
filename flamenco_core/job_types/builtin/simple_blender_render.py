"""Renders a sequence of frames in chunks, then makes a preview video of them."""

from __future__ import annotations

from flamenco_core.frames import cut_frames, parse_frames
from flamenco_core.job_types import any_paths
from flamenco_core.job_types.authoring import (
    AuthoredJob,
    AuthoredTask,
    JobType,
    Setting,
)
from flamenco_core.job_types.rendering import (
    BLEND_FILE,
    FORMAT,
    FPS,
    FRAMES,
    OUTPUT_SETTINGS,
    SCENE,
    render_with_blender,
    settle_output_path,
)

EXR_FORMATS = {"EXR", "MULTILAYER", "OPEN_EXR", "OPEN_EXR_MULTILAYER"}
"""FFmpeg cannot be relied on to read these; Blender can save JPEG previews beside them."""

OUTPUT_OVERRIDES = "; ".join(
    [
        "import bpy",
        "render = bpy.context.scene.render",
        "render.use_file_extension = True",
        "render.use_overwrite = False",
        "render.use_placeholder = False",
    ]
)
"""Whatever the file says: frames that exist are kept, so that a task can be run again."""

JOB_TYPE = JobType(
    label="Simple Blender Render",
    description="Render a sequence of frames, and create a preview video file",
    settings=[
        FRAMES,
        Setting(
            "chunk_size",
            "int32",
            default=1,
            description="How many frames one task renders",
            visible="submission",
        ),
        *OUTPUT_SETTINGS,
        BLEND_FILE,
        FPS,
        FORMAT,
        Setting(
            "image_file_extension",
            "string",
            required=True,
            eval="C.scene.render.file_extension",
            visible="hidden",
            description="What the names of the frames end in",
        ),
        Setting(
            "has_previews",
            "bool",
            eval="C.scene.render.image_settings.use_preview",
            visible="hidden",
            description="Whether Blender saves a JPEG beside each frame",
        ),
        SCENE,
    ],
)


def compile_job(job: AuthoredJob) -> None:
    output_folder = any_paths.dirname(settle_output_path(job))
    render_tasks = _author_render_tasks(job, output_folder)
    _author_video_task(job, output_folder, render_tasks)


def _author_render_tasks(job: AuthoredJob, output_folder: str) -> list[AuthoredTask]:
    settings = job.settings
    output = any_paths.join(output_folder, any_paths.basename(settings.render_output_path))
    tasks: list[AuthoredTask] = []
    for chunk in cut_frames(settings.frames, settings.chunk_size):
        task = job.task(f"render-{chunk}", type="blender")
        arguments = [
            *("--python-expr", OUTPUT_OVERRIDES),
            *("--render-output", output),
            *("--render-format", settings.format),
            *("--render-frame", chunk.for_blender()),
        ]
        render_with_blender(task, job, arguments, frames=len(chunk))
        tasks.append(task)
    return tasks


def _author_video_task(
    job: AuthoredJob, output_folder: str, render_tasks: list[AuthoredTask]
) -> None:
    settings = job.settings
    extension = settings.image_file_extension
    if settings.format in EXR_FORMATS:
        if not settings.has_previews:
            return
        extension = ".jpg"
    if not settings.fps:
        return
    stem = any_paths.stem(settings.blendfile).replace(".flamenco", "", 1)
    video = any_paths.join(output_folder, f"{stem}-{_frames_in_name(settings.frames)}.mp4")
    task = job.task("preview-video", type="ffmpeg")
    task.command(
        "frames-to-video",
        {
            "exe": "ffmpeg",
            "fps": settings.fps,
            "inputGlob": any_paths.join(output_folder, f"*{extension}"),
            "outputFile": video,
            "args": [
                *("-c:v", "h264"),
                *("-crf", "20"),
                *("-g", "18"),
                # The encoder wants even numbers of pixels.
                *("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"),
                *("-pix_fmt", "yuv420p"),
                *("-r", settings.fps),
                "-y",
            ],
        },
    )
    task.depends_on(*render_tasks)


def _frames_in_name(frames: str) -> str:
    """The frames as part of a file's name: as they were written, or the first and the last."""
    if "," not in frames and ":" not in frames:
        return "".join(frames.split())
    parsed = parse_frames(frames)
    return f"{parsed.first}-{parsed.last}"
