"""Workers: who they are, what they can do, what is asked of them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flamenco_core.statuses import WorkerStatus
from flamenco_core.store import queues, worker_slots
from flamenco_core.store.database import Statement, found, to_microseconds
from flamenco_core.store.worker_slots import StoredSlot

_COLUMNS = """id, uuid, name, platform, status, status_requested, lazy_request, can_restart,
    status_reason, is_lost"""
_BY_UUID = Statement(
    "A worker by UUID.",
    f"SELECT {_COLUMNS} FROM workers WHERE uuid = :uuid AND deleted_at IS NULL",
)
_BY_ID = Statement(
    "A worker by key.",
    f"SELECT {_COLUMNS} FROM workers WHERE id = :id AND deleted_at IS NULL",
)
_NAMESAKES = Statement(
    "The newest workers of a name with what their secrets are checked against.",
    """SELECT uuid, secret_hash, software FROM workers INDEXED BY workers_by_name
       WHERE name = :name AND deleted_at IS NULL ORDER BY id DESC LIMIT 10""",
)
_SET_ADDRESS = Statement(
    "Notes from where a worker has registered once more.",
    "UPDATE workers SET address = :address WHERE uuid = :uuid",
)
_SECRET = Statement(
    "What a worker's secret is checked against.",
    "SELECT secret_hash FROM workers WHERE uuid = :uuid AND deleted_at IS NULL",
)
_INSERT = Statement(
    "Adds a worker that registers.",
    """INSERT INTO workers (uuid, name, secret_hash, address, platform, software, status,
           created_at, updated_at)
       VALUES (:uuid, :name, :secret_hash, :address, :platform, '', 'offline', :now, :now)
       RETURNING id""",
)
_SIGN_ON = Statement(
    "Stores what a worker says of itself.",
    """UPDATE workers SET name = :name, software = :software, address = :address,
           can_restart = :can_restart, status = 'starting', updated_at = :now,
           last_seen_at = :now, alive_at = :steady, status_reason = '', is_lost = 0
       WHERE id = :id""",
)
_SET_STATUS = Statement(
    "Gives a worker a status, and what is still asked of it.",
    """UPDATE workers SET status = :status, status_requested = :requested,
           lazy_request = :is_lazy, updated_at = :now, status_reason = :reason,
           is_lost = :is_lost WHERE id = :id""",
)
_ASK = Statement(
    "Stores what is asked of a worker.",
    """UPDATE workers SET status_requested = :requested, lazy_request = :is_lazy,
           updated_at = :now WHERE id = :id""",
)
_NOT_SEEN_SINCE = Statement(
    "Workers with a status that were not seen since a time.",
    """SELECT uuid FROM workers INDEXED BY worker_statuses
       WHERE status = :status AND deleted_at IS NULL
       AND coalesce(last_seen_at, created_at) <= :time LIMIT :limit""",
)
_DELETE = Statement(
    "Takes a worker out of the farm.",
    """UPDATE workers SET deleted_at = :now, updated_at = :now, status = 'offline',
           status_requested = NULL, lazy_request = 0, status_reason = '', is_lost = 0
       WHERE id = :id""",
)
_SEEN = Statement(
    "Notes when a worker was last heard of.",
    "UPDATE workers SET last_seen_at = :time, alive_at = :steady WHERE uuid = :uuid",
)
_CLEAR_TYPES = Statement(
    "Forgets a worker's task types.", "DELETE FROM worker_task_types WHERE worker_id = :worker_id"
)
_ADD_TYPE = Statement(
    "Adds a task type to a worker.",
    """INSERT INTO worker_task_types (worker_id, task_type) VALUES (:worker_id, :task_type)
       ON CONFLICT DO NOTHING""",
)
_CLEAR_CAPABILITIES = Statement(
    "Forgets what a worker said it has.",
    "DELETE FROM worker_capabilities WHERE worker_id = :worker_id",
)
_ADD_CAPABILITY = Statement(
    "Notes something that a worker has.",
    """INSERT INTO worker_capabilities (worker_id, key, value)
       VALUES (:worker_id, :key, :value)""",
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A sign of life of a worker."""

    at: datetime
    """What people are shown."""
    steady: datetime
    """What its age is measured from."""


@dataclass(frozen=True, slots=True)
class StoredWorker:
    """A row of the worker table, as decisions need it."""

    id: int
    uuid: str
    name: str
    platform: str
    status: WorkerStatus
    status_requested: WorkerStatus | None
    lazy_request: bool
    can_restart: bool
    status_reason: str
    """Why it has its status, in its own words or the Manager's; often empty."""
    is_lost: bool
    """Whether it is in error because nothing is heard of it."""


def by_uuid(db: sqlite3.Connection, uuid: str) -> StoredWorker:
    """Raises `NotFound` if there is none, or if it was deleted."""
    return _worker(found(_BY_UUID.row(db, uuid=uuid), "worker", uuid))


def by_id(db: sqlite3.Connection, worker_id: int) -> StoredWorker:
    return _worker(found(_BY_ID.row(db, id=worker_id), "worker", str(worker_id)))


def find(db: sqlite3.Connection, worker_id: int) -> StoredWorker | None:
    """A worker by key; None if there is none, or if it was deleted."""
    row = _BY_ID.row(db, id=worker_id)
    return _worker(row) if row else None


