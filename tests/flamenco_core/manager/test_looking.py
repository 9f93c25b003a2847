"""What a script sees of a farm through its `Manager`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flamenco_core.errors import InvalidInput, NotFound
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import WorkerTag, WorkerTagChangeRequest
from flamenco_core.statuses import TaskStatus
from tests.flamenco_core.farms import awake_worker, compiled_job, complete, store, take


def store_named(manager: Manager, name: str) -> str:
    return store(manager, replace(compiled_job(), name=name))


def test_jobs_come_newest_first_and_as_filtered(manager: Manager) -> None:
    first, second = store_named(manager, "first"), store_named(manager, "second")
    assert [job.id for job in manager.jobs()] == [second, first]
    assert [job.id for job in manager.jobs(limit=1)] == [second]
    assert [job.id for job in manager.jobs(sort="name")] == [first, second]
    assert [job.id for job in manager.jobs({"name": "FIR"})] == [first]
    assert manager.jobs({"status": "completed"}) == []


def test_a_filter_that_is_unknown_is_named_with_the_nearest_one(manager: Manager) -> None:
    with pytest.raises(InvalidInput) as refused:
        manager.workers({"plattform": "linux", "nothing": ""})
    slip, stranger = refused.value.problems
    assert str(slip) == "filters.plattform: workers cannot be filtered so (did you mean platform?)"
    assert (stranger.where, stranger.hint) == (
        "filters.nothing",
        "known: status, name, platform, tag, task_type",
    )


def test_a_task_and_its_worker_tell_of_each_other(manager: Manager) -> None:
    worker = awake_worker(manager, name="w")
    job = store(manager, compiled_job())
    task = take(manager, worker)
    found = manager.task(task.uuid)
    assert (found.job_id, found.status, found.attempt) == (job, TaskStatus.ACTIVE, 1)
    assert found.worker is not None
    assert found.worker.id == worker
    busy = manager.worker(worker)
    assert busy.task is not None
    assert busy.task.id == task.uuid
    assert [each.name for each in manager.workers()] == ["w"]
    with pytest.raises(NotFound):
        manager.worker(task.uuid)
    with pytest.raises(NotFound):
        manager.task(worker)


def test_tags_are_told(manager: Manager) -> None:
    worker = awake_worker(manager)
    tag = manager.create_tag(WorkerTag(name="fast"), actor=MANAGER)
    assert [each.name for each in manager.tags()] == ["fast"]
    change = WorkerTagChangeRequest(tag_ids=[tag.id or ""])
    manager.set_worker_tags(worker, change, actor=MANAGER)
    assert [each.name for each in manager.worker(worker).tags or ()] == ["fast"]


def test_what_attempts_took_outlives_the_job(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job())
    complete(manager, worker, take(manager, worker))
    manager.delete_job(job, actor=MANAGER)
    manager.finish_removals()
    assert manager.jobs() == []
    assert [attempt.outcome for attempt in manager.attempts(job)] == ["completed"]
    assert manager.job_statistics(job).completed == 1


def test_what_was_changed_in_a_unit_of_work_is_seen_in_it(manager: Manager) -> None:
    with manager.unit_of_work():
        job = store(manager, compiled_job())
        assert [each.id for each in manager.jobs()] == [job]


def test_fewer_than_no_jobs_are_refused(manager: Manager) -> None:
    with pytest.raises(InvalidInput, match="limit: cannot be -1"):
        manager.jobs(limit=-1)
