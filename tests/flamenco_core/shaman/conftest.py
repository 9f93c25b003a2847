"""A store in a folder of its own, with a clock that tests move by hand."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco_core.shaman import ShamanStore
from tests.flamenco_core.shaman.content import SteppedClock


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def store(tmp_path: Path, clock: SteppedClock) -> ShamanStore:
    return ShamanStore(tmp_path / "file-store", tmp_path / "jobs", clock=clock)


def _mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory at `folder`, for the duration of a test."""
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(mounting, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("cannot mount a volume: this system has no `mount`")
    if done.returncode:
        pytest.skip(f"cannot mount a volume: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Path]:
    """A volume of one megabyte and 200 names."""
    yield from _mounted(tmp_path / "small", "size=1m,nr_inodes=200")


@pytest.fixture
def other_volume(tmp_path: Path) -> Iterator[Path]:
    yield from _mounted(tmp_path / "other", "size=1m")
