"""Reads a rendered image completely, to know that it is whole.

Pillow decodes what it knows well, OpenImageIO the rest (EXR above all). Neither notices every file
that is cut short, so that each format's own mark of its end is looked for as well.
"""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flamenco_core.errors import FlamencoError

if TYPE_CHECKING:
    from PIL.Image import Image

_HEAD_BYTES = 64
_TAIL_BYTES = 64


class ImageRefused(FlamencoError):
    """The file is no whole image; the message is a sentence without its first words, the name."""


@dataclass(frozen=True, slots=True)
class ImageSize:
    """In pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    head: bytes
    tail: bytes
    size: int


@dataclass(frozen=True, slots=True)
class _Format:
    """How files of one format begin and end, and who decodes them."""

    name: str
    begins: Callable[[bytes], bool]
    is_complete: Callable[[_File], bool]
    decode: Callable[[Path], ImageSize]


def read_image(path: Path, blender_format: str) -> ImageSize:
    """Decodes a whole file; `blender_format` is Blender's name of the format it must have.

    Raises:
        ImageRefused: if the file is empty, cut short, damaged, or of another format.
        OSError: if it does not exist or cannot be read.
    """
    file = _look_at(path)
    if file.size == 0:
        raise ImageRefused("is empty, it has zero bytes")
    expected = FORMATS.get(blender_format)
    if expected is None:
        raise ImageRefused(f"has the format {blender_format}, which cannot be verified")
    if not expected.begins(file.head):
        raise ImageRefused(f"is not {expected.name}: {_what_it_is(file.head)}")
    if not expected.is_complete(file):
        raise ImageRefused(f"is a torn {expected.name} file: its end is missing")
    try:
        return expected.decode(path)
    except _CutShort:
        raise ImageRefused(f"is a torn {expected.name} file: its end is missing") from None
    except (OSError, SyntaxError, ValueError, struct.error, EOFError, MemoryError) as error:
        # Decoders do not tell a missing end from other damage.
        detail = " ".join(str(error).split())
        raise ImageRefused(f"is a torn or damaged {expected.name} file: {detail}") from error


class _CutShort(Exception):
    """The file refers to data behind its end."""


def _look_at(path: Path) -> _File:
    with path.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
        size = opened.seek(0, os.SEEK_END)
        opened.seek(max(0, size - _TAIL_BYTES))
        return _File(path, head, opened.read(), size)


def _what_it_is(head: bytes) -> str:
    # Targa begins with nothing of its own, so that nearly everything would pass for it.
    found = [f for key, f in FORMATS.items() if not key.startswith("TARGA") and f.begins(head)]
    return f"its content is {found[0].name}" if found else "its content is no known image"


def open_with_pillow(path: Path) -> Image:
    """An image of any size: what was rendered here is no attack, however many pixels it has."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    return Image.open(path)


def _decode_with_pillow(path: Path) -> ImageSize:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as of metadata that nobody needs
        with open_with_pillow(path) as image:
            if image.format == "TIFF" and _last_strip_end(image) > path.stat().st_size:
                raise _CutShort
            image.load()
            return ImageSize(*image.size)


def _last_strip_end(image: Any) -> int:
    """Where the pixels of a TIFF end, in bytes; they stand in strips or in tiles."""
    tags = image.tag_v2
    offsets, counts = (273, 279) if 273 in tags else (324, 325)
    pairs = zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False)
    return max((offset + count for offset, count in pairs), default=0)


def _decode_with_openimageio(path: Path) -> ImageSize:
    import OpenImageIO

    opened = OpenImageIO.ImageInput.open(str(path))
    if opened is None:
        raise ValueError(OpenImageIO.geterror())
    try:
        size = ImageSize(opened.spec().width, opened.spec().height)
        part = 0
        while opened.seek_subimage(part, 0):
            if opened.read_image(part, 0, 0, -1, OpenImageIO.UNKNOWN) is None:
                raise ValueError(opened.geterror())
            part += 1
        return size
    finally:
        opened.close()


