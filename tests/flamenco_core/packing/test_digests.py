"""Sums are remembered, and never wrongly believed."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from flamenco_core.packing import FileDigests, PackingCancelled, PackingError, PathField
from flamenco_core.packing import digests as digests_module
from flamenco_core.packing.digests import FileDigest
from flamenco_core.packing.plan import PathChange

LONG_AFTER = 10_000_000_000.0
"""A time of day at which no file of a test is fresh any more."""


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "sums.sqlite"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "wood.png"
    path.write_bytes(b"pixels")
    return path


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were really read."""
    paths: list[Path] = []
    really_hash = digests_module._hash

    def noted(path: Path, *rest: object) -> str:
        paths.append(path)
        return really_hash(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(digests_module, "_hash", noted)
    return paths


Opener = Callable[..., FileDigests]


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens a cache that is closed after the test."""
    with ExitStack() as stack:
        yield lambda cache, now=LONG_AFTER: stack.enter_context(
            FileDigests(cache, clock=lambda: now)
        )


def test_an_unchanged_file_is_read_once(
    opened: Opener, cache: Path, file: Path, hashed: list[Path]
) -> None:
    expected = FileDigest(hashlib.sha256(b"pixels").hexdigest(), 6)
    for _ in range(2):
        digests = opened(cache)
        counts: list[int] = []
        assert digests.of_file(file, on_bytes=counts.append) == expected
        assert sum(counts) == 6
        digests.close()
    assert hashed == [file]


def test_a_changed_file_is_read_again_even_with_the_old_size_and_time(
    opened: Opener, cache: Path, file: Path
) -> None:
    digests = opened(cache)
    digests.of_file(file)
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    replacement = file.with_name("new")
    replacement.write_bytes(b"PIXELS")
    os.utime(replacement, ns=times)
    replacement.replace(file)
    assert digests.of_file(file).sha == hashlib.sha256(b"PIXELS").hexdigest()


def test_a_file_that_changed_just_now_is_not_remembered(
    opened: Opener, cache: Path, file: Path, hashed: list[Path]
) -> None:
    moment = file.stat().st_mtime
    for _ in range(2):
        digests = opened(cache, moment + 1)
        digests.of_file(file)
        digests.close()
    assert hashed == [file, file]


def test_a_file_that_changes_while_it_is_read_is_refused(
    opened: Opener, cache: Path, file: Path
) -> None:
    digests = opened(cache)
    file.write_bytes(b"x" * 3_000_000)

    def change(_count: int) -> None:
        with file.open("ab") as end:
            end.write(b"more")

    with pytest.raises(PackingError, match="changed while it was read"):
        digests.of_file(file, on_bytes=change)


def test_a_file_that_is_gone_is_named(opened: Opener, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(PackingError, match=r"cannot read .*gone\.png: No such file"):
        opened(cache).of_file(tmp_path / "gone.png")


def test_hashing_can_be_cancelled(opened: Opener, cache: Path, file: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(PackingCancelled):
        opened(cache).of_file(file, cancel=cancel)


def test_results_of_rewriting_are_remembered_by_source_and_changes(
    opened: Opener, cache: Path
) -> None:
    source, result = FileDigest("a" * 64, 10), FileDigest("b" * 64, 11)
    changes = [PathChange(PathField(1, 2), "//x")]
    digests = opened(cache)
    assert digests.of_rewritten(source, changes) is None
    digests.remember_rewritten(source, changes, result)
    digests.close()
    digests = opened(cache)
    assert digests.of_rewritten(source, changes) == result
    assert digests.of_rewritten(source, [PathChange(PathField(1, 2), "//y")]) is None
    assert digests.of_rewritten(FileDigest("c" * 64, 10), changes) is None


def test_a_damaged_cache_is_begun_anew(
    opened: Opener, cache: Path, file: Path, hashed: list[Path]
) -> None:
    cache.parent.mkdir()
    cache.write_bytes(b"this is no database, but long enough to look at" * 100)
    for _ in range(2):
        digests = opened(cache)
        digests.of_file(file)
        digests.close()
    assert hashed == [file]


def test_a_cache_that_cannot_be_written_costs_time_only(
    opened: Opener, tmp_path: Path, file: Path
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    digests = opened(tmp_path / "cache" / "sums.sqlite")
    assert digests.of_file(file).size == 6


def test_sums_that_nobody_used_for_long_are_forgotten(
    opened: Opener, cache: Path, file: Path, hashed: list[Path]
) -> None:
    first = opened(cache)
    first.of_file(file)
    first.close()
    later = opened(cache, LONG_AFTER + 61 * 24 * 3600)
    later.of_file(file)
    assert hashed == [file, file]
