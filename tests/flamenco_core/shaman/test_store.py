"""Receiving files, and telling what is needed."""

from __future__ import annotations

import os
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.durable import sync_folder
from flamenco_core.errors import Conflict, InvalidInput, StorageError
from flamenco_core.model import ShamanFileSpec, ShamanFileStatus
from flamenco_core.shaman import (
    AlreadyStored,
    ContentMismatch,
    ShamanStore,
    UploadInProgress,
)
from flamenco_core.shaman.store import QUIET_LIMIT
from tests.flamenco_core.shaman.content import SteppedClock, put, spec, wanted


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def test_a_received_file_lies_where_flamenco_3_looks_for_it(
    store: ShamanStore, tmp_path: Path
) -> None:
    file = put(store, b"some pixels")
    blob = tmp_path / "file-store" / "stored" / file.sha[:2] / file.sha[2:] / "11.blob"
    assert blob.read_bytes() == b"some pixels"
    assert store.status(file.sha, file.size) is ShamanFileStatus.STORED


def test_an_upload_lies_where_flamenco_3_puts_it_until_it_is_whole(
    store: ShamanStore, tmp_path: Path
) -> None:
    file = spec(b"some pixels")
    upload = store.receive(file.sha, file.size, can_defer=False)
    upload.write(b"some ")
    folder = tmp_path / "file-store" / "uploading" / file.sha[:2] / file.sha[2:]
    (temporary,) = folder.iterdir()
    assert temporary.name.startswith("11-")
    assert temporary.suffix == ".tmp"
    assert store.status(file.sha, file.size) is ShamanFileStatus.UPLOADING
    upload.write(b"pixels")
    upload.finish()
    assert not list((tmp_path / "file-store" / "uploading").iterdir())


def test_an_empty_file_can_be_stored(store: ShamanStore) -> None:
    file = put(store, b"")
    assert store.status(file.sha, 0) is ShamanFileStatus.STORED


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permission bits")
def test_stored_files_are_readable_for_workers_under_other_users(
    store: ShamanStore, tmp_path: Path
) -> None:
    old_mask = os.umask(0o002)
    try:
        put(store, b"for all")
    finally:
        os.umask(old_mask)
    (blob,) = files_below(tmp_path / "file-store")
    assert stat.S_IMODE(blob.stat().st_mode) == 0o664


def test_requirements_leave_out_what_is_stored_and_keep_the_order(store: ShamanStore) -> None:
    have = put(store, b"have", "have.png")
    first, second = spec(b"first", "z.png"), spec(b"second", "a.png")
    again = spec(b"first", "copy of z.png")
    answer = store.requirements(wanted(first, have, second, again))
    assert [(file.path, file.status) for file in answer.files] == [
        ("z.png", ShamanFileStatus.UNKNOWN),
        ("a.png", ShamanFileStatus.UNKNOWN),
    ]


def test_requirements_tell_what_is_on_its_way(store: ShamanStore) -> None:
    file = spec(b"slow")
    with store.receive(file.sha, file.size, can_defer=False):
        (answer,) = store.requirements(wanted(file)).files
    assert answer.status is ShamanFileStatus.UPLOADING
    (answer,) = store.requirements(wanted(file)).files
    assert answer.status is ShamanFileStatus.UNKNOWN


def test_requirements_mark_stored_files_as_used(store: ShamanStore, tmp_path: Path) -> None:
    file = put(store, b"old friend")
    (blob,) = files_below(tmp_path / "file-store")
    os.utime(blob, (1000, 1000))
    store.requirements(wanted(file))
    assert blob.stat().st_mtime > 1000


def test_a_torn_blob_counts_as_not_stored_and_is_mended_by_sending_it_again(
    store: ShamanStore, tmp_path: Path
) -> None:
    file = put(store, b"whole file")
    (blob,) = files_below(tmp_path / "file-store")
    blob.write_bytes(b"whole")
    assert store.status(file.sha, file.size) is ShamanFileStatus.UNKNOWN
    put(store, b"whole file")
    assert blob.read_bytes() == b"whole file"


