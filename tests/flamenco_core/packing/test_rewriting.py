"""Rewritten copies: right, the same each time, and never made in place."""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from flamenco_core.packing import PackingError, PathField
from flamenco_core.packing.plan import PathChange
from flamenco_core.packing.rewriting import write_rewritten

NOISE = random.Random(1).randbytes(300_000)
PLAIN = b"BLENDER-v405" + b"//old.png".ljust(64, b"\0") + NOISE + b"/far/away.png".ljust(32, b"\0")
FAR = 12 + 64 + len(NOISE)
CHANGES = [
    PathChange(PathField(12, 64), "//new/wöod.png"),
    PathChange(PathField(FAR, 32), "//a"),
]
EXPECTED = (
    b"BLENDER-v405" + "//new/wöod.png".encode().ljust(64, b"\0") + NOISE + b"//a".ljust(32, b"\0")
)


def in_frames(content: bytes) -> bytes:
    """As Blender writes it: many compressed frames, then a table that may be skipped."""
    compressor = zstandard.ZstdCompressor()
    frames = [
        compressor.compress(content[start : start + 50_000])
        for start in range(0, len(content), 50_000)
    ]
    table = b"\x5e\x2a\x4d\x18" + (8).to_bytes(4, "little") + b"seektabl"
    return b"".join(frames) + table


def unpacked(content: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True).read()


FORMS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "plain": (lambda content: content, lambda content: content),
    "gzip": (gzip.compress, gzip.decompress),
    "zstandard": (in_frames, unpacked),
}


@pytest.mark.parametrize("form", FORMS)
def test_paths_change_and_the_rest_stays_in_every_compression(tmp_path: Path, form: str) -> None:
    pack, unpack = FORMS[form]
    source = tmp_path / "scene.blend"
    source.write_bytes(pack(PLAIN))
    before = source.read_bytes(), source.stat().st_mtime_ns
    results = []
    for _ in range(2):
        destination = io.BytesIO()
        write_rewritten(source, CHANGES, destination)
        results.append(destination.getvalue())
    assert unpack(results[0]) == EXPECTED
    assert results[0] == results[1]
    assert (source.read_bytes(), source.stat().st_mtime_ns) == before


def test_what_is_no_blend_file_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "scene.blend"
    source.write_bytes(b"not a blend")
    with pytest.raises(PackingError, match=r"no \.blend file"):
        write_rewritten(source, CHANGES, io.BytesIO())
