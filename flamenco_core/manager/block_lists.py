"""What people see of a job's block list, and take from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from flamenco_core.events import JobChanged
from flamenco_core.manager.unit import Unit
from flamenco_core.model.block_lists import JobBlocklistEntry
from flamenco_core.store import block_lists, jobs


def of_job(db: sqlite3.Connection, job_uuid: str) -> list[JobBlocklistEntry]:
    """By the workers' names; raises `NotFound`."""
    return block_lists.of_job(db, jobs.by_uuid(db, job_uuid).id)


def remove(unit: Unit, job_uuid: str, entries: Sequence[JobBlocklistEntry]) -> None:
    """Opens a job to workers again; entries that are not there are fine."""
    job = jobs.by_uuid(unit.db, job_uuid)
    for entry in entries:
        changes = block_lists.remove(unit.db, job.id, entry)
        if changes is None:
            continue
        unit.announce_ready(changes)
        unit.audit("job.unblock", job.uuid, worker=entry.worker_id, task_type=entry.task_type)
        unit.announce(JobChanged(job_id=job.uuid, status=job.status, previous_status=job.status))
