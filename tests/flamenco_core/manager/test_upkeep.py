"""Whatever the farm keeps beside the facts is checked, and mended when it is wrong."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from flamenco_core.errors import StorageError
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
    take_or_none,
)

COUNTERS = {
    "UPDATE jobs SET finished_at = 1": "when it ended",
    "UPDATE jobs SET tasks_queued = 7": "counts 7 tasks as queued",
    "UPDATE jobs SET tasks_active = 0": "counts 0 tasks as active",
    "UPDATE jobs SET tasks_completed = 7": "counts 7 tasks as completed",
    "UPDATE jobs SET tasks_soft_failed = 7": "counts 7 tasks as soft-failed",
    "UPDATE jobs SET tasks_failed = 7": "counts 7 tasks as failed",
    "UPDATE jobs SET tasks_paused = 7": "counts 7 tasks as paused",
    "UPDATE jobs SET tasks_canceled = 7": "counts 7 tasks as canceled",
    "UPDATE jobs SET steps_completed = 7": "counts 7 completed steps, but has 1",
    "UPDATE jobs SET steps_total = 7": "counts 7 steps, but has 4",
    "UPDATE jobs SET unsettled = 1": "is active, and yet its tasks are said to be changed",
    "UPDATE dependency_groups SET unmet = 0": "counts 0 unfinished tasks, but has 1",
    "UPDATE tasks SET unmet_dependencies = 0": "waits for 0 sets of tasks, which should be 1",
    "UPDATE tasks SET reserved_until = 1 WHERE status = 'active'": "is active and reserved",
    "UPDATE task_attempts SET ended_at = NULL": "attempt 1 of task",
    "UPDATE task_attempts SET ended_at = 1": "not recorded as going on",
    "DELETE FROM task_attempts": "not recorded as going on",
    "DELETE FROM job_queues WHERE ready_count > 0": "and no queue for them",
    "UPDATE job_queues SET ready_count = 0": "counts 0 ready tasks, but has 1",
    "UPDATE job_queues SET is_open = 0": "open flag at 0, which should be 1",
    "UPDATE job_queues SET job_priority = 1": "has priority 1, but the job has 50",
    "UPDATE job_queues SET tag_id = 9": "is for tag 9, but the job is for 0",
    "DELETE FROM attempt_statistics": "ended, and is in no statistics",
    "DELETE FROM worker_task_classes": "is not matched with exactly the tasks",
    "INSERT INTO worker_task_classes SELECT w.id, c.id FROM workers w, task_classes c "
    "WHERE c.task_type = 'misc'": "is not matched with exactly the tasks",
}
"""A way to break the farm of `busy_farm` → what is said of it."""


PAGE_SIZE = 4096
"""Bytes; SQLite's default."""


@pytest.fixture
def busy_farm(tmp_path: Path) -> Path:
    """A job with a task that is done, one that runs, one that is ready and one that waits."""
    file = tmp_path / "farm.sqlite"
    with Manager.open(file) as manager:
        worker = awake_worker(manager, "blender")
        tasks = [
            compiled_task("done"),
            compiled_task("runs"),
            compiled_task("ready", task_type="misc"),
            compiled_task("waits", task_type="ffmpeg", depends_on=[1]),
        ]
        store(manager, compiled_job(tasks))
        complete(manager, worker, take(manager, worker))
        take(manager, worker)
    return file


def break_by(file: Path, sql: str) -> None:
    db = sqlite3.connect(file)
    with db:
        db.execute(sql)
    db.close()


