"""Tokens of people and of services. Of the secret only a hash is stored."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flamenco_core.model.accounts import UserRole
from flamenco_core.rules.accounts import lower_of
from flamenco_core.store.database import Statement, found, from_microseconds, to_microseconds
from flamenco_core.store.wire_rows import time

_ADD = Statement(
    "Makes a token.",
    """INSERT INTO tokens (uuid, user_id, made_by, name, role, secret_hash, created_at, expires_at)
       VALUES (:uuid, :user_id, :made_by, :name, :role, :secret_hash, :now, :expires)""",
)
_BY_SECRET = Statement(
    "A token that counts, and whose it is: a service's is nobody's.",
    """SELECT t.id, t.name, t.role, t.used_at, u.name AS user, u.role AS user_role
       FROM tokens t LEFT JOIN users u ON u.id = t.user_id
       WHERE t.secret_hash = :secret_hash AND (t.expires_at IS NULL OR t.expires_at > :now)
       AND (t.user_id IS NULL OR u.is_disabled = 0)""",
)
_SHOWN = """t.uuid, t.name, t.role, t.user_id, t.made_by, t.created_at, t.expires_at, t.used_at"""
_BY_UUID = Statement("A token.", f"SELECT {_SHOWN} FROM tokens t WHERE t.uuid = :uuid")
_OF_USER = Statement(
    "A user's tokens, oldest first.",
    f"""SELECT {_SHOWN} FROM tokens t INDEXED BY tokens_of_user
        WHERE t.user_id = :user_id ORDER BY t.id""",
)
_ALL = Statement(
    "A page of all tokens, oldest first.",
    f"SELECT {_SHOWN} FROM tokens t WHERE t.id > :after ORDER BY t.id LIMIT :limit",
)
_USED = Statement(
    "Notes that a token is used.",
    "UPDATE tokens SET used_at = :now WHERE id = :id",
)
_DELETE = Statement("Revokes a token.", "DELETE FROM tokens WHERE uuid = :uuid")


@dataclass(frozen=True, slots=True)
class StoredToken:
    id: int
    name: str
    user: str | None
    """None for a service's token."""
    role: UserRole
    """What it may do now."""
    used: datetime | None


def add(
    db: sqlite3.Connection,
    *,
    uuid: str,
    user_id: int | None,
    made_by: str,
    name: str,
    role: UserRole,
    secret_hash: str,
    now: datetime,
    expires: datetime | None,
) -> None:
    _ADD.run(
        db,
        uuid=uuid,
        user_id=user_id,
        made_by=made_by,
        name=name,
        role=role,
        secret_hash=secret_hash,
        now=to_microseconds(now),
        expires=None if expires is None else to_microseconds(expires),
    )


def find(db: sqlite3.Connection, secret_hash: str, *, now: datetime) -> StoredToken | None:
    """A token that counts: not expired, and of a service or a user who may log in."""
    row = _BY_SECRET.row(db, secret_hash=secret_hash, now=to_microseconds(now))
    if row is None:
        return None
    role = UserRole(row["role"])
    return StoredToken(
        row["id"],
        row["name"],
        row["user"],
        lower_of(role, UserRole(row["user_role"])) if row["user_role"] else role,
        None if row["used_at"] is None else from_microseconds(row["used_at"]),
    )


def used(db: sqlite3.Connection, token_id: int, *, now: datetime) -> None:
    _USED.run(db, id=token_id, now=to_microseconds(now))


def revoke(db: sqlite3.Connection, uuid: str) -> None:
    _DELETE.run(db, uuid=uuid)


def shown(db: sqlite3.Connection, uuid: str) -> dict[str, Any]:
    """A token in the form of the wire. Raises `NotFound`."""
    return _shown(found(_BY_UUID.row(db, uuid=uuid), "token", uuid))


def of_user(db: sqlite3.Connection, user_id: int) -> list[dict[str, Any]]:
    return [_shown(row) for row in _OF_USER.run(db, user_id=user_id)]


def page(db: sqlite3.Connection, *, after: int = 0, limit: int = -1) -> list[dict[str, Any]]:
    return [_shown(row) for row in _ALL.run(db, after=after, limit=limit)]


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    token = {
        "id": row["uuid"],
        "name": row["name"],
        "role": row["role"],
        "is_service": row["user_id"] is None,
        "owner": row["made_by"],
        "created": time(row["created_at"]),
    }
    for key, column in (("expires", "expires_at"), ("last_used", "used_at")):
        if row[column] is not None:
            token[key] = time(row[column])
    return token
