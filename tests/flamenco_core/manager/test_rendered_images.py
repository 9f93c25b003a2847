"""Whose images are taken, and which job rendered last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco_core.errors import Conflict, NotFound
from flamenco_core.events import Event, LastRenderedChanged
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import AssignedTask, HeldTask, SubmittedJob, TaskRequest
from flamenco_core.statuses import JobStatus
from tests.flamenco_core.farms import ask, awake_worker, compiled_job, complete, fail, store, take

NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        yield manager


def last(manager: Manager) -> str | None:
    with manager.reader() as reader:
        return reader.last_rendered_job()


def test_an_image_is_for_the_job_of_the_workers_task_also_when_that_is_done(
    manager: Manager,
) -> None:
    worker = awake_worker(manager)
    job = compiled_job(1)
    store(manager, job)
    task = take(manager, worker)
    assert manager.job_of_output(worker, task.uuid) == job.id
    complete(manager, worker, task)
    assert manager.job_of_output(worker, task.uuid) == job.id


def test_images_of_others_tasks_are_refused(manager: Manager) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(1))
    task = take(manager, worker)
    with pytest.raises(Conflict, match="not assigned"):
        manager.job_of_output(other, task.uuid)
    with pytest.raises(NotFound):
        manager.job_of_output(worker, NOBODY)


def test_images_of_a_task_that_went_to_another_worker_are_refused(manager: Manager) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(1))
    task = take(manager, worker)
    fail(manager, worker, task)
    assert take(manager, other).uuid == task.uuid
    with pytest.raises(Conflict):
        manager.job_of_output(worker, task.uuid)


def test_the_last_job_is_remembered_and_announced(manager: Manager) -> None:
    events: list[Event] = []
    manager.subscribe(events.extend)
    jobs = [compiled_job(1), compiled_job(1)]
    for job in jobs:
        store(manager, job)
    assert last(manager) is None
    for job in (*jobs, jobs[0]):
        manager.image_rendered(job.id)
        assert last(manager) == job.id
        assert events[-1] == LastRenderedChanged(job_id=job.id)


def test_a_job_that_is_deleted_is_not_shown_and_takes_no_images(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = compiled_job(1)
    store(manager, job)
    task = take(manager, worker)
    manager.image_rendered(job.id)
    manager.delete_job(job.id, actor=MANAGER)
    assert last(manager) is None
    for refused in (
        lambda: manager.job_of_output(worker, task.uuid),
        lambda: manager.refuse_image(job.id),
        lambda: manager.image_rendered(job.id),
    ):
        with pytest.raises(Conflict, match="deleted"):
            refused()
    manager.finish_removals()
    assert last(manager) is None
    with pytest.raises(NotFound):
        manager.refuse_image(job.id)


def test_a_job_that_is_compiled_again_is_still_the_last(manager: Manager) -> None:
    submitted = SubmittedJob(
        name="echo",
        type="echo-sleep-test",
        submitter_platform="linux",
        settings={"message": "hi", "sleep_duration_seconds": 0, "sleep_repeats": 1},
    )
    job = manager.submit_job(submitted)
    manager.image_rendered(job.id)
    ask(manager, job.id, JobStatus.CANCEL_REQUESTED)
    manager.compile_again(job.id, actor=MANAGER)
    assert last(manager) == job.id


def test_a_task_that_is_only_reserved_has_no_output(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(2))
    task = take(manager, worker)
    held = HeldTask(task=task.uuid, attempt=task.attempt or 0)
    ahead = manager.next_task(worker, TaskRequest(holding=[held], prefetch=True))
    assert isinstance(ahead, AssignedTask)
    with pytest.raises(Conflict):
        manager.job_of_output(worker, ahead.uuid)
