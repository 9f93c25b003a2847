"""Jobs that scripts submit are checked as those are that come over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from flamenco_core.errors import InvalidInput
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import JobPriorityChange, SubmittedJob
from tests.flamenco_core.farms import compiled_job, store

JOB: dict[str, Any] = {
    "name": "hello",
    "type": "echo-sleep-test",
    "submitter_platform": "linux",
    "settings": {"message": "hello", "sleep_duration_seconds": 1, "sleep_repeats": 2},
}


@pytest.mark.parametrize(
    ("field", "value"),
    [("priority", 1000), ("priority", -1), ("priority", "high"), ("name", 5), ("settings", [1])],
)
def test_what_does_not_fit_is_refused_and_nothing_stored(
    manager: Manager, field: str, value: object
) -> None:
    with pytest.raises(InvalidInput) as refused:
        manager.submit_job(SubmittedJob(**{**JOB, field: value}))
    assert refused.value.problems[0].where.startswith(field)
    with manager.reader() as reader:
        assert reader.jobs() == []


@pytest.mark.parametrize("priority", [1000, -1, "high"])
def test_a_job_keeps_its_priority_when_another_does_not_fit(
    manager: Manager, priority: Any
) -> None:
    job = store(manager, compiled_job(1, priority=40))
    with pytest.raises(InvalidInput):
        manager.set_job_priority(job, JobPriorityChange(priority=priority), actor=MANAGER)
    assert manager.job(job).priority == 40
