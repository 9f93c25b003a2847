"""What people see of a job's block list, and take from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from flamenco_core.events import JobChanged
from flamenco_core.manager.unit import Unit
from flamenco_core.model.block_lists import JobBlocklistEntry, WorkerBlock
from flamenco_core.store import block_lists, jobs, workers

MOST_OF_WORKER = 200
"""Older jobs are hardly ever queued again, which would empty their block lists anyway."""


def of_job(db: sqlite3.Connection, job_uuid: str) -> list[JobBlocklistEntry]:
    """By the workers' names; raises `NotFound`."""
    return block_lists.of_job(db, jobs.by_uuid(db, job_uuid).id)


def of_worker(db: sqlite3.Connection, worker_uuid: str) -> list[WorkerBlock]:
    """Those of the newest jobs first, at most `MOST_OF_WORKER`; raises `NotFound`."""
    worker = workers.by_uuid(db, worker_uuid)
    return block_lists.of_worker(db, worker.id, limit=MOST_OF_WORKER)


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
