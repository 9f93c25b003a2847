"""Renders one image as tiles, on as many workers as there are, and puts them together.

Tiles overlap, and are merged before anything that looks beyond its pixel happens to the image:
denoising comes after, and view transform and file format are those of the scene. What the scene's
compositor and sequencer would do is left out, since they may look anywhere, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from flamenco_core.frames import frame_in_file_name
from flamenco_core.job_types import any_paths
from flamenco_core.job_types.authoring import (
    AuthoredJob,
    AuthoredTask,
    EvalInfo,
    JobType,
    Setting,
)
from flamenco_core.job_types.merged_images import MERGED_LAYERS, MERGED_PICTURE_SCRIPT
from flamenco_core.job_types.rendering import (
    BLEND_FILE,
    FORMAT,
    OUTPUT_SETTINGS,
    SCENE,
    render_images,
    settle_output_path,
)

MAX_TILES = 10_000

FRAME_DIGITS = 6

TILE_SCRIPT = """
import bpy
scene = bpy.context.scene
render = scene.render
render.resolution_x, render.resolution_y = {resolution}
render.resolution_percentage = {percentage}
render.use_border = render.use_crop_to_border = True
render.border_min_x, render.border_max_x = {horizontal}
render.border_min_y, render.border_max_y = {vertical}
render.use_compositing = render.use_sequencer = render.use_multiview = render.use_stamp = False
render.use_file_extension, render.use_overwrite, render.use_placeholder = True, False, False
render.image_settings.color_depth = '32'
if hasattr(render.image_settings, 'use_exr_interleave'):
    render.image_settings.use_exr_interleave = True
layers = [layer for layer in scene.view_layers if layer.use] or scene.view_layers[:1]
for layer in scene.view_layers:
    layer.use = layer == layers[0]
if render.engine == 'CYCLES':
    scene.cycles.use_denoising = False
    layers[0].cycles.denoising_store_passes = {denoise}
