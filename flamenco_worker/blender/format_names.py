"""The names of image formats: `--render-format` and Blender's Python differ in some."""

from __future__ import annotations

FORMAT_ARGUMENTS = {
    "TGA": "TARGA",
    "RAWTGA": "TARGA_RAW",
    "AVIRAW": "AVI_RAW",
    "AVIJPEG": "AVI_JPEG",
    "EXR": "OPEN_EXR",
    "MULTILAYER": "OPEN_EXR_MULTILAYER",
    "MPEG": "FFMPEG",
    "JP2": "JPEG2000",
}
"""What `--render-format` calls the formats that Python knows by another name."""


def python_name(argument: str) -> str:
    """The name that `image_settings.file_format` has for an argument of `--render-format`."""
    return FORMAT_ARGUMENTS.get(argument, argument)
