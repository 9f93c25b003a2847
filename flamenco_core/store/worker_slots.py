"""The slots of workers that run several tasks at a time: what each takes, and what it has."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flamenco_core.requirements import meets
from flamenco_core.store.database import Statement

_CLEAR = Statement(
    "Forgets the slots of a worker.", "DELETE FROM worker_slots WHERE worker_id = :worker_id"
)
_ADD = Statement(
    "Adds a slot to a worker.",
    """INSERT INTO worker_slots (worker_id, slot, name, task_types, capabilities)
       VALUES (:worker_id, :slot, :name, :task_types, :capabilities)""",
)
_OF_WORKER = Statement(
    "The slots of a worker.",
    """SELECT slot, name, task_types, capabilities FROM worker_slots
       WHERE worker_id = :worker_id ORDER BY slot""",
)
_OF_SLOT = Statement(
    "One slot of a worker.",
    """SELECT slot, name, task_types, capabilities FROM worker_slots
       WHERE worker_id = :worker_id AND slot = :slot""",
)
AS_JSON = """(SELECT json_group_array(json_object(
    'slot', s.slot, 'name', s.name, 'task_types', json(s.task_types),
    'capabilities', json(s.capabilities),
    'tasks', (SELECT json_group_array(json_object('id', st.uuid, 'name', st.name,
            'job_id', sj.uuid,
            'is_reserved', json(iif(st.reserved_until IS NULL, 'false', 'true'))))
        FROM tasks st INDEXED BY held_tasks JOIN jobs sj ON sj.id = st.job_id
        WHERE st.worker_id = w.id AND st.slot = s.slot
        AND (st.status = 'active' OR st.reserved_until IS NOT NULL))))
    FROM worker_slots s WHERE s.worker_id = w.id HAVING count(*) > 0)"""
"""SQL of the slots of a worker `w` with what they run, in the form of the wire; NULL if there are
none."""


@dataclass(frozen=True, slots=True)
class StoredSlot:
    """A slot, as decisions need it."""

    slot: int
    name: str
    task_types: frozenset[str]
    capabilities: Mapping[str, str]
    """Other than those of the worker, or more."""

    def takes(
        self, task_type: str, requirements: Mapping[str, str], of_worker: Mapping[str, str]
    ) -> bool:
        """Whether it can run tasks of a type that ask for this; `of_worker` is what all have."""
        if task_type not in self.task_types:
            return False
        return not requirements or meets(requirements, {**of_worker, **self.capabilities})


def replace_all(db: sqlite3.Connection, worker_id: int, slots: Iterable[StoredSlot]) -> None:
    """From now on a worker has these slots; none means one for everything."""
    _CLEAR.run(db, worker_id=worker_id)
    for slot in slots:
        _ADD.run(
            db,
            worker_id=worker_id,
            slot=slot.slot,
            name=slot.name,
            task_types=json.dumps(sorted(slot.task_types)),
            capabilities=json.dumps(dict(slot.capabilities), sort_keys=True),
        )


def of_worker(db: sqlite3.Connection, worker_id: int) -> list[StoredSlot]:
    """In the order of their numbers; empty for a worker with one slot for everything."""
    return [_slot(row) for row in _OF_WORKER.run(db, worker_id=worker_id).fetchall()]


def find(db: sqlite3.Connection, worker_id: int, slot: int) -> StoredSlot | None:
    row = _OF_SLOT.row(db, worker_id=worker_id, slot=slot)
    return _slot(row) if row else None


def any_takes(
    slots: Iterable[StoredSlot],
    task_type: str,
    requirements: Mapping[str, str],
    of_worker: Mapping[str, str],
) -> bool:
    """Whether one of a worker's slots can run tasks of a type that ask for this."""
    return any(slot.takes(task_type, requirements, of_worker) for slot in slots)


def _slot(row: sqlite3.Row) -> StoredSlot:
    return StoredSlot(
        slot=row["slot"],
        name=row["name"],
        task_types=frozenset(json.loads(row["task_types"])),
        capabilities=json.loads(row["capabilities"]),
    )