"""
"""Like Blender without a compositor, it shows the first view layer that is to be rendered."""

FINAL_SCRIPT = """
import bpy
render = bpy.context.scene.render
render.resolution_x, render.resolution_y = {resolution}
render.resolution_percentage = {percentage}
render.use_border = False
"""

JOB_TYPE = JobType(
    label="Single Image Render",
    description="Render one image as overlapping tiles, and merge and denoise them",
    settings=[
        Setting(
            "frame",
            "int32",
            required=True,
            eval="C.scene.frame_current",
            eval_info=EvalInfo(show_link_button=True, description="Current frame"),
            description="The frame to render",
        ),
        Setting(
            "tile_size",
            "int32",
            default=512,
            propargs={"min": 16, "soft_max": 4096},
            visible="submission",
            description="Longest side of a tile in pixels, without what overlaps",
        ),
        Setting(
            "overlap",
            "int32",
            default=16,
            propargs={"min": 0, "max": 512},
            visible="submission",
            description="How many pixels a tile reaches into each of its neighbours",
        ),
        Setting(
            "denoise",
            "bool",
            default=False,
            eval="C.scene.render.engine == 'CYCLES' and C.scene.cycles.use_denoising",
            eval_info=EvalInfo(show_link_button=True, description="As the scene does"),
            description="Denoise the whole image once the tiles are merged",
        ),
        *(
            Setting(
                f"resolution_{axis}",
                "int32",
                required=True,
                eval=f"C.scene.render.resolution_{axis}",
                eval_info=EvalInfo(show_link_button=True, description=f"{name} of the scene"),
                propargs={"min": 4, "max": 65536},
                visible="submission",
            )
            for axis, name in (("x", "Width"), ("y", "Height"))
        ),
        Setting(
            "resolution_percentage",
            "int32",
            default=100,
            eval="C.scene.render.resolution_percentage",
            eval_info=EvalInfo(show_link_button=True, description="Scale of the scene"),
            propargs={"min": 1, "max": 32767},
            visible="submission",
        ),
        *OUTPUT_SETTINGS,
        BLEND_FILE,
        FORMAT,
        SCENE,
    ],
)


@dataclass(frozen=True, slots=True)
class Span:
    """A tile's part of one side of the image, in pixels from the left, or from the top."""

    first: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.first


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the image, which its neighbours overlap."""

    name: str
    across: Span
    down: Span


def compile_job(job: AuthoredJob) -> None:
    output = settle_output_path(job)
    folder = any_paths.join(any_paths.dirname(output), "tiles")
    merged = any_paths.join(folder, "merged.exr")
    tiles = cut_into_tiles(job)
    tasks = [author_tile(job, folder, tile) for tile in tiles]
    merge = author_merge(job, folder, tiles, merged)
    merge.depends_on(*tasks)
    author_final(job, output, merged).depends_on(merge)


def image_size(job: AuthoredJob) -> tuple[int, int]:
    """Width and height in pixels, rounded as Blender rounds them."""
    settings = job.settings
    scale = settings.resolution_percentage
    width, height = (side * scale // 100 for side in (settings.resolution_x, settings.resolution_y))
    if min(width, height) < 1:
        what = f"makes an image of {width} × {height} pixels"
        job.refuse("resolution_percentage", what, "choose a larger one")
    return width, height


def cut_into_tiles(job: AuthoredJob) -> list[Tile]:
    settings = job.settings
    columns, rows = (spans(side, settings.tile_size, settings.overlap) for side in image_size(job))
    if len(columns) * len(rows) > MAX_TILES:
        what = f"makes {len(columns) * len(rows)} tiles, more than {MAX_TILES}"
        job.refuse("tile_size", what, "choose larger tiles")
    return [
        Tile(f"tile-{y:03}-{x:03}", across, down)
        for y, down in enumerate(rows)
        for x, across in enumerate(columns)
    ]


def spans(length: int, tile_size: int, overlap: int) -> list[Span]:
    """One side of the image in parts of nearly the same length, which overlap on both sides."""
    count = -(-length // tile_size)
    edges = [length * index // count for index in range(count + 1)]
    return [
        Span(max(0, first - overlap), min(length, end + overlap)) for first, end in pairwise(edges)
    ]


def author_tile(job: AuthoredJob, folder: str, tile: Tile) -> AuthoredTask:
    width, height = image_size(job)
    script = TILE_SCRIPT.format(
        **resolution(job),
        horizontal=(border(tile.across.first, width), border(tile.across.end, width)),
        # Blender counts from the bottom.
        vertical=(border(height - tile.down.end, height), border(height - tile.down.first, height)),
    )
    task = job.task(f"render-{tile.name}", type="blender")
    output = any_paths.join(folder, f"{tile.name}-{'#' * FRAME_DIGITS}")
    render_images(task, job, [job.settings.frame], output, "OPEN_EXR_MULTILAYER", script)
    return task


def border(pixel: int, length: int) -> float:
    """The place of a pixel's edge as part of the side; Blender rounds down to get it back."""
    return min(1.0, (pixel + 0.25) / length) if pixel else 0.0


def author_merge(job: AuthoredJob, folder: str, tiles: list[Tile], merged: str) -> AuthoredTask:
    width, height = image_size(job)
    number = frame_in_file_name(job.settings.frame, FRAME_DIGITS)
    # On the workers that render: they have the memory for large images.
    task = job.task("merge", type="blender")
    task.command(
        "merge-images",
        {
            "tiles": [
                {
                    "path": any_paths.join(folder, f"{tile.name}-{number}.exr"),
                    "x": tile.across.first,
                    "y": tile.down.first,
                    "width": tile.across.length,
                    "height": tile.down.length,
                }
                for tile in tiles
            ],
            "width": width,
            "height": height,
            "layers": MERGED_LAYERS if job.settings.denoise else MERGED_LAYERS[:1],
            "output": merged,
        },
        total_step_count=len(tiles),
    )
    return task


def author_final(job: AuthoredJob, output: str, merged: str) -> AuthoredTask:
    task = job.task("finish", type="blender")
    denoise = bool(job.settings.denoise)
    picture = MERGED_PICTURE_SCRIPT.format(sequence=(), denoise=denoise)
    script = FINAL_SCRIPT.format(**resolution(job)) + picture
    # An argument of its own, in which variables are replaced without harm to the script.
    frames = [job.settings.frame]
    render_images(task, job, frames, output, job.settings.format, script, "--", merged)
    return task


def resolution(job: AuthoredJob) -> dict[str, object]:
    """What both scripts set."""
    settings = job.settings
    return {
        "resolution": (settings.resolution_x, settings.resolution_y),
        "percentage": settings.resolution_percentage,
        "denoise": bool(settings.denoise),
    }
