"""Worker tags: what they are called, and who has them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from flamenco_core.store.database import Statement, found

_BY_UUID = Statement(
    "A tag by UUID.", "SELECT id, uuid, name, description FROM tags WHERE uuid = :uuid"
)
_BY_NAME = Statement(
    "A tag by name.", "SELECT id, uuid, name, description FROM tags WHERE name = :name"
)
_ADD = Statement(
    "Makes a tag.",
    "INSERT INTO tags (uuid, name, description) VALUES (:uuid, :name, :description)",
)
_UPDATE = Statement(
    "Renames and describes a tag.",
    "UPDATE tags SET name = :name, description = :description WHERE id = :id",
)
_DELETE = Statement("Deletes a tag.", "DELETE FROM tags WHERE id = :id")
_JOBS_THAT_NEED_IT = Statement(
    "Jobs with a tag that could still be run.",
    """SELECT name FROM jobs INDEXED BY jobs_by_tag
       WHERE tag_id = :id AND archived_at IS NULL ORDER BY id LIMIT :limit""",
)
_TAKE_OFF_ARCHIVED = Statement(
    "Takes a tag off the archived jobs that have it.",
    "UPDATE jobs SET tag_id = NULL WHERE tag_id = :id AND archived_at IS NOT NULL",
)
_CLEAR_WORKER = Statement(
    "Takes all tags off a worker.", "DELETE FROM worker_tags WHERE worker_id = :worker_id"
)
_GIVE = Statement(
    "Gives a tag to a worker.",
    """INSERT INTO worker_tags (worker_id, tag_id) VALUES (:worker_id, :tag_id)
       ON CONFLICT DO NOTHING""",
)
_OF_WORKER = Statement(
    "What a worker's tags are called.",
    """SELECT g.uuid, g.name FROM worker_tags t JOIN tags g ON g.id = t.tag_id
       WHERE t.worker_id = :worker_id""",
)
_WORKERS_WITH = Statement(
    "The workers that have a tag.",
    """SELECT w.uuid FROM worker_tags t INDEXED BY workers_of_tag
       JOIN workers w ON w.id = t.worker_id WHERE t.tag_id = :id""",
)


@dataclass(frozen=True, slots=True)
class StoredTag:
    id: int
    uuid: str
    name: str
    description: str


def by_uuid(db: sqlite3.Connection, uuid: str) -> StoredTag:
    """Raises `NotFound` if there is none."""
    return StoredTag(*found(_BY_UUID.row(db, uuid=uuid), "worker tag", uuid))


def find(db: sqlite3.Connection, *, uuid: str = "", name: str = "") -> StoredTag | None:
    """A tag by its UUID or its name, or None."""
    row = _BY_UUID.row(db, uuid=uuid) if uuid else _BY_NAME.row(db, name=name)
    return StoredTag(*row) if row else None


def add(db: sqlite3.Connection, *, uuid: str, name: str, description: str) -> None:
    _ADD.run(db, uuid=uuid, name=name, description=description)


def update(db: sqlite3.Connection, tag: StoredTag, *, name: str, description: str) -> None:
    _UPDATE.run(db, id=tag.id, name=name, description=description)


def delete(db: sqlite3.Connection, tag: StoredTag) -> None:
    """Deletes a tag that no job needs any more; workers and archived jobs lose it."""
    _TAKE_OFF_ARCHIVED.run(db, id=tag.id)
    _DELETE.run(db, id=tag.id)


def jobs_that_need(db: sqlite3.Connection, tag: StoredTag, *, limit: int) -> list[str]:
    """Names of jobs that would run on any worker without their tag."""
    return [row["name"] for row in _JOBS_THAT_NEED_IT.run(db, id=tag.id, limit=limit).fetchall()]


def workers_with(db: sqlite3.Connection, tag: StoredTag) -> list[str]:
    """UUIDs of the workers that have a tag."""
    return [row["uuid"] for row in _WORKERS_WITH.run(db, id=tag.id).fetchall()]


def names_of_worker(db: sqlite3.Connection, worker_id: int) -> frozenset[str]:
    """Names and UUIDs of a worker's tags."""
    rows = _OF_WORKER.run(db, worker_id=worker_id)
    return frozenset(value for row in rows for value in (row["uuid"], row["name"]))


def set_of_worker(db: sqlite3.Connection, worker_id: int, tag_ids: Iterable[int]) -> None:
    """Gives a worker these tags and no others."""
    _CLEAR_WORKER.run(db, worker_id=worker_id)
    for tag_id in tag_ids:
        _GIVE.run(db, worker_id=worker_id, tag_id=tag_id)
