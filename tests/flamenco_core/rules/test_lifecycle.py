"""What a job becomes, as a table: given its status and its tasks, then its move."""

from __future__ import annotations

import pytest

from flamenco_core.failure_share import FailureShare, ShareSource
from flamenco_core.rules.lifecycle import (
    REQUESTABLE_JOB_STATUSES,
    REQUESTABLE_TASK_STATUSES,
    held_back,
    is_known_already,
    job_status_after,
)
from flamenco_core.statuses import JobStatus, TaskStatus

J, T = JobStatus, TaskStatus
TEN_PERCENT = FailureShare(10, ShareSource.FARM)


@pytest.mark.parametrize(
    ("status", "counts", "ready", "expected"),
    [
        (J.QUEUED, {T.QUEUED: 3}, 3, None),
        (J.QUEUED, {T.QUEUED: 2, T.ACTIVE: 1}, 2, J.ACTIVE),
        (J.ACTIVE, {T.QUEUED: 2, T.ACTIVE: 1}, 2, None),
        (J.ACTIVE, {T.QUEUED: 2, T.COMPLETED: 1}, 2, None),
        (J.ACTIVE, {T.COMPLETED: 3}, 0, J.COMPLETED),
        (J.COMPLETED, {T.COMPLETED: 3}, 0, None),
        (J.COMPLETED, {T.COMPLETED: 2, T.QUEUED: 1}, 1, J.QUEUED),
        (J.ACTIVE, {T.COMPLETED: 18, T.FAILED: 1, T.ACTIVE: 1}, 0, None),
        (J.ACTIVE, {T.COMPLETED: 17, T.FAILED: 2, T.ACTIVE: 1}, 0, J.FAILED),
        (J.ACTIVE, {T.SOFT_FAILED: 1}, 1, None),
        (J.ACTIVE, {T.COMPLETED: 19, T.FAILED: 1}, 0, J.FAILED),
        (J.ACTIVE, {T.COMPLETED: 2, T.CANCELED: 1}, 0, J.CANCEL_REQUESTED),
        (J.ACTIVE, {T.COMPLETED: 2, T.CANCELED: 1, T.QUEUED: 1}, 0, J.CANCEL_REQUESTED),
        (J.ACTIVE, {T.COMPLETED: 20, T.FAILED: 1, T.QUEUED: 1}, 0, J.FAILED),
        (J.PAUSE_REQUESTED, {T.ACTIVE: 1, T.PAUSED: 2}, 0, None),
        (J.PAUSE_REQUESTED, {T.PAUSED: 2, T.COMPLETED: 1}, 0, J.PAUSED),
        (J.PAUSE_REQUESTED, {T.PAUSED: 1, T.QUEUED: 1}, 1, None),
        (J.PAUSE_REQUESTED, {T.COMPLETED: 3}, 0, J.COMPLETED),
        (J.CANCELED, {T.CANCELED: 2, T.COMPLETED: 1}, 0, None),
        (J.FAILED, {T.CANCELED: 2, T.FAILED: 1}, 0, None),
        (J.PAUSED, {T.PAUSED: 2}, 0, None),
        (J.REQUEUEING, {T.QUEUED: 1, T.CANCELED: 1}, 1, None),
        (J.CANCEL_REQUESTED, {T.QUEUED: 1}, 1, None),
        (J.UNDER_CONSTRUCTION, {T.QUEUED: 1}, 1, None),
    ],
)
def test_a_job_follows_its_tasks(
    status: JobStatus, counts: dict[TaskStatus, int], ready: int, expected: JobStatus | None
) -> None:
    move = job_status_after(status, counts, ready=ready, share=TEN_PERCENT)
    assert (move.status if move else None) == expected


@pytest.mark.parametrize(
    ("percentage", "source", "says"),
    [
        (50, ShareSource.FARM, "2 of 4, and 50 % is the limit of this farm"),
        (49, ShareSource.JOB_TYPE, "2 of 4, and 49 % is the limit for jobs of its type"),
        (1, ShareSource.JOB, "2 of 4, and 1 % is the limit that it was submitted with"),
        (51, ShareSource.JOB, ""),
    ],
)
def test_a_job_fails_at_its_share_and_says_whose_limit_that_is(
    percentage: int, source: ShareSource, says: str
) -> None:
    counts = {T.FAILED: 2, T.ACTIVE: 2}
    move = job_status_after(J.ACTIVE, counts, ready=0, share=FailureShare(percentage, source))
    if says:
        assert move is not None
        assert move.status is J.FAILED
        assert move.reason == f"too many tasks failed: {says}"
    else:
        assert move is None


def test_every_status_that_is_not_in_between_can_be_acted_on() -> None:
    in_between = {J.UNDER_CONSTRUCTION, J.CANCEL_REQUESTED, J.REQUEUEING}
    actionable = set().union(*REQUESTABLE_JOB_STATUSES.values())
    assert actionable == set(JobStatus) - in_between


def test_every_task_status_can_be_acted_on() -> None:
    assert set().union(*REQUESTABLE_TASK_STATUSES.values()) == set(TaskStatus)


@pytest.mark.parametrize(
    ("task", "job", "expected"),
    [
        (T.QUEUED, J.ACTIVE, T.QUEUED),
        (T.SOFT_FAILED, J.QUEUED, T.SOFT_FAILED),
        (T.SOFT_FAILED, J.PAUSE_REQUESTED, T.PAUSED),
        (T.QUEUED, J.PAUSED, T.PAUSED),
        (T.QUEUED, J.CANCELED, T.CANCELED),
        (T.QUEUED, J.FAILED, T.CANCELED),
        (T.FAILED, J.PAUSE_REQUESTED, T.FAILED),
    ],
)
def test_a_task_that_would_wait_fits_its_job(
    task: TaskStatus, job: JobStatus, expected: TaskStatus
) -> None:
    assert held_back(task, job) is expected


@pytest.mark.parametrize(
    ("status", "reported", "expected"),
    [
        (T.COMPLETED, T.COMPLETED, True),
        (T.SOFT_FAILED, T.FAILED, True),
        (T.FAILED, T.FAILED, True),
        (T.COMPLETED, T.FAILED, False),
        (T.FAILED, T.COMPLETED, False),
        (T.CANCELED, T.COMPLETED, False),
        (T.QUEUED, T.FAILED, False),
        (T.ACTIVE, T.ACTIVE, False),
        (T.COMPLETED, None, False),
    ],
)
def test_only_an_end_can_be_known_already(
    status: TaskStatus, reported: TaskStatus | None, expected: bool
) -> None:
    assert is_known_already(status, reported) is expected
