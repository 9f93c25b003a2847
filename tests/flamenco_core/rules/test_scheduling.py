from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco_core.rules.scheduling import (
    MustChangeStatus,
    NotAwake,
    QueuedJob,
    ReadyTask,
    first_task,
    gate,
    jobs_in_order,
)
from flamenco_core.statuses import WorkerStatus

JOBS = st.lists(st.builds(QueuedJob, st.integers(0, 100), st.integers(), st.integers(0, 3)))


def order(job: QueuedJob) -> tuple[int, int]:
    return (-job.priority, job.job_id)


@given(streams=st.lists(JOBS, max_size=5))
def test_joined_streams_are_in_order_and_complete(streams: list[list[QueuedJob]]) -> None:
    joined = list(jobs_in_order(sorted(stream, key=order) for stream in streams))
    assert joined == sorted(joined, key=order)
    assert sorted(map(repr, joined)) == sorted(repr(job) for stream in streams for job in stream)


def test_streams_are_read_only_as_far_as_needed() -> None:
    read: list[int] = []

    def stream() -> Iterator[QueuedJob]:
        for job_id in range(1000):
            read.append(job_id)
            yield QueuedJob(50, job_id, 1)

    next(iter(jobs_in_order([stream(), stream()])))
    assert len(read) <= 4


def test_the_task_with_the_highest_priority_goes_first_then_the_lowest_index() -> None:
    tasks = [ReadyTask(1, 50, 3), ReadyTask(2, 60, 9), ReadyTask(3, 60, 4)]
    assert first_task(tasks) == tasks[2]
    assert first_task([]) is None


@pytest.mark.parametrize("status", list(WorkerStatus))
def test_only_an_awake_worker_that_is_asked_nothing_passes(status: WorkerStatus) -> None:
    assert gate(status, WorkerStatus.ASLEEP) == MustChangeStatus(WorkerStatus.ASLEEP)
    expected = None if status is WorkerStatus.AWAKE else NotAwake(status)
    assert gate(status, None) == expected
