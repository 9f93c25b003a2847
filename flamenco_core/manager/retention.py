"""Jobs that were done long ago go by themselves, if the configuration says so.

Only `job_retention` decides; it is off unless it is set. An archived job never goes: somebody
wanted to keep it. Rendered files and statistics stay, as with every deletion.
"""

from __future__ import annotations

from datetime import timedelta

from flamenco_core.manager import removal
from flamenco_core.manager.unit import Unit
from flamenco_core.rules import timeouts
from flamenco_core.store import removal as stored_removal


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
