"""What the collection removes, and what it must never touch."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.errors import StorageError
from flamenco_core.model import ShamanFileStatus
from flamenco_core.shaman import ShamanStore, garbage
from tests.flamenco_core.shaman.content import SteppedClock, checkout_of, put, wanted

MONTH = timedelta(days=31)


def stored(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.blob*"))


def test_an_old_file_that_no_checkout_uses_is_removed(
    store: ShamanStore, clock: SteppedClock, tmp_path: Path
) -> None:
    file = put(store, b"unused")
    clock.advance(2 * MONTH)
    report = store.collect_garbage(max_age=MONTH)
    assert (report.stored_files, report.removed_files, report.removed_bytes) == (1, 1, 6)
    assert stored(tmp_path) == []
    assert store.status(file.sha, file.size) is ShamanFileStatus.UNKNOWN


def test_a_file_that_a_checkout_uses_stays_however_old_it_is(
    store: ShamanStore, clock: SteppedClock
) -> None:
    file = put(store, b"used")
    store.checkout(checkout_of("job", file))
    clock.advance(10 * MONTH)
    assert store.collect_garbage(max_age=MONTH).removed_files == 0


def test_a_file_whose_checkout_was_erased_goes(store: ShamanStore, clock: SteppedClock) -> None:
    store.checkout(checkout_of("job", put(store, b"used once")))
    store.erase_checkout("job")
    clock.advance(2 * MONTH)
    assert store.collect_garbage(max_age=MONTH).removed_files == 1


def test_a_file_that_was_asked_for_lately_stays(store: ShamanStore, clock: SteppedClock) -> None:
    file = put(store, b"asked for")
    store.requirements(wanted(file))
    assert store.collect_garbage(max_age=MONTH).removed_files == 0
    clock.advance(timedelta(days=30))
    assert store.collect_garbage(max_age=MONTH).removed_files == 0


def test_a_dry_run_counts_and_removes_nothing(
    store: ShamanStore, clock: SteppedClock, tmp_path: Path
) -> None:
    put(store, b"unused")
    clock.advance(2 * MONTH)
    report = store.collect_garbage(max_age=MONTH, dry_run=True)
    assert str(report) == "1 of 1 stored files (0.0 MB) would be removed"
    assert len(stored(tmp_path)) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows: symbolic links need a privilege")
def test_a_storage_path_with_a_symbolic_link_in_it_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "mount").symlink_to(tmp_path / "disk")
    clock = SteppedClock()
    real, linked = tmp_path / "disk", tmp_path / "mount"
    writer = ShamanStore(real / "file-store", real / "jobs", clock=clock)
    writer.checkout(checkout_of("job", put(writer, b"used")))
    clock.advance(2 * MONTH)
    reader = ShamanStore(linked / "file-store", linked / "jobs", clock=clock)
    assert reader.collect_garbage(max_age=MONTH).removed_files == 0


def test_a_hard_link_keeps_its_file(
    store: ShamanStore, clock: SteppedClock, tmp_path: Path
) -> None:
    put(store, b"linked")
    checkout = tmp_path / "jobs" / "by hand"
    checkout.mkdir(parents=True)
    (checkout / "file.bin").hardlink_to(stored(tmp_path)[0])
    clock.advance(2 * MONTH)
    assert store.collect_garbage(max_age=MONTH).removed_files == 0


def test_links_in_other_folders_count_when_they_are_named(
    store: ShamanStore, clock: SteppedClock, tmp_path: Path
) -> None:
    put(store, b"linked")
    extra = tmp_path / "extra"
    extra.mkdir()
    (extra / "file.bin").symlink_to(stored(tmp_path)[0])
    clock.advance(2 * MONTH)
    assert store.collect_garbage(max_age=MONTH, also_used_by=[extra]).removed_files == 0
    assert store.collect_garbage(max_age=MONTH).removed_files == 1


def test_nothing_is_removed_if_the_checkouts_cannot_be_looked_at(
    store: ShamanStore, clock: SteppedClock, tmp_path: Path
) -> None:
    put(store, b"perhaps used")
    clock.advance(2 * MONTH)
    not_a_folder = tmp_path / "file"
    not_a_folder.write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be looked at"):
        store.collect_garbage(max_age=MONTH, also_used_by=[not_a_folder])
    assert len(stored(tmp_path)) == 1


def test_a_file_that_is_asked_for_while_it_is_being_removed_stays(
    store: ShamanStore, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(store, b"wanted again")
    clock.advance(2 * MONTH)
    remove = garbage._remove

    def asked_for_meanwhile(blob: garbage._Blob) -> bool:
        assert store.status(file.sha, file.size) is ShamanFileStatus.STORED
        return remove(blob)

    monkeypatch.setattr(garbage, "_remove", asked_for_meanwhile)
    assert store.collect_garbage(max_age=MONTH).removed_files == 0
    assert store.status(file.sha, file.size) is ShamanFileStatus.STORED


def test_what_a_crash_left_aside_comes_back(
    store: ShamanStore, clock: SteppedClock, tmp_path: Path
) -> None:
    file = put(store, b"half removed")
    blob = stored(tmp_path)[0]
    blob.rename(blob.with_name(f"{blob.name}.garbage-0123abcd"))
    store.collect_garbage(max_age=MONTH)
    assert store.status(file.sha, file.size) is ShamanFileStatus.STORED
