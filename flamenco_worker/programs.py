"""Finds the programs that commands run and that their parameters name only loosely."""

from __future__ import annotations

import shutil
from pathlib import Path

from flamenco_worker.process import ProgramMissing

_FFMPEG_NAMES = frozenset({"ffmpeg", "ffmpeg.exe"})


def find_ffmpeg(name: str, configured: str) -> str:
    """The FFmpeg to run for a command that asks for `name`.

    A name other than plain `ffmpeg` is used as it is. Otherwise: the one in the worker's
    configuration, the one on PATH, the one that the package `imageio-ffmpeg` carries.

    Raises:
        ProgramMissing: if there is none of these.
    """
    if name.lower() not in _FFMPEG_NAMES:
        return name
    if configured:
        if shutil.which(configured) is None:
            raise ProgramMissing(f"The FFmpeg of the worker's configuration, {configured}, is none")
        return configured
    return shutil.which(name) or _packaged_ffmpeg()


def find_ffprobe(ffmpeg: str) -> str | None:
    """The ffprobe beside an FFmpeg, or on PATH; None if there is none."""
    path = shutil.which(ffmpeg) or ffmpeg
    name = Path(path).name.lower().replace("ffmpeg", "ffprobe")
    return shutil.which(str(Path(path).with_name(name))) or shutil.which("ffprobe")


def _packaged_ffmpeg() -> str:
    try:
        import imageio_ffmpeg

        found: str = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        raise ProgramMissing(
            "There is no FFmpeg on this machine: install it, name it in flamenco-worker.yaml "
            "(ffmpeg: /path/to/ffmpeg), or install the Python package imageio-ffmpeg"
        ) from None
    return found
