"""The image that a job rendered last, as thumbnails in the job's folder.

There is always one set per job, under names that never change: a new image takes the place of the
one before. Whoever shows them has to ask whether they have changed.

Decoding needs Pillow and OpenImageIO (the extra `[manager]`), and is better done in a process of
its own: what is decoded comes from elsewhere.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flamenco_core import open_exr
from flamenco_core.durable import make_folders, sync_folder
from flamenco_core.errors import InvalidInput
from flamenco_core.open_exr import UnreadableExrError
from flamenco_core.task_logs import job_folder

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST_IMAGE_BYTES = 25 * 2**20
"""More is not worth sending for a thumbnail."""

MOST_PIXELS = 80_000_000
"""More is not decoded: a few kilobytes can claim to be gigabytes. Twice an 8K frame."""

JPEG_QUALITY = 85

_PILLOW_TYPES: Mapping[str, str] = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/tiff": "TIFF",
    "image/webp": "WEBP",
}
"""With Pillow's names for them."""

_EXR_TYPE = "image/x-exr"

MEDIA_TYPES: Sequence[str] = (*_PILLOW_TYPES, _EXR_TYPE)
"""What can be decoded."""


class UnusableImage(InvalidInput):
    """These bytes are no image that thumbnails can be made of."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A size in which an image is kept; pixels, at most."""

    name: str
    width: int
    height: int


THUMBNAILS = (
    Thumbnail("last-rendered.jpg", 1920, 1080),
    Thumbnail("last-rendered-small.jpg", 600, 338),
    Thumbnail("last-rendered-tiny.jpg", 200, 112),
)
"""From large to small: each is made from the one before it."""


def thumbnail_file(storage: Path, job_id: str, name: str) -> Path:
    """Where a job's thumbnail lies in the Manager's local storage."""
    return job_folder(storage, job_id) / name


def has_thumbnails(storage: Path, job_id: str) -> bool:
    """Whether a job has rendered an image that can be shown; the last one written tells."""
    return thumbnail_file(storage, job_id, THUMBNAILS[-1].name).is_file()


def media_type_of(start: bytes) -> str | None:
    """What an image is by its first bytes (12 are enough); None for what cannot be decoded."""
    if start.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if start.startswith((b"II*\x00", b"MM\x00*")):
        return "image/tiff"
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "image/webp"
    if start.startswith(open_exr.MAGIC):
        return _EXR_TYPE
    return None


def make_thumbnails(content: bytes) -> list[bytes]:
    """The JPEGs of an image, in the order of `THUMBNAILS`; never larger than the image.

    Raises:
        UnusableImage: if it cannot be decoded whole, or has too many pixels.
        ModuleNotFoundError: if Pillow is not installed, or for OpenEXR OpenImageIO.
    """
    from PIL import Image

    if media_type_of(content) == _EXR_TYPE:
        try:
            return _scaled(open_exr.decoded(content, most_pixels=MOST_PIXELS))
        except UnreadableExrError as error:
            raise UnusableImage(f"The image cannot be decoded: {error}") from error
    try:
        # Only these decoders: some of the others start programs.
        with Image.open(io.BytesIO(content), formats=tuple(_PILLOW_TYPES.values())) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise UnusableImage(
                    f"The image has {width} × {height} pixels; {MOST_PIXELS:,} are allowed"
                )
            largest = THUMBNAILS[0]
            # JPEGs can be decoded at a half or a quarter of their size, which is quicker.
            image.draft(None, (2 * largest.width, 2 * largest.height))
            return _scaled(_opaque(image))
    except UnusableImage:
        raise
    except Exception as error:  # broken images make decoders raise errors of any kind
        raise UnusableImage(f"The image cannot be decoded: {error!r}") from error


def write_thumbnails(storage: Path, job_id: str, jpegs: Sequence[bytes]) -> None:
    """Puts a set of thumbnails in the place of the one before; when this returns, it is on disk.

    A crash leaves whole files. There may be one writer at a time. On Windows, a file that is
    being read at that moment cannot be replaced.

    Raises:
        OSError: if they cannot be written.
    """
    folder = job_folder(storage, job_id)
    make_folders(folder)
    written = []
    for thumbnail, jpeg in zip(THUMBNAILS, jpegs, strict=True):
        # Always the same name, so that what a crash leaves is written over by the next image.
        new = folder / f"{thumbnail.name}.new"
        with new.open("wb") as stream:
            stream.write(jpeg)
            stream.flush()
            os.fsync(stream.fileno())
        written.append((new, folder / thumbnail.name))
    for new, final in written:
        new.replace(final)
    sync_folder(folder)


def _scaled(image: Image) -> list[bytes]:
    from PIL import Image as Pillow

    jpegs = []
    for thumbnail in THUMBNAILS:
        image.thumbnail((thumbnail.width, thumbnail.height), Pillow.Resampling.LANCZOS)
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=JPEG_QUALITY)
        jpegs.append(stream.getvalue())
    return jpegs


def _opaque(image: Image) -> Image:
    """The image in 8 bits a channel, on black where it is transparent, without its metadata."""
    from PIL import Image as Pillow

    present = _in_8_bits(image)
    if not present.has_transparency_data:
        opaque = present.convert("RGB")
    else:
        with_alpha = present.convert("RGBA")
        opaque = Pillow.new("RGB", with_alpha.size)
        opaque.paste(with_alpha, mask=with_alpha.getchannel("A"))
    opaque.info.clear()
    return opaque


def _in_8_bits(image: Image) -> Image:
    """Grey images of more bits, which Pillow would cut off at white instead of scaling them."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode == "F":
        return image.point(lambda value: value * 255).convert("L")
    return image
