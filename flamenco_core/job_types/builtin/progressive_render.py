"""Renders frames with rising numbers of samples, so that all of them can be seen early.

The samples of a frame are cut into chunks, which workers render as if each were an image of its
own. Blender is told which of all samples a chunk has, so that the chunks, each weighted by its
number of samples, add up to the frame that one render with all samples makes. After each chunk
what is there so far is merged and shown; the last merge becomes the frame.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from flamenco_core.frames import FrameRange, cut_frames, frame_in_file_name, parse_frames
from flamenco_core.job_types import any_paths
from flamenco_core.job_types.authoring import (
    AuthoredJob,
    AuthoredTask,
    EvalInfo,
    JobType,
    Setting,
)
from flamenco_core.job_types.merged_images import MERGED_PICTURE_SCRIPT
from flamenco_core.job_types.rendering import (
    BLEND_FILE,
    FORMAT,
    FRAMES,
    OUTPUT_SETTINGS,
    SCENE,
    render_images,
    settle_output_path,
)
from flamenco_core.model import DEFAULT_PRIORITY

MAX_CHUNKS = 1000
"""More would spend their time on opening files."""

FIRST_PART = 40
"""The first chunk has one of so many parts of the samples."""

RISING_CHUNKS = 3
"""In so many chunks the number of samples would rise to all of them, if there were no cap."""

STEEPNESS = 5 / 3

FRAME_DIGITS = 6

MULTILAYER_FORMATS = {"MULTILAYER", "OPEN_EXR_MULTILAYER"}

RESULT_PRIORITY = DEFAULT_PRIORITY + 10
"""What is there is merged and shown before more samples are rendered."""

CHUNK_SCRIPT = """
import bpy
scene = bpy.context.scene
render, cycles = scene.render, scene.cycles
if render.engine != 'CYCLES':
    raise RuntimeError('only the samples of Cycles can be merged; this scene uses ' + render.engine)
first, count, total = {samples}
render.use_compositing = render.use_sequencer = render.use_multiview = render.use_stamp = False
render.use_file_extension, render.use_overwrite, render.use_placeholder = True, False, False
render.image_settings.color_depth = '32'
if hasattr(render.image_settings, 'use_exr_interleave'):
    render.image_settings.use_exr_interleave = True
cycles.use_denoising = cycles.use_adaptive_sampling = False
cycles.time_limit = 0
cycles.use_layer_samples = 'IGNORE'
if hasattr(cycles, 'auto_scrambling_distance'):
    cycles.auto_scrambling_distance = False
if hasattr(cycles, 'use_sample_subset'):
    cycles.samples, cycles.use_sample_subset = total, True
    cycles.sample_offset, cycles.sample_subset_length = first, count
elif hasattr(cycles, 'sample_offset'):
    cycles.samples, cycles.sample_offset = count, first
    if cycles.sampling_pattern in ('AUTOMATIC', 'BLUE_NOISE'):
        cycles.sampling_pattern = 'TABULATED_SOBOL'
else:
    cycles.samples = count
    cycles.seed += first
for layer in scene.view_layers:
    layer.cycles.denoising_store_passes = {denoise}
"""
"""Renders samples of which none comes twice, and the same number in each pixel.

