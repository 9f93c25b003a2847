"""Copies a farm while it runs, and looks whether a copy would do as a farm.

A backup is one ordinary file, and a farm file as it stands. It is put back with `restore`, and not
by hand: a file of the farm's name that ends in `-wal` belongs to the farm file that was there, and
would damage another one.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from flamenco_core.durable import sync_folder
from flamenco_core.errors import StorageError
from flamenco_core.manager import upkeep
from flamenco_core.manager.lock import FarmLock, refuse_network_file_system
from flamenco_core.store import farm
from flamenco_core.store.contents import FarmContents, contents
from flamenco_core.store.copying import copy_farm
from flamenco_core.store.database import connect, connect_read_only, snapshot
from flamenco_core.store.migrations import refuse_other_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReport:
    """What was found in a backup."""

    contents: FarmContents
    problems: tuple[str, ...]
    """What is wrong with it, as sentences; empty if a farm can go on from it."""


def back_up(farm_file: Path, target: Path) -> None:
    """Copies a farm as it is at this moment; whoever writes to it goes on meanwhile.

    May be called in any thread or process. When it returns, the copy is on disk as a whole; until
    then `target` is as it was. An older backup of the same farm is replaced.

    Raises:
        StorageError: if the farm cannot be read, the copy cannot be written, or `target` is
            something else than a backup of this farm.
    """
    farm_file, target = farm_file.absolute(), target.absolute()
    try:
        with closing(connect_read_only(farm_file)) as db:
            refuse_other_schema(db, farm_file)
            _refuse_to_replace(target, farm_file, farm.identity(db))
            copy_farm(db, farm_file, target)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"The backup {target} cannot be made: {error}") from error


def verify_backup(file: Path) -> BackupReport:
    """Opens a backup for reading, checks all of it, and tells what it holds.

    Raises:
        StorageError: if it is no farm, of another version of this program, or too damaged to be
            read.
    """
    with closing(connect_read_only(file)) as db:
        refuse_other_schema(db, file)
        findings = upkeep.check(db, whole_file=True)
        try:
            with snapshot(db):
                found = contents(db)
        except sqlite3.DatabaseError as error:
            raise StorageError(f"The backup {file} cannot be read: {error}") from error
    return BackupReport(contents=found, problems=tuple(finding.what for finding in findings))


def restore(backup: Path, farm_file: Path) -> Path | None:
    """Puts a backup in the place of a farm that nobody runs; returns where that one is now.

    Raises:
        FarmLocked: if a program runs the farm.
        StorageError: if the backup is not good, or a file cannot be written; the farm then stays.
    """
    problems = verify_backup(backup).problems
    if problems:
        raise StorageError(f"The backup {backup} is not good: {problems[0]}")
    refuse_network_file_system(farm_file)
    with ExitStack() as at_the_end:
        try:
            farm_file.parent.mkdir(parents=True, exist_ok=True)
            if farm_file.exists() and farm_file.samefile(backup):
                raise StorageError(f"{backup} is the farm itself, and no backup of it")
            at_the_end.callback(FarmLock(farm_file, address="").release)
            # All that a full disk can keep from happening comes before the farm is moved.
            copy = farm_file.with_name(f"{farm_file.name}.restoring")
            copy_farm(at_the_end.enter_context(_opened(backup)), backup, copy)
            set_aside = _set_aside(farm_file)
            copy.rename(farm_file)
            sync_folder(farm_file.parent)
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"The backup {backup} cannot be restored: {error}") from error
    return set_aside


def _set_aside(farm_file: Path) -> Path | None:
    """Renames a farm file, with what SQLite keeps beside it."""
    if not farm_file.exists():
        return None
    # Takes in what stands beside it, if the file is sound enough for that.
    with contextlib.suppress(StorageError, sqlite3.Error), closing(connect(farm_file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    aside = next(
        path
        for number in itertools.count(1)
        if not (path := farm_file.with_name(f"{farm_file.name}.replaced-{number}")).exists()
    )
    farm_file.rename(aside)
    for ending in ("-wal", "-shm"):
        beside = farm_file.with_name(f"{farm_file.name}{ending}")
        if beside.exists():
            beside.rename(aside.with_name(f"{aside.name}{ending}"))
    return aside


def _refuse_to_replace(target: Path, farm_file: Path, farm_id: str) -> None:
    if not target.exists():
        return
    is_backup = False
    if not target.samefile(farm_file) and target.is_file():
        with contextlib.suppress(StorageError, sqlite3.Error), _opened(target) as db:
            is_backup = farm.identity(db) == farm_id
    if not is_backup:
        raise StorageError(
            f"{target} is there already, and is no backup of this farm; choose another name"
        )


def _opened(file: Path) -> closing[sqlite3.Connection]:
    return closing(connect_read_only(file))
