"""What was done long ago goes by itself, if the configuration says so.

`job_retention` deletes jobs, `job_archive_after` archives them; both are off unless they are set.
An archived job never goes: somebody wanted to keep it. Rendered files and statistics stay, as with
every deletion. `worker_cleanup_max_age` lets workers go that were not seen for long.
"""

from __future__ import annotations

from datetime import timedelta

from flamenco_core.manager import removal, worker_requests
from flamenco_core.manager.unit import Unit
from flamenco_core.rules import timeouts
from flamenco_core.store import removal as stored_removal
from flamenco_core.store import workers

WORKERS_AT_ONCE = 20
"""Workers that are let go in one transaction; their tasks are queued again."""


def old_jobs(unit: Unit, *, limit: int) -> list[str]:
    """The jobs whose time is over, those that were done first before the others."""
    retention = unit.config.job_retention
    if not retention:
        return []
    return stored_removal.done_before(unit.db, unit.now - retention, limit=limit)


def delete_old_jobs(unit: Unit, *, running_for: timedelta) -> int:
    """Deletes some of them; returns how many.

    Not in the first minutes of a run: a machine's clock may be years off until it is set.
    """
    if not timeouts.may_look(running_for):
        return 0
    found = old_jobs(unit, limit=removal.JOBS_AT_ONCE)
    for job_uuid in found:
        removal.delete(unit, job_uuid, leave_files=False)
    return len(found)


def archive_old_jobs(unit: Unit, *, running_for: timedelta) -> int:
    """Archives some of the jobs that have been done for long enough; returns how many."""
    age = unit.config.job_archive_after
    if not age or not timeouts.may_look(running_for):
        return 0
    found = stored_removal.done_before(unit.db, unit.now - age, limit=removal.JOBS_AT_ONCE)
    for job_uuid in found:
        removal.archive(unit, job_uuid)
    return len(found)


def forget_old_workers(unit: Unit, *, running_for: timedelta) -> int:
    """Lets some of the workers go that were not seen for long enough; returns how many."""
    age = unit.config.worker_cleanup_max_age
    if not age or not timeouts.may_look(running_for):
        return 0
    found = [
        worker_uuid
        for status in unit.config.worker_cleanup_status
        for worker_uuid in workers.not_seen_since(
            unit.db, unit.now - age, status, limit=WORKERS_AT_ONCE
        )
    ]
    for worker_uuid in found:
        worker_requests.delete(unit, worker_uuid)
    return len(found)
