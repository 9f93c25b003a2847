"""OpenEXR images as pictures to look at: the combined colours, as a screen shows them.

Needs OpenImageIO, which the extras `[manager]` and `[worker]` bring.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

MAGIC = b"\x76\x2f\x31\x01"

_PREFERRED_LAYERS = ("", "Combined", "Image", "Composite")
"""Of whose colours a picture is made, the first one that is there; else of any layer."""


class UnreadableExrError(ValueError):
    """These bytes are no OpenEXR image that can be shown."""


def decoded(content: bytes, *, most_pixels: int) -> Image:
    """The picture, in 8 bits a channel, on black where it is transparent.

    Raises:
        UnreadableExrError: if it cannot be decoded, has no colours, or too many pixels.
        ModuleNotFoundError: if OpenImageIO is not installed.
    """
    # OpenImageIO's Python interface reads files only.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "image.exr"
        file.write_bytes(content)
        return decoded_file(file, most_pixels=most_pixels)


def decoded_file(file: Path, *, most_pixels: int) -> Image:
    """Like `decoded`, of a file."""
    import OpenImageIO

    opened = OpenImageIO.ImageInput.open(str(file))
    if opened is None:
        raise UnreadableExrError(OpenImageIO.geterror())
    try:
        return _picture(opened, most_pixels)
    finally:
        opened.close()


def colour_channels(names: Sequence[str]) -> list[int] | None:
    """Where red, green and blue stand among the channels of an image, or one value for all three.

    Blender names the channels of a multilayer file `View Layer.Combined.R`.
    """
    layers: dict[str, dict[str, int]] = {}
    for place, name in enumerate(names):
        layer, _, channel = name.rpartition(".")
        layers.setdefault(layer, {})[channel.upper()] = place
    for wanted in _PREFERRED_LAYERS:
        for layer, places in layers.items():
            if layer.rpartition(".")[2] == wanted and (found := _colours(places)):
                return found
    return next((found for places in layers.values() if (found := _colours(places))), None)


def _colours(places: dict[str, int]) -> list[int] | None:
    if {"R", "G", "B"} <= places.keys():
        return [places["R"], places["G"], places["B"]]
    grey = next((places[name] for name in ("Y", "V") if name in places), None)
    return None if grey is None else [grey] * 3


def _picture(opened: Any, most_pixels: int) -> Image:
    part = 0
    while opened.seek_subimage(part, 0):
        spec = opened.spec()
        width, height = spec.full_width, spec.full_height
        # Both what is there and what it is a part of: each is made.
        if max(width * height, spec.width * spec.height) > most_pixels:
            raise UnreadableExrError(
                f"The image has {width} × {height} pixels; {most_pixels:,} are allowed"
            )
        channels = colour_channels(spec.channelnames)
        if channels is not None:
            return _screen_picture(opened, part, spec, channels)
        part += 1
    raise UnreadableExrError("it has no colours to show")


def _screen_picture(opened: Any, part: int, spec: Any, channels: list[int]) -> Image:
    import numpy as np
    import OpenImageIO
    from PIL import Image as Pillow

    first, last = min(channels), max(channels) + 1
    pixels = opened.read_image(part, 0, first, last, OpenImageIO.FLOAT)
    if pixels is None:
        raise UnreadableExrError(opened.geterror())
    linear = np.nan_to_num(np.asarray(pixels)[:, :, [place - first for place in channels]])
    linear = linear.clip(0.0, 1.0)
    screen = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    present = Pillow.fromarray((screen * 255 + 0.5).astype(np.uint8), "RGB")
    whole = Pillow.new("RGB", (spec.full_width, spec.full_height))
    whole.paste(present, (spec.x - spec.full_x, spec.y - spec.full_y))
    return whole
