"""When a slot has its next task reserved: a table of what it knows by then."""

from __future__ import annotations

import pytest

from flamenco_core.model import AssignedTask, Command
from flamenco_core.statuses import TaskStatus
from flamenco_worker.prefetching import Prefetching


def task(job: str, command: str) -> AssignedTask:
    return AssignedTask(
        uuid="1",
        job=job,
        name="x",
        status=TaskStatus.ACTIVE,
        priority=50,
        job_priority=50,
        job_type="x",
        task_type="blender",
        commands=[Command(name=command, parameters={}, total_step_count=1)],
        steps_completed=0,
        steps_total=1,
    )


@pytest.mark.parametrize(
    ("took", "next_one", "seconds"),
    [
        (1.0, task("a", "render"), -9.0),
        (60.0, task("a", "render"), 50.0),
        (60.0, task("a", "video"), None),
        (60.0, task("b", "render"), None),
        (None, task("a", "render"), None),
    ],
    ids=["short", "long", "another kind", "another job", "given up"],
)
def test_the_next_task_is_due_shortly_before_the_end_that_the_last_one_lets_expect(
    took: float | None, next_one: AssignedTask, seconds: float | None
) -> None:
    prefetching = Prefetching()
    prefetching.task_begins(task("a", "render"), now=1000)
    assert prefetching.seconds_until_due(now=1000) is None, "nothing is known yet"
    if took is not None:
        prefetching.task_ended(now=1000 + took)
    prefetching.task_begins(next_one, now=2000)
    assert prefetching.seconds_until_due(now=2000) == seconds
