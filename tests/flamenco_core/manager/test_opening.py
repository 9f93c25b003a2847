"""Opening a farm: one writer, any number of readers, and what a crash left behind."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from flamenco_core.errors import FarmLocked, NotAllowed, StorageError
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import JobStatusChange
from flamenco_core.statuses import JobStatus
from tests.flamenco_core.farms import (
    awake_worker,
    compiled_job,
    compiled_task,
    complete,
    statuses,
    store,
    take,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "farm.sqlite"


def test_what_was_committed_is_there_after_opening_again(file: Path) -> None:
    with Manager.open(file) as manager:
        worker = awake_worker(manager)
        job = store(manager, compiled_job(2))
        complete(manager, worker, take(manager, worker))
        farm_id = manager.farm_id
    with Manager.open(file) as again:
        assert again.farm_id == farm_id
        assert statuses(again, job) == ["completed", "queued"]


def test_a_second_writer_is_told_who_has_the_farm(file: Path) -> None:
    with (
        Manager.open(file, address="http://farm:8080/"),
        pytest.raises(FarmLocked, match=f"process {os.getpid()} at http://farm:8080/"),
    ):
        Manager.open(file)


def test_a_second_program_is_refused_too(file: Path) -> None:
    code = f"from flamenco_core import Manager; Manager.open({str(file)!r})"
    with Manager.open(file):
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
        )
    assert "FarmLocked" in result.stderr


def test_a_farm_whose_program_was_killed_can_be_opened_at_once(file: Path) -> None:
    code = f"""
import os, signal
from flamenco_core import Manager
manager = Manager.open({str(file)!r})
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    Manager.open(file).close()


def test_reading_beside_the_writer_is_allowed_and_changes_are_refused(file: Path) -> None:
    with Manager.open(file) as writer:
        job = store(writer, compiled_job(1))
        with Manager.open(file, read_only=True) as reader:
            assert reader.farm_id == writer.farm_id
            assert reader.job(job).status == JobStatus.QUEUED
            with pytest.raises(NotAllowed, match="reading only"):
                awake_worker(reader)


def test_half_a_submission_is_dropped_at_the_next_start(file: Path) -> None:
    job = compiled_job(2000)
    with Manager.open(file) as manager:
        steps = manager.storing(job, actor=MANAGER)
        for _ in range(2):
            next(steps)()
    with Manager.open(file) as manager, manager.reader() as reader:
        assert reader.jobs() == []
        assert manager.check() == []


def test_a_cancellation_that_was_cut_off_is_ended_at_the_next_start(file: Path) -> None:
    with Manager.open(file) as manager:
        job = store(manager, compiled_job(1000))
        change = JobStatusChange(status=JobStatus.CANCEL_REQUESTED, reason="test")
        manager.set_job_status(job, change, actor=MANAGER)
        assert manager.job(job).status == JobStatus.CANCEL_REQUESTED
    with Manager.open(file) as manager:
        assert manager.job(job).status == JobStatus.CANCELED
        assert manager.job(job).task_counts == {"canceled": 1000}


def test_a_farm_of_a_newer_version_is_refused_and_left_alone(file: Path) -> None:
    Manager.open(file).close()
    with sqlite3.connect(file) as db:
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
            "VALUES ('flamenco', '9999_from_the_future', '2030-01-01')"
        )
    db.close()
    with pytest.raises(StorageError, match=r"newer version.*9999_from_the_future"):
        Manager.open(file)


def test_a_file_that_is_no_database_is_refused(file: Path) -> None:
    file.write_bytes(b"this is not SQLite" * 100)
    with pytest.raises(StorageError, match="cannot be"):
        Manager.open(file)
    assert file.read_bytes().startswith(b"this is not SQLite")


def test_a_database_of_another_program_is_refused(file: Path) -> None:
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    with pytest.raises(StorageError, match="not a Flamenco farm"):
        Manager.open(file)


def store_and_break_off(manager: Manager) -> None:
    with manager.unit_of_work():
        store(manager, compiled_job(1))
        raise ZeroDivisionError


def test_a_unit_of_work_keeps_all_or_nothing(file: Path) -> None:
    with Manager.open(file) as manager:
        with pytest.raises(ZeroDivisionError):
            store_and_break_off(manager)
        with manager.reader() as reader:
            assert reader.jobs() == []


def test_an_inner_unit_that_fails_leaves_the_outer_one_standing(file: Path) -> None:
    with Manager.open(file) as manager:
        with manager.unit_of_work():
            kept = store(manager, compiled_job(1))
            with pytest.raises(ZeroDivisionError):
                store_and_break_off(manager)
        with manager.reader() as reader:
            assert [job["id"] for job in reader.jobs()] == [kept]


def test_events_are_published_after_the_commit_and_not_for_what_was_undone(file: Path) -> None:
    with Manager.open(file) as manager, manager.reader() as reader:
        seen: list[int] = []
        manager.subscribe(lambda _events: seen.append(len(reader.jobs())))
        with pytest.raises(ZeroDivisionError):
            store_and_break_off(manager)
        with manager.unit_of_work():
            store(manager, compiled_job([compiled_task()]))
            assert seen == []
        assert seen == [1]


def test_every_change_leaves_an_audit_row_with_its_actor(file: Path) -> None:
    with Manager.open(file) as manager:
        worker = awake_worker(manager)
        store(manager, compiled_job(1))
        complete(manager, worker, take(manager, worker))
    with sqlite3.connect(file) as db:
        rows = db.execute("SELECT actor, action FROM audit ORDER BY id").fetchall()
    db.close()
    by_worker = f"worker:{worker}"
    assert rows == [
        ("manager", "worker.register"),
        (by_worker, "worker.sign-on"),
        (by_worker, "worker.status"),
        ("manager", "job.submit"),
        (by_worker, "task.assign"),
        ("manager", "job.status"),
        (by_worker, "task.update"),
        ("manager", "job.status"),
    ]


def test_a_job_that_is_being_stored_is_not_taken_for_one_to_settle(file: Path) -> None:
    job = compiled_job(2000)
    with Manager.open(file) as manager:
        steps = manager.storing(job, actor=MANAGER)
        next(steps)()
        assert manager.unsettled_jobs() == []
        for step in steps:
            step()
        assert manager.job(job.id).task_counts == {"queued": 2000}


def test_a_subscriber_that_fails_does_not_make_a_stored_change_look_failed(file: Path) -> None:
    def broken(_events: object) -> None:
        raise ZeroDivisionError

    seen: list[object] = []
    with Manager.open(file) as manager:
        manager.subscribe(broken)
        manager.subscribe(seen.extend)
        job = store(manager, compiled_job(1))
        assert manager.job(job).status == JobStatus.QUEUED
    assert seen


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_farm_and_its_backup_are_for_the_eyes_of_their_user(tmp_path: Path) -> None:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        manager.backup(tmp_path / "backup.sqlite")
        files = [*tmp_path.glob("*.sqlite*")]
        assert len(files) >= 3
        assert {file.stat().st_mode & 0o077 for file in files} == {0}
