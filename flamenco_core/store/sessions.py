"""Logins of browsers. Of the secret in the cookie only a hash is stored."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from flamenco_core.model.accounts import UserRole
from flamenco_core.store.database import Statement, from_microseconds, to_microseconds

_MOST_CLEARED = 100

_ADD = Statement(
    "Begins a session.",
    """INSERT INTO sessions (user_id, secret_hash, created_at, used_at, ends_at)
       VALUES (:user_id, :secret_hash, :now, :now, :ends)""",
)
_BY_SECRET = Statement(
    "A session that is not over, and whose it is.",
    """SELECT s.id, s.created_at, s.used_at, u.name, u.role FROM sessions s
       JOIN users u ON u.id = s.user_id
       WHERE s.secret_hash = :secret_hash AND s.ends_at > :now AND u.is_disabled = 0""",
)
_USED = Statement(
    "Notes that a session is used.",
    "UPDATE sessions SET used_at = :now, ends_at = :ends WHERE id = :id AND used_at < :now",
)
_END = Statement("Ends a session.", "DELETE FROM sessions WHERE secret_hash = :secret_hash")
_END_ALL = Statement(
    "Ends the sessions of a user, all or all but one.",
    "DELETE FROM sessions WHERE user_id = :user_id AND secret_hash <> :kept",
)
_CLEAR = Statement(
    "Forgets some sessions that are over.",
    """DELETE FROM sessions WHERE id IN (SELECT id FROM sessions INDEXED BY sessions_by_end
           WHERE ends_at <= :now LIMIT :limit)""",
)


@dataclass(frozen=True, slots=True)
class StoredSession:
    id: int
    created: datetime
    used: datetime
    user: str
    role: UserRole


def add(
    db: sqlite3.Connection, *, user_id: int, secret_hash: str, now: datetime, ends: datetime
) -> None:
    """Begins a session, and forgets some that are over."""
    _CLEAR.run(db, now=to_microseconds(now), limit=_MOST_CLEARED)
    _ADD.run(
        db,
        user_id=user_id,
        secret_hash=secret_hash,
        now=to_microseconds(now),
        ends=to_microseconds(ends),
    )


def find(db: sqlite3.Connection, secret_hash: str, *, now: datetime) -> StoredSession | None:
    """A session that counts: not over, and of a user who may log in."""
    row = _BY_SECRET.row(db, secret_hash=secret_hash, now=to_microseconds(now))
    if row is None:
        return None
    return StoredSession(
        row["id"],
        from_microseconds(row["created_at"]),
        from_microseconds(row["used_at"]),
        row["name"],
        UserRole(row["role"]),
    )


def used(db: sqlite3.Connection, session_id: int, *, now: datetime, ends: datetime) -> None:
    _USED.run(db, id=session_id, now=to_microseconds(now), ends=to_microseconds(ends))


def end(db: sqlite3.Connection, secret_hash: str) -> None:
    _END.run(db, secret_hash=secret_hash)


def end_all(db: sqlite3.Connection, user_id: int, *, but: str = "") -> None:
    """Ends all of a user's sessions, but the one with this hash."""
    _END_ALL.run(db, user_id=user_id, kept=but)
