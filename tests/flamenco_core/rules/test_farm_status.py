from __future__ import annotations

import pytest

from flamenco_core.rules.farm_status import farm_status
from flamenco_core.statuses import FarmStatus, JobStatus, WorkerStatus

AWAKE, ASLEEP, OFFLINE, ERROR, STARTING = (
    WorkerStatus.AWAKE,
    WorkerStatus.ASLEEP,
    WorkerStatus.OFFLINE,
    WorkerStatus.ERROR,
    WorkerStatus.STARTING,
)
ACTIVE, QUEUED, PAUSED = JobStatus.ACTIVE, JobStatus.QUEUED, JobStatus.PAUSED


@pytest.mark.parametrize(
    ("workers", "jobs", "expected"),
    [
        (set(), {ACTIVE}, FarmStatus.INOPERATIVE),
        ({OFFLINE, ERROR}, {ACTIVE}, FarmStatus.INOPERATIVE),
        ({AWAKE, OFFLINE}, {ACTIVE, QUEUED}, FarmStatus.ACTIVE),
        ({AWAKE}, {QUEUED}, FarmStatus.WAITING),
        ({ASLEEP}, {ACTIVE}, FarmStatus.WAITING),
        ({ASLEEP, OFFLINE}, {PAUSED}, FarmStatus.ASLEEP),
        ({ASLEEP, AWAKE}, set(), FarmStatus.IDLE),
        ({STARTING}, set(), FarmStatus.IDLE),
    ],
)
def test_the_farm_status_follows_from_who_is_there_and_what_there_is_to_do(
    workers: set[WorkerStatus], jobs: set[JobStatus], expected: FarmStatus
) -> None:
    assert farm_status(workers, jobs) is expected