Blender knows subsets of samples from 4.5 on, and a first sample from 3.0 on. Between them, what is
called blue noise counts on the number of samples being that of the whole image.
"""

PREVIEW_SCRIPT = """
import bpy
image_settings = bpy.context.scene.render.image_settings
image_settings.color_mode, image_settings.quality = 'RGB', 90
"""

JOB_TYPE = JobType(
    label="Progressive Render",
    description="Render frames with more and more samples, with previews from early on",
    settings=[
        FRAMES,
        Setting(
            "chunk_size",
            "int32",
            default=1,
            propargs={"min": 1},
            description="How many frames one task renders with the most samples of a chunk",
            visible="submission",
        ),
        Setting(
            "cycles_sample_count",
            "int32",
            required=True,
            eval="C.scene.cycles.samples",
            eval_info=EvalInfo(show_link_button=True, description="Samples of the scene"),
            propargs={"min": 1, "max": 16_777_216},
            visible="submission",
            description="How many samples each frame has in the end",
        ),
        Setting(
            "cycles_sample_cap",
            "int32",
            default=100,
            propargs={"min": 1, "max": 16_777_216},
            visible="submission",
            description="The most samples that are rendered between two previews",
        ),
        Setting(
            "denoise",
            "bool",
            default=False,
            eval="C.scene.cycles.use_denoising",
            eval_info=EvalInfo(show_link_button=True, description="As the scene does"),
            description="Denoise the frames once all samples are merged",
        ),
        *OUTPUT_SETTINGS,
        BLEND_FILE,
        FORMAT,
        SCENE,
    ],
)


@dataclass(frozen=True, slots=True)
class SampleChunk:
    """Some of a frame's samples, counted from 0."""

    first: int
    end: int

    @property
    def count(self) -> int:
        return self.end - self.first


@dataclass(frozen=True, slots=True)
class MergeTask:
    """Merges what there is of some frames."""

    frames: FrameRange
    task: AuthoredTask


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the images of a job lie, each frame's under its own number."""

    root: str
    shift: int
    """What is added to the numbers of frames so that none is negative."""

    def rendered(self, chunk: SampleChunk, name: str = "#" * FRAME_DIGITS) -> str:
        folder = f"samples/{chunk.first + 1:06}-{chunk.end:06}"
        return any_paths.join(self.root, folder, name)

    def merged(self, chunk: SampleChunk, frame: int) -> str:
        """The image with all samples up to the end of a chunk; Blender reads it as a sequence."""
        number = f"{frame + self.shift:0{FRAME_DIGITS}}"
        return any_paths.join(self.root, f"samples/merged-{chunk.end:06}/{number}.exr")

    def preview(self, chunk: SampleChunk) -> str:
        name = f"previews/{chunk.end:06}-samples/{'#' * FRAME_DIGITS}"
        return any_paths.join(self.root, name)


def compile_job(job: AuthoredJob) -> None:
    output = settle_output_path(job)
    shift = max(0, -parse_frames(job.settings.frames).first)
    folders = Folders(any_paths.dirname(output), shift)
    chunks = cut_samples(job)
    merges: list[MergeTask] = []
    for index, chunk in enumerate(chunks):
        merges = author_chunk(job, folders, chunks, index, merges)
        author_previews(job, folders, chunk, merges)
    for merge in merges:
        author_finish(job, folders, chunks[-1], merge, output)


