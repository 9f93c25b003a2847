"""The schema, as numbered migrations. A released one is never changed; a new one is added.

Conventions: integer keys inside, UUID text where the world sees it; times are integers,
microseconds since 1970 UTC; JSON is text. Nothing here needs SQLite in particular (partial
indexes aside, which other databases have too).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from flamenco_core.errors import StorageError
from flamenco_core.store.copying import copy_farm
from flamenco_core.store.first_schema import FIRST_SCHEMA
from flamenco_core.store.fourth_schema import FOURTH_SCHEMA
from flamenco_core.store.second_schema import SECOND_SCHEMA
from flamenco_core.store.third_schema import THIRD_SCHEMA

if TYPE_CHECKING:
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

_MIGRATIONS_TABLE = "_sqlite_migrations"


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Brings the schema up to date, with a backup first if there is anything to lose.

    Raises:
        StorageError: if the file was made by a newer version of this program, or is no farm.
    """
    import sqlite_utils

    database = sqlite_utils.Database(db)
    try:
        applied = _applied(db, path)
        # The table of migrations comes first; the program may have ended just after that.
        if not applied and set(database.table_names()) - {_MIGRATIONS_TABLE}:
            raise StorageError(f"{path} is a database, but not a Flamenco farm")
        if applied and len(applied) < len(_ALL):
            _back_up(db, path, len(applied))
        _migrations().apply(database)
    except sqlite3.DatabaseError as error:
        raise StorageError(f"The farm file {path} cannot be used: {error}") from error


def refuse_other_schema(db: sqlite3.Connection, path: Path) -> None:
    """Raises `StorageError` unless the file has the schema of this version, for reading it."""
    try:
        applied = _applied(db, path)
    except sqlite3.DatabaseError as error:
        raise StorageError(f"The farm file {path} cannot be used: {error}") from error
    if len(applied) < len(_ALL):
        raise StorageError(
            f"The farm file {path} is not a farm, or of an older version of Flamenco; "
            "open it for writing once to bring it up to date"
        )


def _applied(db: sqlite3.Connection, path: Path) -> list[str]:
    import sqlite_utils

    database = sqlite_utils.Database(db)
    applied = [migration.name for migration in _migrations().applied(database)]
    unknown = sorted(set(applied) - {name for name, _ in _ALL})
    if unknown:
        raise StorageError(
            f"The farm file {path} was made by a newer version of Flamenco "
            f"({', '.join(unknown)}); use that version, or one that is newer still"
        )
    return applied


def _migrations() -> Migrations:
    from sqlite_utils.migrations import Migrations

    migrations = Migrations("flamenco")
    for name, script in _ALL:

        def apply(database: Database, script: str = script) -> None:
            for statement in script.split(";\n"):
                if statement.strip():
                    database.execute(statement)

        migrations(name=name)(apply)
    return migrations


def _back_up(db: sqlite3.Connection, path: Path, version: int) -> None:
    """A copy beside the file, named after the schema it has."""
    copy_farm(db, path, path.with_name(f"{path.name}.schema-{version}.backup"))


_ALL = (
    ("0001_first_schema", FIRST_SCHEMA),
    ("0002_second_schema", SECOND_SCHEMA),
    ("0003_third_schema", THIRD_SCHEMA),
    ("0004_fourth_schema", FOURTH_SCHEMA),
)