def registered_with(db: sqlite3.Connection, name: str, secret: str) -> str | None:
    """The UUID of a worker of this name that has registered with this secret and not signed on yet;
    only the newest are looked at.
    """
    for row in _NAMESAKES.run(db, name=name).fetchall():
        salt, _, digest = str(row["secret_hash"]).partition(":")
        if not row["software"] and hmac.compare_digest(_digest(salt, secret), digest):
            return str(row["uuid"])
    return None


def set_address(db: sqlite3.Connection, uuid: str, address: str) -> None:
    _SET_ADDRESS.run(db, uuid=uuid, address=address)


def secret_is_right(db: sqlite3.Connection, uuid: str, secret: str) -> bool:
    """Whether this is the secret that the worker registered with."""
    stored = _SECRET.value(db, uuid=uuid)
    # An unknown worker costs the same time as a wrong secret.
    salt, _, digest = (stored or "00:00").partition(":")
    return hmac.compare_digest(_digest(salt, secret), digest) and stored is not None


def add(
    db: sqlite3.Connection,
    *,
    uuid: str,
    name: str,
    secret: str,
    address: str,
    platform: str,
    now: datetime,
) -> int:
    # Workers make their secrets from random bytes, so that a slow hash would protect nothing
    # more, while it is computed at every request.
    salt = secrets.token_hex(16)
    return int(
        _INSERT.value(
            db,
            uuid=uuid,
            name=name,
            secret_hash=f"{salt}:{_digest(salt, secret)}",
            address=address,
            platform=platform,
            now=to_microseconds(now),
        )
    )


def sign_on(
    db: sqlite3.Connection,
    worker_id: int,
    *,
    name: str,
    software: str,
    address: str,
    can_restart: bool,
    now: datetime,
    steady: datetime,
) -> None:
    _SIGN_ON.run(
        db,
        id=worker_id,
        name=name,
        software=software,
        address=address,
        can_restart=int(can_restart),
        now=to_microseconds(now),
        steady=to_microseconds(steady),
    )


def set_abilities(
    db: sqlite3.Connection,
    worker_id: int,
    *,
    task_types: Iterable[str],
    capabilities: Mapping[str, str],
    slots: Iterable[StoredSlot] = (),
) -> None:
    """Stores what a worker can do, and which tasks that makes it fit for."""
    types = sorted(set(task_types))
    _CLEAR_TYPES.run(db, worker_id=worker_id)
    _CLEAR_CAPABILITIES.run(db, worker_id=worker_id)
    for task_type in types:
        _ADD_TYPE.run(db, worker_id=worker_id, task_type=task_type)
    for key, value in capabilities.items():
        _ADD_CAPABILITY.run(db, worker_id=worker_id, key=key, value=value)
    worker_slots.replace_all(db, worker_id, slots)
    queues.match_worker(db, worker_id, types)


def set_status(
    db: sqlite3.Connection,
    worker: StoredWorker,
    status: WorkerStatus,
    *,
    requested: WorkerStatus | None,
    is_lazy: bool,
    now: datetime,
    reason: str = "",
    is_lost: bool = False,
) -> None:
    """Stores the status a worker has, why, and the one it is asked to take."""
    _SET_STATUS.run(
        db,
        id=worker.id,
        status=status,
        requested=requested,
        is_lazy=int(is_lazy),
        now=to_microseconds(now),
        reason=reason,
        is_lost=int(is_lost),
    )


def ask(
    db: sqlite3.Connection,
    worker: StoredWorker,
    requested: WorkerStatus | None,
    *,
    is_lazy: bool,
    now: datetime,
) -> None:
    """Stores the status that a worker is asked to take."""
    _ASK.run(db, id=worker.id, requested=requested, is_lazy=int(is_lazy), now=to_microseconds(now))


def delete(db: sqlite3.Connection, worker: StoredWorker, *, now: datetime) -> None:
    """Takes a worker out of the farm; its row stays, for what refers to it."""
    _DELETE.run(db, id=worker.id, now=to_microseconds(now))


def not_seen_since(
    db: sqlite3.Connection, time: datetime, status: WorkerStatus, *, limit: int
) -> list[str]:
    """UUIDs of workers that have a status, and were not seen since."""
    rows = _NOT_SEEN_SINCE.run(db, time=to_microseconds(time), status=status, limit=limit)
    return [row["uuid"] for row in rows.fetchall()]


def store_last_seen(db: sqlite3.Connection, times: Mapping[str, Sighting]) -> None:
    """Writes when workers (by UUID) were last heard of."""
    for uuid, seen in times.items():
        _SEEN.run(db, uuid=uuid, time=to_microseconds(seen.at), steady=to_microseconds(seen.steady))


def _worker(row: sqlite3.Row) -> StoredWorker:
    return StoredWorker(
        id=row["id"],
        uuid=row["uuid"],
        name=row["name"],
        platform=row["platform"],
        status=WorkerStatus(row["status"]),
        status_requested=_status(row["status_requested"]),
        lazy_request=bool(row["lazy_request"]),
        can_restart=bool(row["can_restart"]),
        status_reason=row["status_reason"],
        is_lost=bool(row["is_lost"]),
    )


def _digest(salt: str, secret: str) -> str:
    return hashlib.blake2b(secret.encode(), salt=bytes.fromhex(salt)).hexdigest()


def _status(text: str | None) -> WorkerStatus | None:
    return WorkerStatus(text) if text else None