def cut_samples(job: AuthoredJob) -> list[SampleChunk]:
    """Cuts the samples into chunks that rise to the cap, and then have nearly the same size."""
    total, cap = job.settings.cycles_sample_count, job.settings.cycles_sample_cap
    edges = [0]
    for index in range(RISING_CHUNKS + 1):
        start = total / FIRST_PART
        edge = max(1, round((total - start) * (index / RISING_CHUNKS) ** STEEPNESS + start))
        if edge - edges[-1] > cap:
            break
        if edge > edges[-1]:
            edges.append(edge)
    done = edges[-1]
    count = -(-(total - done) // cap)
    if count > MAX_CHUNKS:
        what = f"makes more than {MAX_CHUNKS} chunks of {total} samples"
        job.refuse("cycles_sample_cap", what, f"write {-(-total // MAX_CHUNKS)} or more")
    edges += [done + (total - done) * place // count for place in range(1, count + 1)]
    return [SampleChunk(first, end) for first, end in pairwise(edges)]


def author_chunk(
    job: AuthoredJob,
    folders: Folders,
    chunks: list[SampleChunk],
    index: int,
    before: list[MergeTask],
) -> list[MergeTask]:
    """Renders one chunk of samples of all frames, and merges it with what was merged `before`.

    A task has the more frames, the fewer samples they have.
    """
    settings, chunk = job.settings, chunks[index]
    most = max(each.count for each in chunks)
    merged_by = {frame: merge.task for merge in before for frame in merge.frames}
    merges: list[MergeTask] = []
    for frames in cut_frames(settings.frames, max(1, settings.chunk_size * most // chunk.count)):
        name = f"samples-{chunk.first + 1}-{chunk.end}-frames-{frames}"
        render = job.task(f"render-{name}", type="blender")
        samples = (chunk.first, chunk.count, settings.cycles_sample_count)
        script = CHUNK_SCRIPT.format(samples=samples, denoise=bool(settings.denoise))
        output = folders.rendered(chunk)
        render_images(render, job, frames, output, "OPEN_EXR_MULTILAYER", script)
        # On the workers that render: they have the memory for large images.
        name = f"merge-to-sample-{chunk.end}-frames-{frames}"
        merge = job.task(name, type="blender", priority=RESULT_PRIORITY)
        merge.depends_on(render, *dict.fromkeys(merged_by[frame] for frame in frames if before))
        for frame in frames:
            author_merge(merge, folders, chunks[: index + 1], frame)
        merges.append(MergeTask(frames, merge))
    return merges


def author_merge(
    task: AuthoredTask, folders: Folders, chunks: list[SampleChunk], frame: int
) -> None:
    """Merges the last chunk of a frame with all that come before."""
    *before, chunk = chunks
    name = f"{frame_in_file_name(frame, FRAME_DIGITS)}.exr"
    tiles = [{"path": folders.rendered(chunk, name), "weight": chunk.count}]
    if before:
        # In front: Blender renders depth and numbers of objects with the first sample only.
        earlier = {"path": folders.merged(before[-1], frame), "weight": before[-1].end}
        tiles.insert(0, earlier)
    task.command(
        "merge-images",
        {"tiles": tiles, "output": folders.merged(chunk, frame)},
        total_step_count=len(tiles),
    )


def author_previews(
    job: AuthoredJob, folders: Folders, chunk: SampleChunk, merges: list[MergeTask]
) -> None:
    """Shows what there is, with the noise that is left."""
    for merge in merges:
        name = f"preview-sample-{chunk.end}-frames-{merge.frames}"
        task = job.task(name, type="blender", priority=RESULT_PRIORITY)
        task.depends_on(merge.task)
        script = PREVIEW_SCRIPT + picture_script(folders, merge.frames, denoise=False)
        first = folders.merged(chunk, merge.frames.first)
        output = folders.preview(chunk)
        render_images(task, job, merge.frames, output, "JPEG", script, "--", first)


def author_finish(
    job: AuthoredJob, folders: Folders, chunk: SampleChunk, merge: MergeTask, output: str
) -> None:
    settings = job.settings
    task = job.task(f"finish-frames-{merge.frames}", type="blender", priority=RESULT_PRIORITY)
    task.depends_on(merge.task)
    if settings.format in MULTILAYER_FORMATS and not settings.denoise:
        # Blender's compositor would leave out all passes but one.
        for frame in merge.frames:
            tiles = [{"path": folders.merged(chunk, frame)}]
            parameters = {"tiles": tiles, "output": exr_path(output, frame)}
            task.command("merge-images", parameters, total_step_count=1)
        return
    script = picture_script(folders, merge.frames, denoise=bool(settings.denoise))
    # An argument of its own, in which variables are replaced without harm to the script.
    first = folders.merged(chunk, merge.frames.first)
    render_images(task, job, merge.frames, output, settings.format, script, "--", first)


def picture_script(folders: Folders, frames: FrameRange, *, denoise: bool) -> str:
    count = frames.last - frames.first + 1
    sequence = (frames.first, count, frames.first + folders.shift - 1) if count > 1 else ()
    return MERGED_PICTURE_SCRIPT.format(sequence=sequence, denoise=denoise)


def exr_path(output: str, frame: int) -> str:
    """The path that Blender would write a frame to: its number stands for the last row of `#`."""
    folder, name = any_paths.dirname(output), any_paths.basename(output).removesuffix(".exr")
    *_, (start, end) = [match.span() for match in re.finditer("#+", name)] or [(len(name),) * 2]
    number = frame_in_file_name(frame, (end - start) or 4)
    return any_paths.join(folder, f"{name[:start]}{number}{name[end:]}.exr")
