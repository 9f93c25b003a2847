"""People's accounts. Names are unique and in small letters; passwords are there as hashes only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flamenco_core.model.accounts import UserRole
from flamenco_core.store.database import Statement, found, to_microseconds
from flamenco_core.store.wire_rows import time

_COLUMNS = "id, name, role, password_hash, is_disabled"
_BY_NAME = Statement("A user by name.", f"SELECT {_COLUMNS} FROM users WHERE name = :name")
_PAGE = Statement(
    "A page of users, by name.",
    """SELECT name, role, is_disabled, created_at, last_login_at FROM users
       WHERE name > :after ORDER BY name LIMIT :limit""",
)
_ONE = Statement(
    "A user as people see it.",
    """SELECT name, role, is_disabled, created_at, last_login_at FROM users
       WHERE name = :name""",
)
_ADD = Statement(
    "Adds a user.",
    """INSERT INTO users (name, role, password_hash, created_at)
       VALUES (:name, :role, :password_hash, :now) ON CONFLICT DO NOTHING""",
)
_CHANGE = Statement(
    "Gives a user another role, and disables or enables the account.",
    "UPDATE users SET role = :role, is_disabled = :is_disabled WHERE id = :id",
)
_SET_PASSWORD = Statement(
    "Gives a user another password.",
    "UPDATE users SET password_hash = :password_hash WHERE id = :id",
)
_LOGGED_IN = Statement(
    "Notes when a user last logged in.",
    "UPDATE users SET last_login_at = :now WHERE id = :id",
)
_DELETE = Statement("Deletes a user, with sessions and tokens.", "DELETE FROM users WHERE id = :id")
_OTHER_ADMIN = Statement(
    "Whether there is an admin who can log in, other than one user.",
    """SELECT 1 FROM users INDEXED BY users_by_role
       WHERE role = 'admin' AND is_disabled = 0 AND id <> :id LIMIT 1""",
)


@dataclass(frozen=True, slots=True)
class StoredUser:
    id: int
    name: str
    role: UserRole
    password_hash: str = field(repr=False)
    is_disabled: bool


def by_name(db: sqlite3.Connection, name: str) -> StoredUser:
    """Raises `NotFound` if there is none."""
    return _user(found(_BY_NAME.row(db, name=name), "user", name))


def find(db: sqlite3.Connection, name: str) -> StoredUser | None:
    row = _BY_NAME.row(db, name=name)
    return _user(row) if row else None


def add(
    db: sqlite3.Connection, *, name: str, role: UserRole, password_hash: str, now: datetime
) -> bool:
    """Returns whether the name was free."""
    cursor = _ADD.run(
        db, name=name, role=role, password_hash=password_hash, now=to_microseconds(now)
    )
    return cursor.rowcount == 1


def change(db: sqlite3.Connection, user_id: int, *, role: UserRole, is_disabled: bool) -> None:
    _CHANGE.run(db, id=user_id, role=role, is_disabled=int(is_disabled))


def set_password(db: sqlite3.Connection, user_id: int, password_hash: str) -> None:
    _SET_PASSWORD.run(db, id=user_id, password_hash=password_hash)


def logged_in(db: sqlite3.Connection, user_id: int, *, now: datetime) -> None:
    _LOGGED_IN.run(db, id=user_id, now=to_microseconds(now))


def delete(db: sqlite3.Connection, user_id: int) -> None:
    _DELETE.run(db, id=user_id)


def has_admin(db: sqlite3.Connection, *, other_than: int = 0) -> bool:
    """Whether anybody is left who can look after the accounts."""
    return bool(_OTHER_ADMIN.value(db, id=other_than))


def shown(db: sqlite3.Connection, name: str) -> dict[str, Any]:
    """A user in the form of the wire. Raises `NotFound`."""
    return _shown(found(_ONE.row(db, name=name), "user", name))


def page(db: sqlite3.Connection, *, after: str = "", limit: int = -1) -> Iterator[dict[str, Any]]:
    """Users in the form of the wire, by name."""
    return (_shown(row) for row in _PAGE.run(db, after=after, limit=limit))


def _user(row: sqlite3.Row) -> StoredUser:
    return StoredUser(
        row["id"],
        row["name"],
        UserRole(row["role"]),
        row["password_hash"],
        bool(row["is_disabled"]),
    )


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    user = {
        "name": row["name"],
        "role": row["role"],
        "is_disabled": bool(row["is_disabled"]),
        "created": time(row["created_at"]),
    }
    if row["last_login_at"] is not None:
        user["last_login"] = time(row["last_login_at"])
    return user
