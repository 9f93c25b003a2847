"""Queries of lists that people keep, for themselves or for everybody."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flamenco_core.store.database import Statement, found, to_microseconds
from flamenco_core.store.wire_rows import time

EVERYBODY = ""
"""The owner of what everybody has."""

_COLUMNS = "uuid, owner, listing, name, query, created_at, updated_at"
_OF_OWNER = Statement(
    "The saved queries of an owner, by list and name.",
    f"""SELECT {_COLUMNS} FROM saved_queries WHERE owner = :owner
       ORDER BY listing, name LIMIT :limit""",
)
_ONE = Statement(
    "A saved query of an owner.",
    f"SELECT {_COLUMNS} FROM saved_queries WHERE uuid = :uuid AND owner = :owner",
)
_BY_NAME = Statement(
    "The saved query with a name.",
    """SELECT uuid FROM saved_queries
       WHERE owner = :owner AND listing = :listing AND name = :name""",
)
_COUNT = Statement(
    "How many saved queries an owner has.",
    "SELECT count(*) FROM saved_queries WHERE owner = :owner",
)
_INSERT = Statement(
    "Saves a query.",
    """INSERT INTO saved_queries (uuid, owner, listing, name, query, created_at, updated_at)
       VALUES (:uuid, :owner, :listing, :name, :query, :now, :now)""",
)
_UPDATE = Statement(
    "Replaces a saved query.",
    """UPDATE saved_queries SET listing = :listing, name = :name, query = :query,
           updated_at = :now WHERE uuid = :uuid""",
)
_DELETE = Statement("Drops a saved query.", "DELETE FROM saved_queries WHERE uuid = :uuid")
_DELETE_ALL = Statement(
    "Drops the saved queries of an owner.", "DELETE FROM saved_queries WHERE owner = :owner"
)


def of_owner(db: sqlite3.Connection, owner: str, *, limit: int) -> list[dict[str, Any]]:
    """What an owner saved, by list and name, in the form of the wire."""
    return [_told(row) for row in _OF_OWNER.run(db, owner=owner, limit=limit)]


def one(db: sqlite3.Connection, uuid: str, owner: str) -> dict[str, Any]:
    """Raises `NotFound` if the owner has no such query."""
    return _told(found(_ONE.row(db, uuid=uuid, owner=owner), "saved query", uuid))


def named(db: sqlite3.Connection, owner: str, listing: str, name: str) -> str | None:
    """The UUID of an owner's query of a list with a name."""
    uuid: str | None = _BY_NAME.value(db, owner=owner, listing=listing, name=name)
    return uuid


def count(db: sqlite3.Connection, owner: str) -> int:
    return int(_COUNT.value(db, owner=owner))


def insert(
    db: sqlite3.Connection,
    uuid: str,
    owner: str,
    listing: str,
    name: str,
    query: Mapping[str, str],
    *,
    now: datetime,
) -> None:
    _INSERT.run(
        db,
        uuid=uuid,
        owner=owner,
        listing=listing,
        name=name,
        query=json.dumps(dict(query)),
        now=to_microseconds(now),
    )


def update(
    db: sqlite3.Connection,
    uuid: str,
    listing: str,
    name: str,
    query: Mapping[str, str],
    *,
    now: datetime,
) -> None:
    _UPDATE.run(
        db,
        uuid=uuid,
        listing=listing,
        name=name,
        query=json.dumps(dict(query)),
        now=to_microseconds(now),
    )


def delete(db: sqlite3.Connection, uuid: str) -> None:
    _DELETE.run(db, uuid=uuid)


def delete_all(db: sqlite3.Connection, owner: str) -> None:
    _DELETE_ALL.run(db, owner=owner)


def _told(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["uuid"],
        "name": row["name"],
        "list": row["listing"],
        "query": json.loads(row["query"]),
        "is_shared": row["owner"] == EVERYBODY,
        "created": time(row["created_at"]),
        "updated": time(row["updated_at"]),
    }
