"""What a script is told of what would happen."""

from __future__ import annotations

import pytest

from flamenco_core.errors import InvalidInput
from flamenco_core.manager import Manager
from flamenco_core.model import SubmittedJob
from tests.flamenco_core.farms import awake_worker, compiled_job, store, take

SUBMITTED = SubmittedJob(
    name="hello",
    type="echo-sleep-test",
    submitter_platform="linux",
    settings={"message": "hello", "sleep_repeats": 3},
)


def test_the_reasons_of_all_workers_are_counted(manager: Manager) -> None:
    for name in ("a", "b"):
        awake_worker(manager, "misc", name=name)
    able = awake_worker(manager, "blender", name="c")
    job = store(manager, compiled_job(2))
    answer = manager.job_why_not(job)
    assert (answer.workers_looked_at, answer.workers_that_get_tasks) == (3, 1)
    [reason] = answer.reasons
    assert (reason.condition, reason.workers) == ("task-type", 2)
    assert answer.next is None
    [rest] = [each.worker_id for each in answer.workers if each.gets_tasks]
    assert rest == able


def test_a_plan_changes_nothing(manager: Manager) -> None:
    free, busy = awake_worker(manager, name="free"), awake_worker(manager, name="busy")
    job = store(manager, compiled_job(3))
    first = take(manager, busy)
    [begins] = manager.job_plan(job).hand_outs
    assert begins.worker_id == free
    assert [each.task_id for each in manager.farm_plan().hand_outs] == [begins.task_id]
    assert take(manager, free).uuid == begins.task_id != first.uuid


def test_a_job_is_planned_without_being_submitted(manager: Manager) -> None:
    worker = awake_worker(manager, "misc")
    plan = manager.plan_job(SUBMITTED)
    assert [each.worker_id for each in plan.hand_outs] == [worker]
    assert manager.jobs() == []
    with pytest.raises(InvalidInput):
        manager.plan_job(SubmittedJob(name="", type=SUBMITTED.type, submitter_platform="linux"))