def _begins_with(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(starts)


def _ends_with(end: bytes, *, padding: bytes = b"") -> Callable[[_File], bool]:
    return lambda file: (file.tail.rstrip(padding) if padding else file.tail).endswith(end)


def _has_size_of_header(layout: str, offset: int, more: int = 0) -> Callable[[_File], bool]:
    """For formats whose header holds the size of the file, less `more` bytes."""

    def is_complete(file: _File) -> bool:
        end = offset + struct.calcsize(layout)
        if len(file.head) < end:
            return False
        size: int = struct.unpack(layout, file.head[offset:end])[0]
        return file.size >= size + more

    return is_complete


def _dpx_is_complete(file: _File) -> bool:
    layout = "<I" if file.head.startswith(b"XPDS") else ">I"
    return _has_size_of_header(layout, 16)(file)


def _tiff_is_complete(file: _File) -> bool:
    """Whether the directory is there, which may stand behind the pixels."""
    order = "<" if file.head.startswith(b"II") else ">"
    if len(file.head) < 8 or file.head[2:4] in (b"+\x00", b"\x00+"):
        return len(file.head) >= 8  # BigTIFF, for files of more than 4 GB, is left to the decoder
    start: int = struct.unpack_from(f"{order}I", file.head, 4)[0]
    with file.path.open("rb") as opened:
        opened.seek(start)
        count = opened.read(2)
    if len(count) < 2:
        return False
    entries: int = struct.unpack(f"{order}H", count)[0]
    return file.size >= start + 2 + 12 * entries + 4


def _decoder_decides(_file: _File) -> bool:
    return True


_EXR = _Format("OpenEXR", _begins_with(b"v/1\x01"), _decoder_decides, _decode_with_openimageio)
_TARGA = _Format(
    "Targa",
    lambda head: head[1:3] in (b"\x00\x02", b"\x00\x0a", b"\x00\x03", b"\x00\x0b"),
    _ends_with(b"TRUEVISION-XFILE.\x00"),
    _decode_with_pillow,
)

FORMATS = {
    "PNG": _Format(
        "PNG",
        _begins_with(b"\x89PNG\r\n\x1a\n"),
        _ends_with(b"IEND\xaeB`\x82"),
        _decode_with_pillow,
    ),
    "JPEG": _Format(
        "JPEG",
        _begins_with(b"\xff\xd8\xff"),
        _ends_with(b"\xff\xd9", padding=b"\x00"),
        _decode_with_pillow,
    ),
    "TIFF": _Format(
        "TIFF",
        _begins_with(b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
        _tiff_is_complete,
        _decode_with_pillow,
    ),
    "WEBP": _Format(
        "WebP",
        lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
        _has_size_of_header("<I", 4, more=8),
        _decode_with_pillow,
    ),
    "OPEN_EXR": _EXR,
    "OPEN_EXR_MULTILAYER": _EXR,
    "BMP": _Format("BMP", _begins_with(b"BM"), _has_size_of_header("<I", 2), _decode_with_pillow),
    "TARGA": _TARGA,
    "TARGA_RAW": _TARGA,
    "HDR": _Format("Radiance HDR", _begins_with(b"#?"), _decoder_decides, _decode_with_openimageio),
    "JPEG2000": _Format(
        "JPEG 2000",
        _begins_with(b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51"),
        _decoder_decides,
        _decode_with_pillow,
    ),
    "DPX": _Format(
        "DPX", _begins_with(b"XPDS", b"SDPX"), _dpx_is_complete, _decode_with_openimageio
    ),
    "CINEON": _Format(
        "Cineon",
        _begins_with(b"\x80\x2a\x5f\xd7"),
        _has_size_of_header(">I", 20),
        _decode_with_openimageio,
    ),
    "IRIS": _Format("Iris", _begins_with(b"\x01\xda"), _decoder_decides, _decode_with_pillow),
}
"""By the names that Blender gives to `image_settings.file_format`."""
