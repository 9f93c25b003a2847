"""Renders a sequencer edit: frames in chunks on many workers, its sound, and one video of both.

Frames are image files, so that each one is verified, and that one which fails is rendered again
alone. Sound is mixed by Blender in one piece, since chunks of it would not meet without clicks.
"""

from __future__ import annotations

from dataclasses import replace

from flamenco_core.blender_arguments import python_in_one_line
from flamenco_core.frames import FrameRange, cut_frames, parse_frames
from flamenco_core.job_types import any_paths
from flamenco_core.job_types.authoring import (
    AuthoredJob,
    AuthoredTask,
    JobType,
    Setting,
)
from flamenco_core.job_types.rendering import (
    BLEND_FILE,
    FPS,
    FRAMES,
    OUTPUT_SETTINGS,
    SCENE,
    render_with_blender,
    settle_output_path,
)

EXTENSIONS = {"PNG": ".png", "JPEG": ".jpg"}
"""Formats of frames that FFmpeg reads as Blender shows them, and what their names end in."""

EDIT_SCRIPT = """
import os, bpy
scene = bpy.context.scene
render = scene.render
def strips_used(owner, first, last):
    strips = owner.strips if hasattr(owner, 'strips') else owner.sequences
    for strip in strips:
        begins_late = last is not None and strip.frame_final_start > last
        ends_early = first is not None and strip.frame_final_end <= first
        if strip.mute or owner.channels[strip.channel].mute or begins_late or ends_early:
            continue
        yield strip
        if strip.type == 'META':
            yield from strips_used(strip, first, last)
        elif strip.type == 'SCENE' and strip.scene_input == 'SEQUENCER':
            other = strip.scene
            if other and other.sequence_editor and other not in scenes:
                scenes.append(other)
                yield from strips_used(other.sequence_editor, None, None)
def files_of(strip):
    if strip.type == 'IMAGE':
        return [strip.directory + element.filename for element in strip.elements]
    if strip.type == 'MOVIE':
        return [strip.filepath]
    sound = strip.sound if strip.type == 'SOUND' else None
    if sound is None or sound.packed_file:
        return []
    return [bpy.path.abspath(sound.filepath, library=sound.library)]
editor = scene.sequence_editor
scenes = [scene]
used = list(strips_used(editor, {first}, {last})) if editor else []
if not (editor and (editor.strips if hasattr(editor, 'strips') else editor.sequences)):
    raise RuntimeError('the sequencer of the scene %r is empty' % scene.name)
paths = {{bpy.path.abspath(path) for strip in used for path in files_of(strip)}}
missing = sorted(os.path.normpath(path) for path in paths if not os.path.exists(path))
if missing:
    shown = ', '.join(missing[:3]) + (' ...' if missing[3:] else '')
    raise RuntimeError('%d files of the edit are missing: %s' % (len(missing), shown))
"""
"""Blender itself goes on without them: frames become black or pink, and sound silent."""

FRAMES_SCRIPT = """
render.use_sequencer = True
render.use_file_extension, render.use_overwrite, render.use_placeholder = True, False, False
render.image_settings.color_mode, render.image_settings.color_depth = 'RGB', '8'
"""

SOUND_SCRIPT = """
fps = render.fps / render.fps_base
if abs(fps - {fps}) > 0.001:
    raise RuntimeError('the scene has %g frames a second, and the job has {fps:g}' % fps)
scene.use_preview_range = False
scene.frame_start, scene.frame_end = {first}, {last}
target = bpy.path.abspath(render.filepath)
folder, name = os.path.split(target)
partial = os.path.join(folder, '.%d-%s' % (os.getpid(), name))
os.makedirs(folder, exist_ok=True)
known = bpy.ops.sound.mixdown.get_rna_type().properties
wanted = dict(mixrate=render.ffmpeg.audio_mixrate, channels=render.ffmpeg.audio_channels)
wanted = {{key: value for key, value in wanted.items() if key in known}}
try:
    bpy.ops.sound.mixdown(
        filepath=partial, check_existing=False, relative_path=False,
        container='FLAC', codec='FLAC', format='S24', **wanted)
    with open(partial, 'rb') as file:
        header = file.read(26)
    numbers = int.from_bytes(header[18:], 'big')
    rate, samples = numbers >> 44, numbers & (1 << 36) - 1
    seconds = samples / rate if header[:4] == b'fLaC' and rate else 0
    if abs(seconds - {frames} / fps) > 0.1:
        raise RuntimeError('the sound lasts %g seconds instead of %g' % (seconds, {frames} / fps))
    os.replace(partial, target)
finally:
    if os.path.exists(partial):
        os.unlink(partial)
print('the sound is mixed: %s, %.3f seconds' % (target, seconds))
"""
"""Mixes into the output path; Blenders before 4 take rate and channels from the scene anyway.

The length is read from the header of the file, which is written last. `aud` could read it, but
needs NumPy, which some Blenders come without.
"""

