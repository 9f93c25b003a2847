"""Rendered images as the Manager is shown them: small JPEGs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from flamenco_core import open_exr
from flamenco_worker.blender.image_files import open_with_pillow

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST_SIDE = 2048
"""Pixels. Larger images are made smaller before they travel."""
JPEG_QUALITY = 85
MOST_PIXELS = 150_000_000
"""Of an image that is shown, so that this takes no more than a few gigabytes."""
_EXR = ".exr"
_SHOWABLE = frozenset(
    {_EXR, ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".tga", ".jp2", ".rgb"}
)


def is_showable(path: Path) -> bool:
    """Whether a file of this name can be an image that can be shown; a video cannot."""
    return path.suffix.lower() in _SHOWABLE


def as_jpeg(path: Path) -> bytes:
    """The image at `path` as a JPEG, without its transparency.

    Raises:
        OSError: if it cannot be decoded, or has too many pixels.
        UnreadableExrError: the same, of an OpenEXR image.
    """
    if path.suffix.lower() == _EXR:
        return _jpeg(open_exr.decoded_file(path, most_pixels=MOST_PIXELS))
    with open_with_pillow(path) as image:
        if image.width * image.height > MOST_PIXELS:
            raise OSError(f"it has more than {MOST_PIXELS:,} pixels")
        return _jpeg(image)


def _jpeg(image: Image) -> bytes:
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    content = io.BytesIO()
    image.convert("RGB").save(content, "JPEG", quality=JPEG_QUALITY)
    return content.getvalue()
