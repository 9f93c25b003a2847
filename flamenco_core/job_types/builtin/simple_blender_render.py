"""Renders a sequence of frames in chunks, then makes a preview video of them."""

from __future__ import annotations

from flamenco_core.frames import cut_frames, parse_frames
from flamenco_core.job_types import any_paths
from flamenco_core.job_types.authoring import (
    AuthoredJob,
    AuthoredTask,
    EvalInfo,
    JobType,
    Setting,
    format_timestamp_local,
)

VIDEO_FORMATS = {"FFMPEG", "AVI_RAW", "AVI_JPEG"}
"""Each task would overwrite the video of the one before."""

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
        Setting(
            "frames",
            "string",
            required=True,
            eval="f'{C.scene.frame_start}-{C.scene.frame_end}'",
            eval_info=EvalInfo(show_link_button=True, description="Scene frame range"),
            description="Frames to render, such as 47, 1-30 or 1,3,5-10",
        ),
        Setting(
            "chunk_size",
            "int32",
            default=1,
            description="How many frames one task renders",
            visible="submission",
        ),
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
        Setting(
            "blendfile",
            "string",
            required=True,
            visible="web",
            description="The .blend file to render",
        ),
        Setting(
            "fps", "float", eval="C.scene.render.fps / C.scene.render.fps_base", visible="hidden"
        ),
        Setting(
            "format",
            "string",
            required=True,
            eval="C.scene.render.image_settings.file_format",
            visible="web",
        ),
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
        Setting(
            "scene",
            "string",
            required=True,
            eval="C.scene.name",
            visible="web",
            description="The scene to render",
        ),
    ],
)


def compile_job(job: AuthoredJob) -> None:
    settings = job.settings
    if settings.format in VIDEO_FORMATS:
        what = f"“{settings.format}” is a video format, and frames are rendered one by one"
        job.refuse("format", what, "choose an image format in the output properties")
    if not settings.render_output_path:
        job.refuse("render_output_path", "is not given", "say where the frames are to go")
    timestamp = format_timestamp_local(job.created)
    output_path = settings.render_output_path.replace("{timestamp}", timestamp)
    settings.render_output_path = output_path
    output_folder = any_paths.dirname(output_path)
    render_tasks = _author_render_tasks(job, output_folder)
    _author_video_task(job, output_folder, render_tasks)


def _author_render_tasks(job: AuthoredJob, output_folder: str) -> list[AuthoredTask]:
    settings = job.settings
    output = any_paths.join(output_folder, any_paths.basename(settings.render_output_path))
    scene = ["--scene", settings.scene] if settings.scene else []
    tasks: list[AuthoredTask] = []
    for chunk in cut_frames(settings.frames, settings.chunk_size):
        task = job.task(f"render-{chunk}", type="blender")
        task.command(
            "blender-render",
            {
                "exe": "{blender}",
                "exeArgs": "{blenderArgs}",
                "argsBefore": [],
                "blendfile": settings.blendfile,
                "args": [
                    *scene,
                    *("--python-expr", OUTPUT_OVERRIDES),
                    *("--render-output", output),
                    *("--render-format", settings.format),
                    *("--render-frame", chunk.for_blender()),
                ],
            },
            total_step_count=len(chunk),
        )
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
