"""Real images of all kinds, for what has to decode them."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
WORST_DIFFERENCE = 12
"""Between a colour and what JPEG makes of it."""


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def encoded_as(media_type: str, image: Image.Image) -> bytes:
    """An image in any of the forms that thumbnails are made of."""
    if media_type == "image/x-exr":
        return exr(image)
    return encoded(image, media_type.removeprefix("image/").upper())


def exr(image: Image.Image, *, channels: Sequence[str] = ("R", "G", "B")) -> bytes:
    """An OpenEXR image whose first three channels are the image's; others are black.

    Only for images of full and no colours, since these are the same in linear light.
    """
    import numpy as np
    import OpenImageIO

    pixels = np.zeros((image.height, image.width, len(channels)), np.float32)
    pixels[:, :, :3] = np.asarray(image.convert("RGB"), np.float32) / 255
    spec = OpenImageIO.ImageSpec(image.width, image.height, len(channels), OpenImageIO.HALF)
    spec.channelnames = tuple(channels)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "image.exr"
        output = OpenImageIO.ImageOutput.create(str(file))
        assert output.open(str(file), spec)
        assert output.write_image(pixels)
        output.close()
        return file.read_bytes()


def plain(colour: tuple[int, int, int], *, size: tuple[int, int] = (64, 48)) -> bytes:
    """A PNG of one colour."""
    return encoded(Image.new("RGB", size, colour))


def size_of(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "JPEG"
        return image.size


def colour_of(content: bytes) -> tuple[int, int, int]:
    """The colour in the middle."""
    with Image.open(io.BytesIO(content)) as image:
        pixel = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
    assert isinstance(pixel, tuple)
    red, green, blue = pixel
    return red, green, blue


def is_like(content: bytes, colour: tuple[int, int, int]) -> bool:
    pairs = zip(colour_of(content), colour, strict=True)
    return all(abs(one - other) <= WORST_DIFFERENCE for one, other in pairs)


def bomb(width: int, height: int) -> bytes:
    """A whole PNG of a few kilobytes with as many pixels as wanted, all black."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    line = bytes(1 + (width + 7) // 8)
    packer = zlib.compressobj(9)
    lines = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", lines) + chunk(b"IEND", b"")