def dump(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows but the ones that tell of the repair."""
    db = sqlite3.connect(file)
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    rows = {name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr) for name in names}
    db.close()
    return {name: found for name, found in rows.items() if name != "audit"}


@pytest.mark.parametrize("sql", COUNTERS)
def test_what_is_wrong_is_said_and_mended(busy_farm: Path, sql: str) -> None:
    break_by(busy_farm, sql)
    with Manager.open(busy_farm, resume=False) as manager:
        found = manager.check()
        assert any(COUNTERS[sql] in finding.what for finding in found), found
        assert not any(finding.is_mended for finding in found)
        mended = manager.check(repair=True)
        assert any(COUNTERS[sql] in finding.what for finding in mended), mended
        assert all(finding.is_mended for finding in mended)
        assert manager.check(whole_file=True) == []


KEEPS_MORE = {
    "UPDATE task_attempts SET ended_at = 1",
    "UPDATE task_attempts SET ended_at = NULL",
    "DELETE FROM task_attempts",
}
"""These lose facts, which nothing can bring back."""


@pytest.mark.parametrize("sql", sorted(set(COUNTERS) - KEEPS_MORE))
def test_after_the_repair_the_farm_is_as_if_nothing_had_happened(busy_farm: Path, sql: str) -> None:
    with Manager.open(busy_farm) as manager:
        manager.check(repair=True, whole_file=True)
    before = dump(busy_farm)
    break_by(busy_farm, sql)
    with Manager.open(busy_farm, resume=False) as manager:
        manager.check(repair=True)
    assert dump(busy_farm) == before


def test_a_sound_farm_has_nothing_to_mend_and_no_audit_row_of_it(busy_farm: Path) -> None:
    with Manager.open(busy_farm) as manager:
        assert manager.check(repair=True, whole_file=True) == []
    db = sqlite3.connect(busy_farm)
    assert db.execute("SELECT 1 FROM audit WHERE action = 'farm.repair'").fetchall() == []
    db.close()


def test_a_repair_is_in_the_audit_with_what_it_mended(busy_farm: Path) -> None:
    break_by(busy_farm, "UPDATE jobs SET steps_total = 7")
    with Manager.open(busy_farm) as manager:
        manager.check(repair=True)
        farm_id = manager.farm_id
    db = sqlite3.connect(busy_farm)
    rows = db.execute(
        "SELECT actor, subject, details FROM audit WHERE action = 'farm.repair'"
    ).fetchall()
    db.close()
    assert [row[:2] for row in rows] == [("manager", farm_id)]
    assert "counts 7 steps, but has 4" in rows[0][2]


@pytest.mark.parametrize("status", ["queued", "paused", "canceled"])
def test_a_task_that_is_active_without_a_worker_waits_as_its_job_does(
    busy_farm: Path, status: str
) -> None:
    break_by(busy_farm, "UPDATE tasks SET worker_id = NULL, slot = NULL WHERE name = 'runs'")
    break_by(busy_farm, f"UPDATE jobs SET status = '{status}'")
    with Manager.open(busy_farm, resume=False) as manager, manager.reader() as reader:
        mended = manager.check(repair=True)
        assert any("active without a worker" in finding.what for finding in mended)
        assert manager.check() == []
        assert statuses(manager, reader.jobs()[0]["id"])[1] == status


def test_a_farm_that_breaks_at_the_start_can_be_repaired_and_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "farm.sqlite"
    with Manager.open(file) as manager:
        job = store(manager, compiled_job(2))
    break_by(file, "UPDATE jobs SET status = 'cancel-requested', unsettled = 1")
    break_by(file, "UPDATE job_queues SET ready_count = 1")
    with pytest.raises(sqlite3.IntegrityError):
        Manager.open(file)
    with Manager.open(file, resume=False) as manager:
        assert all(finding.is_mended for finding in manager.check(repair=True))
    with Manager.open(file) as manager:
        assert manager.job(job).status is JobStatus.CANCELED


def test_a_job_that_wrong_counts_kept_open_ends_with_the_repair(tmp_path: Path) -> None:
    file = tmp_path / "farm.sqlite"
    with Manager.open(file) as manager:
        worker = awake_worker(manager)
        job = store(manager, compiled_job(2))
        complete(manager, worker, take(manager, worker))
    break_by(file, "UPDATE tasks SET status = 'completed', steps_completed = 1")
    with Manager.open(file) as manager:
        assert manager.job(job).status is JobStatus.ACTIVE
        manager.check(repair=True)
        assert manager.job(job).status is JobStatus.COMPLETED


def test_a_job_that_nobody_would_settle_is_settled_after_the_repair(tmp_path: Path) -> None:
    file = tmp_path / "farm.sqlite"
    with Manager.open(file) as manager:
        job = store(manager, compiled_job(2))
    break_by(file, "UPDATE jobs SET status = 'cancel-requested'")
    break_by(file, "UPDATE job_queues SET is_open = 0")
    with Manager.open(file) as manager:
        assert "nothing says that its tasks are still being changed" in manager.check()[0].what
        assert manager.check(repair=True)[0].is_mended
        manager.settle(job)
        assert manager.job(job).status is JobStatus.CANCELED


def test_a_worker_that_was_not_matched_gets_tasks_again(busy_farm: Path) -> None:
    break_by(busy_farm, "DELETE FROM worker_task_classes")
    with Manager.open(busy_farm) as manager:
        idle = awake_worker(manager, "misc")
        break_by_running(manager, "DELETE FROM worker_task_classes")
        assert take_or_none(manager, idle) is None
        manager.check(repair=True)
        assert take(manager, idle).name == "ready"


def break_by_running(manager: Manager, sql: str) -> None:
    with manager.unit_of_work():
        manager._db.execute(sql)


def test_rows_that_belong_to_nothing_are_left_to_a_person(busy_farm: Path) -> None:
    break_by(busy_farm, "UPDATE tasks SET task_class_id = 77 WHERE name = 'done'")
    with Manager.open(busy_farm, resume=False) as manager:
        assert manager.check() != [], "the queue for that class is missing"
        left = [item for item in manager.check(repair=True, whole_file=True) if not item.is_mended]
    assert any("a row of tasks refers to a row of task_classes" in item.what for item in left)


def test_damage_in_an_index_alone_is_mended(busy_farm: Path) -> None:
    db = sqlite3.connect(busy_farm)
    db.execute("PRAGMA writable_schema = ON")
    sql = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'tasks_by_status'").fetchone()[0]
    db.execute(
        "UPDATE sqlite_schema SET sql = ? WHERE name = 'tasks_by_status'",
        [f"{sql} WHERE status = 'active'"],
    )
    db.commit()
    db.close()
    break_by(busy_farm, "REINDEX tasks_by_status")
    db = sqlite3.connect(busy_farm)
    db.execute("PRAGMA writable_schema = ON")
    db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'tasks_by_status'", [sql])
    db.commit()
    db.close()
    with Manager.open(busy_farm, resume=False) as manager:
        found = manager.check(whole_file=True)
        assert any("missing from index tasks_by_status" in finding.what for finding in found)
        mended = manager.check(repair=True, whole_file=True)
        assert mended
        assert all(finding.is_mended for finding in mended)
        assert manager.check(whole_file=True) == []


def test_nothing_is_computed_from_a_file_that_is_damaged(busy_farm: Path) -> None:
    break_by(busy_farm, "UPDATE jobs SET steps_total = 7")
    root = table_root(busy_farm, "task_log_chunks")
    with busy_farm.open("r+b") as stream:
        stream.seek((root - 1) * PAGE_SIZE + 8)
        stream.write(b"\xff" * 200)
    with Manager.open(busy_farm, resume=False) as manager:
        found = manager.check(repair=True, whole_file=True)
        assert any("the file is damaged" in finding.what for finding in found)
        assert not any(finding.is_mended for finding in found)
        with manager.reader() as reader:
            assert reader.jobs()[0]["steps_total"] == 7


def test_a_file_that_cannot_be_read_is_said_to_be_so(busy_farm: Path) -> None:
    root = table_root(busy_farm, "tasks")
    with busy_farm.open("r+b") as stream:
        stream.seek((root - 1) * PAGE_SIZE)
        stream.write(b"\xff" * PAGE_SIZE)
    with (
        Manager.open(busy_farm, read_only=True) as manager,
        pytest.raises(StorageError, match="restore a backup"),
    ):
        manager.check()


def table_root(file: Path, table: str) -> int:
    db = sqlite3.connect(file)
    root: int = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", [table]).fetchone()[
        0
    ]
    db.close()
    return root


def test_a_check_beside_the_writer_sees_one_moment(busy_farm: Path) -> None:
    with (
        Manager.open(busy_farm) as writer,
        Manager.open(busy_farm, read_only=True) as reader,
    ):
        worker = awake_worker(writer, "misc")
        task = take(writer, worker)
        assert reader.check(whole_file=True) == []
        complete(writer, worker, task)
        assert reader.check() == []


def test_what_goes_on_in_pieces_is_no_finding_and_is_not_disturbed(tmp_path: Path) -> None:
    frames = [compiled_task(f"frame-{index}") for index in range(700)]
    job = compiled_job([*frames, compiled_task("video", depends_on=range(700))])
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        for step in manager.storing(job, actor=MANAGER):
            step()
            assert manager.check(repair=True) == []
        change = JobStatusChange(status=JobStatus.CANCEL_REQUESTED, reason="")
        manager.set_job_status(job.id, change, actor=MANAGER)
        while manager.unsettled_jobs():
            assert manager.check(repair=True) == []
            manager.settle(job.id)
        for put_away in (manager.archive_job, manager.delete_job):
            put_away(job.id, actor=MANAGER)
            while removals := manager.removals():
                assert manager.check(repair=True) == []
                manager.go_on_removing(removals[0])
        assert manager.check(repair=True) == []
