"""What a farm as a whole is doing, as one word."""

from __future__ import annotations

from collections.abc import Collection

from flamenco_core.statuses import FarmStatus, JobStatus, WorkerStatus

_GONE = frozenset({WorkerStatus.OFFLINE, WorkerStatus.ERROR})


def farm_status(workers: Collection[WorkerStatus], jobs: Collection[JobStatus]) -> FarmStatus:
    """The farm's status, from the statuses that at least one worker or job has."""
    if not set(workers) - _GONE:
        return FarmStatus.INOPERATIVE
    is_awake = WorkerStatus.AWAKE in workers
    if is_awake and JobStatus.ACTIVE in jobs:
        return FarmStatus.ACTIVE
    if JobStatus.ACTIVE in jobs or JobStatus.QUEUED in jobs:
        return FarmStatus.WAITING
    if not is_awake and WorkerStatus.ASLEEP in workers:
        return FarmStatus.ASLEEP
    return FarmStatus.IDLE
