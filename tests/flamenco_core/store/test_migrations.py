"""A farm of an older version is brought up to date with its contents, or left as it was."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flamenco_core.errors import StorageError
from flamenco_core.manager import Manager, verify_backup
from flamenco_core.model import TaskUpdate
from flamenco_core.statuses import JobStatus, TaskStatus
from flamenco_core.store import migrations
from tests.flamenco_core.farms import compiled_job, store, take_or_none

FIRST_FARM = Path(__file__).with_name("farm_of_first_schema.sql")

MOTTO = "ALTER TABLE farm ADD COLUMN motto TEXT NOT NULL DEFAULT 'none'"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A farm of this version, with a job."""
    file = tmp_path / "farm.sqlite"
    with Manager.open(file) as manager:
        store(manager, compiled_job(2))
    return file


def add_migration(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Makes this program a newer version than the one that made the farm."""
    every = (*migrations._ALL, ("9999_motto", script))
    monkeypatch.setattr(migrations, "_ALL", every)


def test_an_older_farm_keeps_its_contents_and_leaves_a_backup(file: Path) -> None:
    with pytest.MonkeyPatch.context() as newer:
        add_migration(newer, MOTTO)
        with Manager.open(file) as manager, manager.reader() as reader:
            assert len(reader.jobs()) == 1
            assert manager._db.execute("SELECT motto FROM farm").fetchone()[0] == "none"
    backup = file.with_name(f"farm.sqlite.schema-{len(migrations._ALL)}.backup")
    assert verify_backup(backup).contents.jobs == 1
    with Manager.open(backup) as restored, restored.reader() as reader:
        assert len(reader.jobs()) == 1


def test_a_migration_that_fails_leaves_the_farm_as_it_was(file: Path) -> None:
    with pytest.MonkeyPatch.context() as newer:
        add_migration(newer, f"{MOTTO};\nINSERT INTO no_such_table VALUES (1)")
        with pytest.raises(StorageError, match="no_such_table"):
            Manager.open(file)
    with Manager.open(file) as manager, manager.reader() as reader:
        assert len(reader.jobs()) == 1
        assert manager.check(whole_file=True) == []


def test_reading_an_older_farm_asks_to_bring_it_up_to_date(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_migration(monkeypatch, MOTTO)
    with pytest.raises(StorageError, match="open it for writing once"):
        Manager.open(file, read_only=True)
    with pytest.raises(StorageError, match="open it for writing once"):
        verify_backup(file)


def test_a_farm_whose_making_was_cut_off_is_made_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "farm.sqlite"
    db = sqlite3.connect(file)
    db.execute(
        "CREATE TABLE _sqlite_migrations (migration_set TEXT, name TEXT, applied_at TEXT, "
        "PRIMARY KEY (migration_set, name))"
    )
    db.close()
    with Manager.open(file) as manager:
        assert manager.farm_id


def test_a_farm_that_is_up_to_date_is_not_copied(file: Path) -> None:
    Manager.open(file).close()
    assert not list(file.parent.glob("*.backup"))


@pytest.fixture
def first_farm(tmp_path: Path) -> Path:
    """A farm file of the first schema, with all that a farm has."""
    file = tmp_path / "first.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.executescript(FIRST_FARM.read_text(encoding="utf-8"))
    return file


def schema_of(file: Path) -> dict[str, tuple[str, ...]]:
    """The statements that made tables and indexes, with the columns of each table."""
    with closing(sqlite3.connect(file)) as db:
        made = {
            name: re.sub(r"\s+", " ", sql)
            for name, sql in db.execute("SELECT name, sql FROM sqlite_master WHERE sql NOTNULL")
        }
        return {
            name: (sql, *(str(row) for row in db.execute(f"PRAGMA table_xinfo({name})")))
            for name, sql in made.items()
        }


def test_a_farm_of_the_first_schema_gets_the_schema_of_a_new_one(
    first_farm: Path, file: Path
) -> None:
    Manager.open(first_farm).close()
    assert schema_of(first_farm) == schema_of(file)


def test_a_farm_of_the_first_schema_keeps_all_that_it_had(first_farm: Path) -> None:
    with Manager.open(first_farm) as manager, manager.reader() as reader:
        assert manager.check(whole_file=True) == []
        jobs = {job["name"]: job for job in reader.jobs()}
        assert {name: job["status"] for name, job in jobs.items()} == {
            "done and archived": "completed",
            "to be deleted": "canceled",
            "shot 010": "active",
            "canceled": "canceled",
            "paused": "paused",
            "waiting": "queued",
        }
        ended = {name for name, job in jobs.items() if "finished_at" in job}
        assert ended == {"done and archived", "to be deleted", "canceled"}
        assert all(job["submitted_by"] for job in jobs.values())
        assert jobs["shot 010"]["metadata"] == {"project": "Spring", "user": "mia"}
        tasks = {task["name"]: task for task in reader.tasks(jobs["shot 010"]["id"])}
        assert {name: task["status"] for name, task in tasks.items()} == {
            "render-1-10": "completed",
            "render-11-20": "active",
            "render-21-30": "queued",
            "render-31-40": "queued",
            "video": "queued",
        }
        assert "Error: out of memory" in reader.task_log(tasks["render-11-20"]["id"])
        assert {worker["name"] for worker in reader.workers()} == {
            "render-1",
            "render-2",
            "old-laptop",
        }
        assert [tag["name"] for tag in reader.tags()] == ["fast"]
        assert manager.rna_overrides(jobs["waiting"]["id"]) == ["x = 1"]


def test_work_goes_on_with_a_farm_of_the_first_schema(first_farm: Path) -> None:
    with Manager.open(first_farm) as manager, manager.reader() as reader:
        worker = next(w["id"] for w in reader.workers() if w["name"] == "render-1")
        (shot,) = (job["id"] for job in reader.jobs() if job["name"] == "shot 010")
        while (task := take_or_none(manager, worker)) is not None:
            done = TaskUpdate(taskStatus=TaskStatus.COMPLETED, log="more\n", attempt=task.attempt)
            manager.update_task(worker, task.uuid, done)
            while jobs := manager.unsettled_jobs():
                for job in jobs:
                    manager.settle(job)
        assert manager.job(shot).status is JobStatus.COMPLETED
        manager.finish_removals()
        assert "to be deleted" not in {job["name"] for job in reader.jobs()}
        assert manager.check(whole_file=True) == []


def test_the_backup_of_a_farm_of_the_first_schema_is_what_it_was(first_farm: Path) -> None:
    before = contents_of(first_farm)
    Manager.open(first_farm).close()
    assert contents_of(first_farm.with_name("first.sqlite.schema-1.backup")) == before


def contents_of(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as db:
        return list(db.iterdump())