@pytest.mark.parametrize(
    "sha", ["", "a", "../../etc/passwd", "A" * 64, "g" * 64, "0" * 63, "0" * 64 + "\n"]
)
def test_a_sum_that_is_none_is_refused_before_it_becomes_a_path(
    store: ShamanStore, tmp_path: Path, sha: str
) -> None:
    with pytest.raises(InvalidInput, match="SHA-256"):
        store.receive(sha, 3, can_defer=False)
    with pytest.raises(InvalidInput, match="SHA-256"):
        store.status(sha, 3)
    assert not (tmp_path / "file-store").exists()


def test_requirements_name_every_impossible_sum_and_size(store: ShamanStore) -> None:
    good = spec(b"good")
    bad_sum = ShamanFileSpec(sha="xyz", size=1, path="a")
    bad_size = ShamanFileSpec(sha=good.sha, size=-1, path="b")
    with pytest.raises(InvalidInput) as caught:
        store.requirements(wanted(good, bad_sum, bad_size))
    assert [problem.where for problem in caught.value.problems] == ["files[1].sha", "files[2].size"]


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (b"wrong words", "what was received has"),
        (b"right", "but 5 were received"),
        (b"right words and more", "more were sent"),
    ],
)
def test_a_file_that_is_not_the_announced_one_is_refused_and_leaves_nothing(
    store: ShamanStore, tmp_path: Path, sent: bytes, sentence: str
) -> None:
    file = spec(b"right words")
    upload = store.receive(file.sha, file.size, can_defer=False)
    with pytest.raises(ContentMismatch, match=sentence):  # noqa: PT012 - either may refuse
        upload.write(sent)
        upload.finish()
    assert store.status(file.sha, file.size) is ShamanFileStatus.UNKNOWN
    assert files_below(tmp_path) == []


def test_an_aborted_upload_leaves_nothing_and_cannot_go_on(
    store: ShamanStore, tmp_path: Path
) -> None:
    file = spec(b"never mind")
    upload = store.receive(file.sha, file.size, can_defer=False)
    upload.write(b"never")
    upload.abort()
    upload.abort()
    assert files_below(tmp_path) == []
    with pytest.raises(Conflict, match="has ended"):
        upload.write(b" mind")
    with pytest.raises(Conflict, match="has ended"):
        upload.finish()


def test_a_stored_file_is_not_received_again(store: ShamanStore) -> None:
    file = put(store, b"once")
    with pytest.raises(AlreadyStored):
        store.receive(file.sha, file.size, can_defer=False)


def test_only_a_sender_that_can_wait_is_sent_away_while_another_sends(store: ShamanStore) -> None:
    file = spec(b"big")
    first = store.receive(file.sha, file.size, can_defer=True)
    with pytest.raises(UploadInProgress):
        store.receive(file.sha, file.size, can_defer=True)
    second = store.receive(file.sha, file.size, can_defer=False)
    second.abort()
    first.abort()
    store.receive(file.sha, file.size, can_defer=True).abort()


def test_the_success_of_one_upload_ends_the_others_of_the_same_file(
    store: ShamanStore, tmp_path: Path
) -> None:
    file = spec(b"shared texture")
    quick, writing, finishing = (
        store.receive(file.sha, file.size, can_defer=False) for _ in range(3)
    )
    finishing.write(b"shared texture")
    for upload in (quick, writing):
        upload.write(b"shared ")
    quick.write(b"texture")
    quick.finish()
    assert writing.stored_by_another
    with pytest.raises(AlreadyStored):
        writing.write(b"texture")
    with pytest.raises(AlreadyStored):
        finishing.finish()
    assert [path.suffix for path in files_below(tmp_path)] == [".blob"]


def test_the_failure_of_one_upload_does_not_touch_the_others(store: ShamanStore) -> None:
    file = spec(b"shared texture")
    bad, aborted, good = (store.receive(file.sha, file.size, can_defer=False) for _ in range(3))
    bad.write(b"shared_texture")
    with pytest.raises(ContentMismatch):
        bad.finish()
    aborted.abort()
    assert not good.stored_by_another
    good.write(b"shared texture")
    good.finish()
    assert store.status(file.sha, file.size) is ShamanFileStatus.STORED


