"""Tasks that many others wait for are completed and queued again piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco_core.events import Event, JobUnsettled
from flamenco_core.manager import MANAGER, Manager, transitions
from flamenco_core.model import JobStatusChange, TaskStatusChange
from flamenco_core.statuses import JobStatus, TaskStatus
from tests.flamenco_core.farms import (
    awake_worker,
    compiled_job,
    compiled_task,
    complete,
    statuses,
    store,
    take,
    take_or_none,
)

CHILDREN = 25


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """A farm in which one transaction tells ten tasks, or changes one."""
    monkeypatch.setattr(transitions, "SWEEP_SIZE", 1)
    manager = Manager.open(tmp_path / "farm.sqlite")
    yield manager
    manager.close()


def fan(manager: Manager) -> str:
    """A job in which many tasks wait for the first, and the last one for those."""
    tasks = [
        compiled_task("first"),
        *(compiled_task(f"child-{n}", depends_on=[0]) for n in range(CHILDREN)),
        compiled_task("last", depends_on=list(range(1, CHILDREN + 1))),
    ]
    return store(manager, compiled_job(tasks))


def finish(manager: Manager, worker: str) -> int:
    """Completes what there is, settling in between; returns how many tasks that were."""
    done = 0
    while True:
        settle(manager)
        task = take_or_none(manager, worker)
        if task is None:
            return done
        complete(manager, worker, task)
        done += 1


def settle(manager: Manager) -> int:
    pieces = 0
    while waiting := manager.unsettled_jobs():
        for job in waiting:
            manager.settle(job)
            assert manager.check() == []
            pieces += 1
    return pieces


def first_task(manager: Manager, job: str) -> str:
    return manager.tasks(job)[0].id


def requeue(manager: Manager, task: str) -> None:
    manager.set_task_status(
        task, TaskStatusChange(status=TaskStatus.QUEUED, reason="test"), actor=MANAGER
    )


def test_what_waited_is_handed_out_while_the_rest_is_still_to_be_told(manager: Manager) -> None:
    fan(manager)
    worker = awake_worker(manager, "blender")
    seen: list[Event] = []
    manager.subscribe(seen.extend)
    complete(manager, worker, take(manager, worker))
    assert any(isinstance(event, JobUnsettled) for event in seen)
    assert manager.unsettled_jobs()
    assert take(manager, worker).name == "child-0"
    assert settle(manager) > 1


def test_a_job_with_tasks_that_are_not_told_yet_is_not_over(manager: Manager) -> None:
    job = fan(manager)
    worker = awake_worker(manager, "blender")
    assert finish(manager, worker) == CHILDREN + 2
    assert manager.job(job).status is JobStatus.COMPLETED


def test_nothing_is_handed_out_while_tasks_look_ready_that_have_to_wait(manager: Manager) -> None:
    job = fan(manager)
    worker = awake_worker(manager, "blender")
    complete(manager, worker, take(manager, worker))
    settle(manager)
    requeue(manager, first_task(manager, job))
    assert manager.unsettled_jobs() == [job]
    assert take_or_none(manager, worker) is None
    settle(manager)
    assert take(manager, worker).name == "first"
    assert take_or_none(manager, awake_worker(manager, "blender")) is None


def test_all_that_was_built_on_a_task_is_queued_again_piece_by_piece(manager: Manager) -> None:
    job = fan(manager)
    worker = awake_worker(manager, "blender")
    finish(manager, worker)
    requeue(manager, first_task(manager, job))
    assert settle(manager) > CHILDREN
    assert set(statuses(manager, job)) == {"queued"}
    assert finish(manager, worker) == CHILDREN + 2
    assert manager.job(job).status is JobStatus.COMPLETED


def test_what_a_crash_cut_off_is_gone_on_with(manager: Manager, tmp_path: Path) -> None:
    job = fan(manager)
    worker = awake_worker(manager, "blender")
    finish(manager, worker)
    requeue(manager, first_task(manager, job))
    manager.close()
    with Manager.open(tmp_path / "farm.sqlite") as opened:
        assert opened.unsettled_jobs() == []
        assert set(statuses(opened, job)) == {"queued"}
        assert opened.check() == []


def test_a_cancelled_job_comes_to_its_end_with_tasks_that_are_not_told_yet(
    manager: Manager,
) -> None:
    job = fan(manager)
    worker = awake_worker(manager, "blender")
    complete(manager, worker, take(manager, worker))
    manager.set_job_status(
        job, JobStatusChange(status=JobStatus.CANCEL_REQUESTED, reason="test"), actor=MANAGER
    )
    settle(manager)
    assert manager.job(job).status is JobStatus.CANCELED
    assert statuses(manager, job).count("canceled") == CHILDREN + 1


def test_queueing_a_task_alone_holds_back_what_has_not_begun(manager: Manager) -> None:
    job = fan(manager)
    worker = awake_worker(manager, "blender")
    complete(manager, worker, take(manager, worker))
    settle(manager)
    for _ in range(3):
        complete(manager, worker, take(manager, worker))
    change = TaskStatusChange(status=TaskStatus.QUEUED, reason="test", with_dependants=False)
    manager.set_task_status(first_task(manager, job), change, actor=MANAGER)
    settle(manager)
    assert statuses(manager, job).count("completed") == 3
    assert take(manager, worker).name == "first"


def test_what_was_built_on_a_queued_task_can_be_queued_after_it(manager: Manager) -> None:
    job = fan(manager)
    worker = awake_worker(manager, "blender")
    assert finish(manager, worker) == CHILDREN + 2
    alone = TaskStatusChange(status=TaskStatus.QUEUED, reason="test", with_dependants=False)
    for _ in range(2):
        manager.set_task_status(first_task(manager, job), alone, actor=MANAGER)
        settle(manager)
        assert statuses(manager, job) == ["queued", *["completed"] * (CHILDREN + 1)]
    requeue(manager, first_task(manager, job))
    settle(manager)
    assert statuses(manager, job) == ["queued"] * (CHILDREN + 2)
    assert finish(manager, worker) == CHILDREN + 2
    assert manager.job(job).status is JobStatus.COMPLETED
