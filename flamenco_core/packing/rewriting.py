"""Copies of blend files with other paths in them. The file itself is never written to.

The same file and changes always give the same bytes, so that a copy that the farm has already is
recognised.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from flamenco_core.packing.errors import MissingExtra, PackingError
from flamenco_core.packing.plan import PathChange

_PIECE = 1 << 20
_MEMORY_LIMIT = 64 << 20
"""Bytes of a decompressed file that are kept in memory before a temporary file is used."""

_PLAIN = b"BLENDER"
_GZIP = b"\x1f\x8b"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
_ZSTANDARD_SKIPPABLE = b"\x2a\x4d\x18"
"""The last three bytes of sixteen magic numbers, of which the first byte is 0x50 to 0x5f."""


def write_rewritten(source: Path, changes: Sequence[PathChange], destination: IO[bytes]) -> None:
    """Write the blend file `source` with `changes` to `destination`, compressed as it was.

    Raises `PackingError` if the file cannot be read as a blend file, `OSError`.
    """
    with source.open("rb") as file, tempfile.SpooledTemporaryFile(_MEMORY_LIMIT) as plain:
        magic = file.read(7)
        file.seek(0)
        if magic == _PLAIN:
            shutil.copyfileobj(file, plain, _PIECE)
            _apply(changes, plain)
            shutil.copyfileobj(plain, destination, _PIECE)
        elif magic.startswith(_GZIP):
            with gzip.GzipFile(fileobj=file) as unpacked:
                shutil.copyfileobj(unpacked, plain, _PIECE)
            _apply(changes, plain)
            # Name and time would otherwise be part of the result.
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=destination, mtime=0) as packed:
                shutil.copyfileobj(plain, packed, _PIECE)
        elif magic.startswith(_ZSTANDARD) or magic[1:4] == _ZSTANDARD_SKIPPABLE:
            _rewrite_zstandard(file, changes, plain, destination)
        else:
            raise PackingError(f"cannot rewrite {source}: it is no .blend file")


def _rewrite_zstandard(
    file: IO[bytes], changes: Sequence[PathChange], plain: IO[bytes], destination: IO[bytes]
) -> None:
    try:
        import zstandard
    except ImportError as error:
        raise MissingExtra("pack", "reading compressed .blend files") from error
    # Blender writes many frames in a row, and a table for seeking at the end that it can do
    # without.
    with zstandard.ZstdDecompressor().stream_reader(
        file, read_across_frames=True, closefd=False
    ) as unpacked:
        shutil.copyfileobj(unpacked, plain, _PIECE)
    _apply(changes, plain)
    with zstandard.ZstdCompressor(level=3).stream_writer(destination, closefd=False) as packed:
        shutil.copyfileobj(plain, packed, _PIECE)


def _apply(changes: Sequence[PathChange], plain: IO[bytes]) -> None:
    """Write the new paths into the decompressed file; leaves it at its start."""
    for change in changes:
        value = change.new.encode("utf-8", "surrogateescape")
        plain.seek(change.field.offset)
        plain.write(value.ljust(change.field.size, b"\0"))
    plain.seek(0)
