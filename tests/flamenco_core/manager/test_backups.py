"""A backup is a whole farm, made beside whoever works on it, or it is not there."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from flamenco_core.errors import FarmLocked, StorageError
from flamenco_core.manager import Manager, verify_backup
from flamenco_core.manager.backups import back_up, restore
from flamenco_core.statuses import JobStatus
from tests.flamenco_core.farms import (
    awake_worker,
    compiled_job,
    complete,
    statuses,
    store,
    take,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "farm.sqlite"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder / "monday.sqlite"


def test_a_farm_goes_on_from_its_backup(file: Path, backup: Path) -> None:
    with Manager.open(file) as manager:
        worker = awake_worker(manager)
        job = store(manager, compiled_job(2))
        task = take(manager, worker)
        manager.backup(backup)
        complete(manager, worker, task)
        farm_id = manager.farm_id
    restored = shutil.copy(backup, file.with_name("restored.sqlite"))
    with Manager.open(restored) as manager:
        assert manager.farm_id == farm_id
        assert statuses(manager, job) == ["active", "queued"]
        complete(manager, worker, task)
        complete(manager, worker, take(manager, worker))
        assert manager.job(job).status is JobStatus.COMPLETED
        assert manager.check(whole_file=True) == []


def test_a_backup_is_one_file_and_reading_it_leaves_none_beside_it(
    file: Path, backup: Path
) -> None:
    with Manager.open(file) as manager:
        store(manager, compiled_job(2))
        manager.backup(backup)
    verify_backup(backup)
    assert list(backup.parent.iterdir()) == [backup]
    assert backup.stat().st_mode == file.stat().st_mode


def test_verifying_tells_what_a_backup_holds(file: Path, backup: Path) -> None:
    with Manager.open(file) as manager:
        awake_worker(manager)
        store(manager, compiled_job(3))
        store(manager, compiled_job(1))
        manager.backup(backup)
        report = verify_backup(backup)
        assert report.problems == ()
        found = report.contents
        assert (found.farm_id, found.jobs, found.tasks, found.workers) == (manager.farm_id, 2, 4, 1)
        assert found.last_change is not None


def test_a_backup_that_does_not_add_up_is_told_from_a_good_one(file: Path, backup: Path) -> None:
    with Manager.open(file) as manager:
        store(manager, compiled_job(3))
        manager.backup(backup)
    change(backup, "UPDATE jobs SET tasks_queued = 4")
    assert "counts 4 tasks as queued" in verify_backup(backup).problems[0]


def change(file: Path, sql: str) -> None:
    db = sqlite3.connect(file)
    with db:
        db.execute(sql)
    db.close()


def test_a_backup_that_was_cut_off_is_told_from_a_good_one(file: Path, backup: Path) -> None:
    with Manager.open(file) as manager:
        store(manager, compiled_job(500))
        manager.backup(backup)
    content = backup.read_bytes()
    backup.write_bytes(content[: len(content) // 2])
    with pytest.raises(StorageError):
        verify_backup(backup)


@pytest.mark.parametrize("content", [None, b"", b"this is no database at all" * 100])
def test_what_is_no_backup_is_refused(tmp_path: Path, content: bytes | None) -> None:
    other = tmp_path / "other"
    if content is not None:
        other.write_bytes(content)
    with pytest.raises(StorageError):
        verify_backup(other)


def test_a_backup_of_a_newer_version_is_refused(file: Path, backup: Path) -> None:
    with Manager.open(file) as manager:
        manager.backup(backup)
    change(
        backup,
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
        "VALUES ('flamenco', '9999_from_the_future', '2030-01-01')",
    )
    with pytest.raises(StorageError, match="newer version"):
        verify_backup(backup)


def test_a_later_backup_replaces_the_earlier_one_of_the_same_farm(file: Path, backup: Path) -> None:
    with Manager.open(file) as manager:
        manager.backup(backup)
        store(manager, compiled_job(1))
        manager.backup(backup)
    assert verify_backup(backup).contents.jobs == 1


def test_nothing_else_is_ever_replaced(tmp_path: Path, file: Path, backup: Path) -> None:
    with Manager.open(tmp_path / "another.sqlite") as another:
        another.backup(backup)
    note = tmp_path / "note.txt"
    note.write_text("keep me")
    with Manager.open(file) as manager:
        for target in (backup, note, file, tmp_path):
            before = target.read_bytes() if target.is_file() else b""
            with pytest.raises(StorageError, match="is no backup of this farm"):
                manager.backup(target)
            assert (target.read_bytes() if target.is_file() else b"") == before
        assert manager.check(whole_file=True) == []


def test_a_backup_that_cannot_be_written_leaves_nothing(file: Path, backup: Path) -> None:
    with Manager.open(file) as manager, pytest.raises(StorageError, match="nowhere"):
        manager.backup(backup.parent / "nowhere" / "farm.sqlite")
    assert list(backup.parent.iterdir()) == []


def test_backing_up_what_is_no_farm_is_refused(tmp_path: Path, backup: Path) -> None:
    with pytest.raises(StorageError):
        back_up(tmp_path / "missing.sqlite", backup)
    assert not (tmp_path / "missing.sqlite").exists()
    assert not backup.exists()


def test_each_backup_beside_a_busy_writer_is_of_one_moment(file: Path, backup: Path) -> None:
    stop = threading.Event()
    failures: list[BaseException] = []

    def copy_again_and_again() -> None:
        try:
            is_last = False
            while not is_last:
                is_last = stop.is_set()
                back_up(file, backup)
                assert verify_backup(backup).problems == ()
        except BaseException as error:  # noqa: BLE001 - told in the test's own thread
            failures.append(error)

    with Manager.open(file) as manager:
        worker = awake_worker(manager)
        copying = threading.Thread(target=copy_again_and_again)
        copying.start()
        try:
            store(manager, compiled_job(60))
            for _ in range(60):
                complete(manager, worker, take(manager, worker))
        finally:
            stop.set()
            copying.join()
    assert failures == []
    assert verify_backup(backup).contents.tasks == 60


def test_a_backup_is_put_back_and_what_was_there_is_set_aside(file: Path, backup: Path) -> None:
    with Manager.open(file) as manager:
        store(manager, compiled_job(1))
        manager.backup(backup)
        store(manager, compiled_job(1))
    aside = restore(backup, file)
    assert aside is not None
    assert [job_count(path) for path in (file, aside, backup)] == [1, 2, 1]
    assert restore(backup, file) not in (None, aside)


def job_count(file: Path) -> int:
    with Manager.open(file) as manager, manager.reader() as reader:
        assert manager.check(whole_file=True) == []
        return len(reader.jobs())


def test_what_a_killed_program_left_beside_the_farm_does_not_get_into_the_backup(
    file: Path, backup: Path
) -> None:
    with Manager.open(file) as manager:
        store(manager, compiled_job(3))
        manager.backup(backup)
        for _ in range(20):
            store(manager, compiled_job(3))
        left = {ending: file.with_name(f"{file.name}{ending}") for ending in ("-wal", "-shm")}
        copies = {ending: path.read_bytes() for ending, path in left.items()}
        page = file.read_bytes()
    file.write_bytes(b"damaged" + page[7:])
    for ending, path in left.items():
        path.write_bytes(copies[ending])
    restore(backup, file)
    assert not any(path.exists() for path in left.values())
    assert job_count(file) == 1


def test_a_farm_that_is_gone_is_restored_with_its_folder(file: Path, backup: Path) -> None:
    with Manager.open(file) as manager:
        store(manager, compiled_job(1))
        manager.backup(backup)
    elsewhere = file.parent / "new" / "farm.sqlite"
    assert restore(backup, elsewhere) is None
    assert job_count(elsewhere) == 1


def test_a_running_farm_is_not_replaced(file: Path, backup: Path) -> None:
    with Manager.open(file) as manager:
        manager.backup(backup)
        with pytest.raises(FarmLocked):
            restore(backup, file)
        store(manager, compiled_job(1))


def test_only_a_good_backup_is_put_back(file: Path, backup: Path) -> None:
    with Manager.open(file) as manager:
        store(manager, compiled_job(1))
        manager.backup(backup)
    change(backup, "UPDATE jobs SET tasks_queued = 4")
    with pytest.raises(StorageError, match="counts 4 tasks as queued"):
        restore(backup, file)
    with pytest.raises(StorageError, match="is the farm itself"):
        restore(file, file)
    assert job_count(file) == 1


def test_a_farm_stays_in_its_place_when_the_backup_cannot_be_written(
    file: Path, backup: Path
) -> None:
    with Manager.open(file) as manager:
        store(manager, compiled_job(1))
        manager.backup(backup)
    in_the_way = file.with_name(f"{file.name}.restoring")
    in_the_way.mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        restore(backup, file)
    assert job_count(file) == 1
    in_the_way.rmdir()
    assert restore(backup, file) is not None
