"""Copies a farm while it runs, and looks whether a copy would do as a farm.

A backup is one ordinary file, and a farm file as it stands: to go back to it, stop the Manager,
move its farm file away together with the files of the same name that end in `-wal` and `-shm`
(what is in those belongs to the old file and would damage the new one), and copy the backup there.
"""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from flamenco_core.errors import StorageError
from flamenco_core.manager import upkeep
from flamenco_core.store import farm
from flamenco_core.store.contents import FarmContents, contents
from flamenco_core.store.copying import copy_farm
from flamenco_core.store.database import connect_read_only, snapshot
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