def test_a_file_is_not_called_stored_before_it_would_survive_a_power_cut(
    store: ShamanStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = spec(b"not yet safe")
    seen: list[ShamanFileStatus] = []

    def look_while_syncing(folder: Path) -> None:
        seen.append(store.status(file.sha, file.size))
        sync_folder(folder)

    monkeypatch.setattr("flamenco_core.shaman.uploads.sync_folder", look_while_syncing)
    put(store, b"not yet safe")
    assert seen == [ShamanFileStatus.UPLOADING]
    assert store.status(file.sha, file.size) is ShamanFileStatus.STORED


def test_many_threads_sending_the_same_files_all_end_well(
    store: ShamanStore, tmp_path: Path
) -> None:
    contents = [bytes([number]) * 50_000 for number in range(5)]
    barrier = threading.Barrier(8)
    failures: list[BaseException] = []

    def send_all() -> None:
        barrier.wait()
        for content in contents:
            file = spec(content)
            try:
                with store.receive(file.sha, file.size, can_defer=False) as upload:
                    for start in range(0, len(content), 1000):
                        upload.write(content[start : start + 1000])
                    upload.finish()
            except AlreadyStored:
                pass
            except BaseException as error:  # noqa: BLE001 - handed to the main thread
                failures.append(error)

    threads = [threading.Thread(target=send_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(path.read_bytes() for path in files_below(tmp_path)) == contents


def test_a_sender_that_hangs_does_not_keep_others_waiting_for_ever(
    store: ShamanStore, clock: SteppedClock
) -> None:
    file = spec(b"slow line")
    hanging = store.receive(file.sha, file.size, can_defer=False)
    hanging.write(b"slow")
    clock.advance(QUIET_LIMIT - timedelta(seconds=1))
    hanging.write(b" ")
    clock.advance(QUIET_LIMIT - timedelta(seconds=1))
    assert store.status(file.sha, file.size) is ShamanFileStatus.UPLOADING
    clock.advance(timedelta(seconds=2))
    assert store.status(file.sha, file.size) is ShamanFileStatus.UNKNOWN
    store.receive(file.sha, file.size, can_defer=True).abort()
    hanging.write(b"line")
    hanging.finish()


def test_an_upload_cut_off_by_a_crash_counts_until_it_is_old_and_is_then_removed(
    store: ShamanStore, clock: SteppedClock, tmp_path: Path
) -> None:
    file = spec(b"crashed")
    folder = tmp_path / "file-store" / "uploading" / file.sha[:2] / file.sha[2:]
    folder.mkdir(parents=True)
    left_behind = folder / f"{file.size}-123.tmp"
    left_behind.write_bytes(b"cra")
    other_size = folder / "999-123.tmp"
    other_size.write_bytes(b"")
    assert store.status(file.sha, file.size) is ShamanFileStatus.UPLOADING
    assert store.remove_abandoned_uploads() == 0
    clock.advance(QUIET_LIMIT + timedelta(seconds=5))
    assert store.status(file.sha, file.size) is ShamanFileStatus.UNKNOWN
    current = store.receive(file.sha, file.size, can_defer=True)
    assert store.remove_abandoned_uploads() == 2
    assert not left_behind.exists()
    current.write(b"crashed")
    current.finish()


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="needs another user's rights, and root to set them"
)
def test_a_folder_without_write_permission_is_a_storage_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent != Path(parent.anchor):
            parent.chmod(parent.stat().st_mode | 0o755)
    (tmp_path / "file-store").mkdir()
    file = spec(b"no way")
    process = os.fork()
    if process == 0:
        status = 2
        try:
            os.setuid(65534)
            ShamanStore(tmp_path / "file-store", tmp_path / "jobs").receive(
                file.sha, file.size, can_defer=False
            )
        except StorageError as error:
            status = 0 if "Permission denied" in str(error) else 1
        finally:
            os._exit(status)
    _, wait_status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(wait_status) == 0


def test_a_file_that_would_fill_the_disk_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    store = ShamanStore(
        tmp_path / "file-store", tmp_path / "jobs", free_bytes=lambda _folder: 60_000_000
    )
    put(store, b"small")
    with pytest.raises(StorageError, match="60 MB free, which is too little for a file of 20 MB"):
        store.receive("0" * 64, 20_000_000, can_defer=False)
    assert not list((tmp_path / "file-store").rglob("*.tmp"))
