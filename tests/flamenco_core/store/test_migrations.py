"""A farm of an older version is brought up to date with its contents, or left as it was."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from flamenco_core.errors import StorageError
from flamenco_core.manager import Manager, verify_backup
from flamenco_core.store import migrations
from tests.flamenco_core.farms import compiled_job, store

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
