"""What an admin reads in the Manager's log."""

from __future__ import annotations

import pytest

from flamenco_core.events import Event, JobChanged, TaskChanged, TasksBecameReady, WorkerChanged
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus
from manager_service.event_log import sentence_for


def task(status: TaskStatus) -> TaskChanged:
    return TaskChanged(job_id="J", task_id="T", status=status, previous_status=TaskStatus.ACTIVE)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (JobChanged(job_id="J", status=JobStatus.QUEUED), "Job J was submitted, and is queued"),
        (
            JobChanged(job_id="J", status=JobStatus.FAILED, previous_status=JobStatus.ACTIVE),
            "Job J was active, and is failed",
        ),
        (JobChanged(job_id="J", status=JobStatus.ACTIVE, previous_status=JobStatus.ACTIVE), ""),
        (
            WorkerChanged(
                worker_id="W", status=WorkerStatus.AWAKE, previous_status=WorkerStatus.STARTING
            ),
            "Worker W was starting, and is awake",
        ),
        (task(TaskStatus.FAILED), "Task T of job J is failed"),
        (task(TaskStatus.COMPLETED), ""),
        (TasksBecameReady(task_class_id=1, tag_id=0, count=5), ""),
    ],
)
def test_an_event_is_told_in_a_sentence_or_not_at_all(event: Event, expected: str) -> None:
    assert sentence_for(event) == expected
