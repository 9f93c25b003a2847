"""At which share of failed tasks stored jobs fail: as the farm, their type or they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flamenco_core.config import Config
from flamenco_core.failure_share import FAILED_TASKS_KEY, ShareSource
from flamenco_core.manager import Manager
from flamenco_core.statuses import JobStatus
from tests.flamenco_core.farms import awake_worker, compiled_job, complete, fail, store, take

OF_TYPES = {"simple-blender-render": 50}


@pytest.mark.parametrize(
    ("of_types", "of_job", "fails_with", "source"),
    [
        ({}, None, 3, ShareSource.FARM),
        ({"echo-sleep-test": 1}, None, 3, ShareSource.FARM),
        (OF_TYPES, None, 5, ShareSource.JOB_TYPE),
        (OF_TYPES, "20%", 2, ShareSource.JOB),
        ({}, "100", 10, ShareSource.JOB),
    ],
)
def test_a_job_fails_with_the_task_that_reaches_the_share_that_counts_for_it(
    tmp_path: Path,
    of_types: dict[str, int],
    of_job: str | None,
    fails_with: int,
    source: ShareSource,
) -> None:
    config = Config(
        home=tmp_path,
        job_fail_percentage=30,
        job_fail_percentage_by_type=of_types,
        task_fail_after_softfail_count=1,
        blocklist_threshold=100,
    )
    metadata = {} if of_job is None else {FAILED_TASKS_KEY: of_job}
    with Manager.open(tmp_path / "farm.sqlite", config=config) as manager:
        worker = awake_worker(manager)
        job = store(manager, replace(compiled_job(10), metadata=metadata))
        limit = manager.job_why_not(job).failure_limit
        assert limit is not None
        assert (limit.source, limit.failed, limit.total) == (source, 0, 10)
        for failed in range(1, fails_with):
            fail(manager, worker, take(manager, worker))
            assert manager.job(job).status is JobStatus.ACTIVE, f"{failed} failed"
        fail(manager, worker, take(manager, worker))
        found = manager.job(job)
        assert found.status is JobStatus.FAILED
        assert found.activity.startswith(f"too many tasks failed: {fails_with} of 10")
        assert manager.check() == []


def test_a_changed_share_counts_from_the_next_failure_on(manager: Manager) -> None:
    manager.config = replace(manager.config, task_fail_after_softfail_count=1)
    worker = awake_worker(manager)
    job = store(manager, compiled_job(10))
    manager.config = replace(manager.config, job_fail_percentage_by_type=OF_TYPES)
    fail(manager, worker, take(manager, worker))
    assert manager.job(job).status is JobStatus.ACTIVE
    manager.config = replace(manager.config, job_fail_percentage_by_type={})
    complete(manager, worker, take(manager, worker))
    assert manager.job(job).status is JobStatus.FAILED


def test_why_a_job_fails_names_the_share_and_who_has_said_so(manager: Manager) -> None:
    of_farm = store(manager, compiled_job(4))
    own = store(manager, replace(compiled_job(4), metadata={FAILED_TASKS_KEY: "75%"}))
    said = [manager.job_why_not(job).failure_limit for job in (of_farm, own)]
    assert [limit.summary if limit else "" for limit in said] == [
        "0 of 4 tasks failed; at 10 % the job fails, as jobs of this farm do.",
        "0 of 4 tasks failed; at 75 % the job fails, as whoever submitted it wanted.",
    ]