JOB_TYPE = JobType(
    label="Video Edit Render",
    description="Render an edit of the video sequencer, and make one video of it, with its sound",
    settings=[
        replace(FRAMES, description="Frames of the edit, without gaps, such as 1-250"),
        Setting(
            "chunk_size",
            "int32",
            default=100,
            propargs={"min": 1},
            description="How many frames one task renders",
            visible="submission",
        ),
        Setting(
            "sound",
            "bool",
            default=True,
            description="Whether the video gets the sound of the edit",
            visible="submission",
        ),
        Setting(
            "sound_bitrate",
            "int32",
            default=192,
            propargs={"min": 32, "max": 512},
            description="Kilobits a second of the AAC sound",
            visible="submission",
        ),
        Setting(
            "video_quality",
            "int32",
            default=18,
            propargs={"min": 0, "max": 51},
            description="Constant rate factor of the H.264 video: lower is better, and larger",
            visible="submission",
        ),
        *OUTPUT_SETTINGS,
        BLEND_FILE,
        replace(FPS, required=True, propargs={"min": 0.01}),
        Setting(
            "format",
            "string",
            choices=list(EXTENSIONS),
            default="PNG",
            visible="submission",
            description="Format of the frames that the video is made of",
        ),
        SCENE,
    ],
)


def compile_job(job: AuthoredJob) -> None:
    frames = whole_range(job)
    output = settle_output_path(job)
    folder = any_paths.dirname(output)
    parts = any_paths.join(folder, "parts")
    stem = any_paths.stem(job.settings.blendfile).replace(".flamenco", "", 1)
    final = any_paths.join(folder, f"{stem}.mp4")
    renders = [author_frames(job, chunk, output) for chunk in cut_job(job)]
    if not job.settings.sound:
        author_video(job, folder, final).depends_on(*renders)
        return
    mixed, encoded = (any_paths.join(parts, name) for name in ("sound.flac", "sound.m4a"))
    picture = any_paths.join(parts, "picture.mp4")
    mix = author_mix(job, frames, mixed)
    encode = author_encode(job, mixed, encoded).depends_on(mix)
    video = author_video(job, folder, picture).depends_on(*renders)
    author_mux(job, len(frames), picture, encoded, final).depends_on(video, encode)


def whole_range(job: AuthoredJob) -> FrameRange:
    """The frames of the edit, which have to follow each other: sound has no gaps.

    Raises:
        CompileError: they do not, or begin before frame 0.
    """
    frames = parse_frames(job.settings.frames)
    if len(frames.spans) > 1:
        hint = f"write {frames.first}-{frames.last}"
        job.refuse("frames", "have gaps, and an edit is rendered without any", hint)
    if frames.first < 0:
        job.refuse("frames", "begin before 0, where Blender renders no edit", "move the strips")
    return frames


def cut_job(job: AuthoredJob) -> list[FrameRange]:
    return cut_frames(job.settings.frames, job.settings.chunk_size)


def author_frames(job: AuthoredJob, chunk: FrameRange, output: str) -> AuthoredTask:
    task = job.task(f"render-{chunk}", type="blender")
    script = EDIT_SCRIPT.format(first=chunk.first, last=chunk.last) + FRAMES_SCRIPT
    arguments = [
        *("--render-output", output),
        *("--render-format", job.settings.format),
        # Behind the format, on which the choice of depths depends.
        *("--python-expr", python_in_one_line(script, task.name)),
        *("--render-frame", chunk.for_blender()),
    ]
    render_with_blender(task, job, arguments, frames=len(chunk))
    return task


def author_mix(job: AuthoredJob, frames: FrameRange, mixed: str) -> AuthoredTask:
    task = job.task("mix-sound", type="blender")
    script = (EDIT_SCRIPT + SOUND_SCRIPT).format(
        first=frames.first, last=frames.last, frames=len(frames), fps=job.settings.fps
    )
    # An argument of its own, in which variables are replaced without harm to the script.
    arguments = ["--render-output", mixed, "--python-expr", python_in_one_line(script, task.name)]
    render_with_blender(task, job, arguments, frames=0)
    return task


def author_encode(job: AuthoredJob, mixed: str, encoded: str) -> AuthoredTask:
    task = job.task("encode-sound", type="ffmpeg")
    parameters = {
        "exe": "ffmpeg",
        "inputFile": mixed,
        "codec": "aac",
        "bitrate": f"{job.settings.sound_bitrate}k",
        "outputFile": encoded,
    }
    return task.command("encode-audio", parameters)


def author_video(job: AuthoredJob, folder: str, video: str) -> AuthoredTask:
    settings = job.settings
    task = job.task("encode-video", type="ffmpeg")
    parameters = {
        "exe": "ffmpeg",
        "fps": settings.fps,
        "inputGlob": any_paths.join(folder, f"*{EXTENSIONS[settings.format]}"),
        "outputFile": video,
        "args": [
            *("-c:v", "libx264"),
            *("-crf", str(settings.video_quality)),
            # The encoder wants even numbers of pixels. Unless asked, FFmpeg converts to BT.601, and
            # players that see no tag guess the other one.
            *("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709:out_range=tv"),
            *("-colorspace", "bt709"),
            *("-color_primaries", "bt709"),
            *("-color_trc", "bt709"),
            *("-pix_fmt", "yuv420p"),
            *("-movflags", "+faststart"),
        ],
    }
    return task.command("frames-to-video", parameters)


def author_mux(job: AuthoredJob, frames: int, picture: str, sound: str, final: str) -> AuthoredTask:
    task = job.task("mux", type="ffmpeg")
    parameters = {
        "exe": "ffmpeg",
        "videoFile": picture,
        "audioFile": sound,
        "outputFile": final,
        "args": ["-movflags", "+faststart"],
        "frames": frames,
        "fps": job.settings.fps,
    }
    return task.command("mux", parameters)
