"""A storage without space, for real: a small file system in memory (needs root on Linux)."""

from __future__ import annotations

from pathlib import Path

import pytest

from flamenco_core.errors import StorageError
from flamenco_core.model import ShamanFileSpec, ShamanFileStatus
from flamenco_core.shaman import ShamanStore
from tests.flamenco_core.shaman.content import checkout_of, put, spec


def test_a_full_disk_refuses_the_upload_and_leaves_nothing(small_volume: Path) -> None:
    store = ShamanStore(
        small_volume / "file-store", small_volume / "jobs", free_bytes=lambda _folder: 10**12
    )
    content = b"x" * 2_000_000
    file = spec(content)
    with pytest.raises(StorageError, match="No space left on device"):
        put(store, content)
    assert store.status(file.sha, file.size) is ShamanFileStatus.UNKNOWN
    assert [path for path in small_volume.rglob("*") if path.is_file()] == []
    put(store, b"there is room for this")


def test_a_full_disk_refuses_the_checkout_and_leaves_nothing(small_volume: Path) -> None:
    store = ShamanStore(
        small_volume / "file-store", small_volume / "jobs", free_bytes=lambda _folder: 10**12
    )
    content = put(store, b"texture").sha
    files = [
        ShamanFileSpec(sha=content, size=7, path=f"folder {number}/file.png")
        for number in range(500)  # more names than the volume holds
    ]
    with pytest.raises(StorageError, match="No space left on device"):
        store.checkout(checkout_of("job", *files))
    assert not (small_volume / "jobs").exists()
