"""What a .blend file says about its scenes, read without Blender."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flamenco_core.packing.bat1 import prepare_bat, unreadable
from flamenco_core.packing.errors import PackingError

if TYPE_CHECKING:
    from blender_asset_tracer.blendfile import BlendFile, BlendFileBlock


@dataclass(frozen=True, slots=True)
class ImageFormat:
    name: str
    """As Blender's Python calls it: `PNG`, `OPEN_EXR` …"""
    extension: str
    """With the dot; empty for videos, whose name depends on the container."""


@dataclass(frozen=True, slots=True)
class SceneFacts:
    name: str
    frame_start: int
    frame_end: int
    fps: float
    width: int
    """Pixels of a rendered frame."""
    height: int
    image_format: ImageFormat | None
    """None if a newer Blender has a format that is not known here."""
    has_previews: bool
    """Whether Blender writes a JPEG beside each frame."""


@dataclass(frozen=True, slots=True)
class BlendFacts:
    blender_version: str
    """Of the Blender that wrote the file, such as `4.5`."""
    active_scene: str | None
    """The scene that Blender shows and renders after opening the file."""
    scenes: tuple[SceneFacts, ...]

    def scene(self, name: str | None = None) -> SceneFacts | None:
        """The scene of that name; without a name the active one, or the only one, if any."""
        if name is None and self.active_scene is None and len(self.scenes) == 1:
            return self.scenes[0]
        wanted = self.active_scene if name is None else name
        return next((scene for scene in self.scenes if scene.name == wanted), None)


_IMAGE_FORMATS = {
    0: ImageFormat("TARGA", ".tga"),
    1: ImageFormat("IRIS", ".rgb"),
    4: ImageFormat("JPEG", ".jpg"),
    14: ImageFormat("TARGA_RAW", ".tga"),
    15: ImageFormat("AVI_RAW", ""),
    16: ImageFormat("AVI_JPEG", ""),
    17: ImageFormat("PNG", ".png"),
    20: ImageFormat("BMP", ".bmp"),
    21: ImageFormat("HDR", ".hdr"),
    22: ImageFormat("TIFF", ".tif"),
    23: ImageFormat("OPEN_EXR", ".exr"),
    24: ImageFormat("FFMPEG", ""),
    26: ImageFormat("CINEON", ".cin"),
    27: ImageFormat("DPX", ".dpx"),
    28: ImageFormat("OPEN_EXR_MULTILAYER", ".exr"),
    30: ImageFormat("JPEG2000", ".jp2"),
    35: ImageFormat("WEBP", ".webp"),
}
"""By the number in the file: Blender's R_IMF_IMTYPE_… constants."""

_JPEG2000 = 30
_JPEG2000_STREAM_CODEC = 1
_PREVIEW_FLAG = 1 << 1
"""R_IMF_FLAG_PREVIEW_JPG."""


def read_blend_facts(blend: Path) -> BlendFacts:
    """Read the scenes of a blend file. Raises `PackingError`, `MissingExtra`."""
    prepare_bat()
    from blender_asset_tracer.blendfile import BlendFile

    try:
        with BlendFile(blend) as file:
            return _facts(file)
    except PackingError:
        raise
    except Exception as error:  # BAT raises whatever a damaged file makes its code stumble over
        raise unreadable(blend, error) from error


def _facts(file: BlendFile) -> BlendFacts:
    scenes = {block.addr_old: _scene(block) for block in file.find_blocks_from_code(b"SC")}
    active = None
    for block in file.find_blocks_from_code(b"GLOB"):
        active = scenes.get(block.get(b"curscene", default=0))
    version = int(file.header.version)
    return BlendFacts(
        blender_version=f"{version // 100}.{version % 100}",
        active_scene=active.name if active else None,
        scenes=tuple(scenes.values()),
    )


def _scene(block: BlendFileBlock) -> SceneFacts:
    percentage = _number(block, b"size") / 100
    return SceneFacts(
        name=block.get((b"id", b"name"))[2:].decode("utf-8", "replace"),
        frame_start=int(_number(block, b"sfra")),
        frame_end=int(_number(block, b"efra")),
        fps=_number(block, b"frs_sec") / _number(block, b"frs_sec_base"),
        width=int(_number(block, b"xsch") * percentage),
        height=int(_number(block, b"ysch") * percentage),
        image_format=_image_format(block),
        has_previews=bool(int(_number(block, b"im_format", b"flag")) & _PREVIEW_FLAG),
    )


def _image_format(block: BlendFileBlock) -> ImageFormat | None:
    number = int(_number(block, b"im_format", b"imtype"))
    if number == _JPEG2000 and _number(block, b"im_format", b"jp2_codec") == _JPEG2000_STREAM_CODEC:
        return ImageFormat("JPEG2000", ".j2c")
    return _IMAGE_FORMATS.get(number)


def _number(block: BlendFileBlock, *names: bytes) -> float:
    """A field of the scene's render settings."""
    value: float = block.get((b"r", *names))
    return value
