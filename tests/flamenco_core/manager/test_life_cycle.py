"""Jobs and tasks from submission to their end, in a real farm file."""

from __future__ import annotations

import contextlib
import json
import sqlite3

import pytest

from flamenco_core.errors import Conflict, InvalidInput, NotFound
from flamenco_core.manager import MANAGER, Actor, Manager
from flamenco_core.model import JobPriorityChange, JobStatusChange, TaskStatusChange
from flamenco_core.statuses import JobStatus, TaskStatus
from tests.flamenco_core.farms import (
    ask,
    awake_worker,
    compiled_job,
    compiled_task,
    complete,
    fail,
    report,
    statuses,
    store,
    take,
    take_or_none,
)

FRAMES_AND_VIDEO = [
    compiled_task("render-1"),
    compiled_task("render-2"),
    compiled_task("video", depends_on=[0, 1]),
]


def test_a_job_is_queued_then_active_then_completed(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(2))
    assert manager.job(job).status == JobStatus.QUEUED
    first = take(manager, worker)
    assert manager.job(job).status == JobStatus.ACTIVE
    complete(manager, worker, first)
    complete(manager, worker, take(manager, worker))
    assert manager.job(job).status == JobStatus.COMPLETED


def test_a_task_waits_until_all_it_depends_on_is_completed(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(FRAMES_AND_VIDEO))
    complete(manager, worker, take(manager, worker))
    second = take(manager, worker)
    other = awake_worker(manager)
    assert take_or_none(manager, other) is None
    complete(manager, worker, second)
    assert take(manager, other).name == "video"


def test_steps_of_a_job_add_up_from_its_tasks(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job([compiled_task(steps=5), compiled_task(steps=3)]))
    assert manager.job(job).steps_total == 8
    complete(manager, worker, take(manager, worker))
    assert manager.job(job).steps_completed == 5


def test_every_piece_of_a_large_job_leaves_the_farm_consistent(manager: Manager) -> None:
    worker = awake_worker(manager)
    tasks = [compiled_task(f"a{i}") for i in range(1000)]
    tasks += [compiled_task(f"b{i}", depends_on=range(1000)) for i in range(1000)]
    job = compiled_job(tasks)
    count = 0
    for step in manager.storing(job, actor=MANAGER):
        assert take_or_none(manager, worker) is None
        step()
        count += 1
    assert count > 3
    assert manager.check() == []
    assert manager.job(job.id).task_counts == {"queued": 2000}
    assert take(manager, worker).name == "a0"


def test_submitting_with_an_unknown_tag_stores_nothing(manager: Manager) -> None:
    job = compiled_job(1, worker_tag="00000000-0000-0000-0000-000000000000")
    with pytest.raises(InvalidInput, match="worker_tag"):
        store(manager, job)
    with pytest.raises(NotFound):
        manager.job(job.id)


def test_cancelling_a_job_cancels_what_is_not_done(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(3))
    complete(manager, worker, take(manager, worker))
    running = take(manager, worker)
    ask(manager, job, JobStatus.CANCEL_REQUESTED)
    assert manager.job(job).status == JobStatus.CANCELED
    assert statuses(manager, job) == ["completed", "canceled", "canceled"]
    assert not manager.may_keep_running(worker, running.uuid).mayKeepRunning


def test_cancelling_a_job_of_many_tasks_goes_on_in_pieces(manager: Manager) -> None:
    job = store(manager, compiled_job(1000))
    change = JobStatusChange(status=JobStatus.CANCEL_REQUESTED, reason="test")
    manager.set_job_status(job, change, actor=MANAGER)
    assert manager.job(job).status == JobStatus.CANCEL_REQUESTED
    assert manager.unsettled_jobs() == [job]
    assert take_or_none(manager, awake_worker(manager)) is None
    while manager.unsettled_jobs():
        manager.settle(job)
        assert manager.check() == []
    assert manager.job(job).status == JobStatus.CANCELED
    assert manager.job(job).task_counts == {"canceled": 1000}


def test_pausing_lets_running_tasks_finish_and_then_pauses(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(2))
    running = take(manager, worker)
    ask(manager, job, JobStatus.PAUSE_REQUESTED)
    assert manager.job(job).status == JobStatus.PAUSE_REQUESTED
    assert take_or_none(manager, awake_worker(manager)) is None
    complete(manager, worker, running)
    assert manager.job(job).status == JobStatus.PAUSED
    assert statuses(manager, job) == ["completed", "paused"]


def test_a_soft_failure_while_pausing_does_not_start_the_job_again(manager: Manager) -> None:
    worker, _other = awake_worker(manager), awake_worker(manager)
    job = store(manager, compiled_job(2))
    running = take(manager, worker)
    ask(manager, job, JobStatus.PAUSE_REQUESTED)
    fail(manager, worker, running)
    assert manager.job(job).status == JobStatus.PAUSED
    ask(manager, job, JobStatus.REQUEUEING)
    assert manager.job(job).status == JobStatus.QUEUED


def test_requeueing_a_paused_job_goes_on_where_it_stopped(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(2))
    complete(manager, worker, take(manager, worker))
    ask(manager, job, JobStatus.PAUSE_REQUESTED)
    ask(manager, job, JobStatus.REQUEUEING)
    assert statuses(manager, job) == ["completed", "queued"]
    complete(manager, worker, take(manager, worker))
    assert manager.job(job).status == JobStatus.COMPLETED


def test_requeueing_a_completed_job_runs_all_of_it_again_in_order(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(FRAMES_AND_VIDEO))
    for _ in range(3):
        complete(manager, worker, take(manager, worker))
    ask(manager, job, JobStatus.REQUEUEING)
    assert manager.job(job).status == JobStatus.QUEUED
    names = []
    for _ in range(3):
        task = take(manager, worker)
        names.append(task.name)
        complete(manager, worker, task)
    assert names == ["render-1", "render-2", "video"]
    assert manager.job(job).status == JobStatus.COMPLETED


def test_requeueing_one_task_of_a_completed_job_leaves_its_siblings_done(
    manager: Manager,
) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(FRAMES_AND_VIDEO))
    for _ in range(3):
        complete(manager, worker, take(manager, worker))
    frame = manager.tasks(job)[0]
    change = TaskStatusChange(status=TaskStatus.QUEUED, reason="test")
    manager.set_task_status(frame.id, change, actor=MANAGER)
    assert statuses(manager, job) == ["queued", "completed", "queued"]
    assert manager.job(job).status == JobStatus.QUEUED
    assert take(manager, worker).name == "render-1"
    assert take_or_none(manager, awake_worker(manager)) is None


def test_one_task_can_be_queued_again_without_what_was_made_from_it(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(FRAMES_AND_VIDEO))
    for _ in range(3):
        complete(manager, worker, take(manager, worker))
    change = TaskStatusChange(status=TaskStatus.QUEUED, reason="test", with_dependants=False)
    manager.set_task_status(manager.tasks(job)[0].id, change, actor=MANAGER)
    assert statuses(manager, job) == ["queued", "completed", "completed"]
    complete(manager, worker, take(manager, worker))
    assert manager.job(job).status == JobStatus.COMPLETED


def test_cancelling_the_last_open_task_ends_the_job(manager: Manager) -> None:
    job = store(manager, compiled_job(1))
    change = TaskStatusChange(status=TaskStatus.CANCELED, reason="test")
    manager.set_task_status(manager.tasks(job)[0].id, change, actor=MANAGER)
    assert manager.job(job).status == JobStatus.CANCELED


def test_a_job_ends_when_what_is_left_waits_for_a_cancelled_task(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(FRAMES_AND_VIDEO))
    complete(manager, worker, take(manager, worker))
    change = TaskStatusChange(status=TaskStatus.CANCELED, reason="test")
    manager.set_task_status(manager.tasks(job)[1].id, change, actor=MANAGER)
    assert manager.job(job).status == JobStatus.CANCELED
    assert statuses(manager, job) == ["completed", "canceled", "canceled"]


@pytest.mark.parametrize(
    "wanted", [JobStatus.COMPLETED, JobStatus.ACTIVE, JobStatus.PAUSED, JobStatus.CANCELED]
)
def test_statuses_that_only_follow_from_tasks_cannot_be_asked_for(
    manager: Manager, wanted: JobStatus
) -> None:
    job = store(manager, compiled_job(1))
    with pytest.raises(Conflict, match="it can become cancel-requested, pause-requested"):
        ask(manager, job, wanted)


def test_a_job_submitted_as_paused_waits(manager: Manager) -> None:
    job = store(manager, compiled_job(2, status=JobStatus.PAUSED))
    assert take_or_none(manager, awake_worker(manager)) is None
    ask(manager, job, JobStatus.REQUEUEING)
    assert take_or_none(manager, awake_worker(manager)) is not None


def test_priority_then_age_then_task_priority_then_index_decide(manager: Manager) -> None:
    worker = awake_worker(manager)
    old = compiled_job([compiled_task("old-low", priority=10), compiled_task("old-high")])
    new = compiled_job([compiled_task("new-1"), compiled_task("new-2")])
    store(manager, old)
    store(manager, new)
    store(manager, compiled_job([compiled_task("urgent")], priority=80))
    names = []
    for _ in range(5):
        task = take(manager, worker)
        names.append(task.name)
        complete(manager, worker, task)
    assert names == ["urgent", "old-high", "old-low", "new-1", "new-2"]


def test_a_changed_priority_counts_at_the_next_hand_out(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job([compiled_task("first")]))
    late = store(manager, compiled_job([compiled_task("late")]))
    manager.set_job_priority(late, JobPriorityChange(priority=51), actor=MANAGER)
    assert take(manager, worker).name == "late"


def test_a_worker_gets_only_the_task_types_it_supports(manager: Manager) -> None:
    job = store(manager, compiled_job([compiled_task("video", task_type="FFmpeg")]))
    assert take_or_none(manager, awake_worker(manager, "blender")) is None
    assert take(manager, awake_worker(manager, " ffmpeg ")).job == job


def test_a_late_update_does_not_revive_a_cancelled_task(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    task = take(manager, worker)
    ask(manager, job, JobStatus.CANCEL_REQUESTED)
    answer = report(manager, worker, task, TaskStatus.COMPLETED, log="the last words")
    assert not answer.is_accepted
    assert manager.job(job).status == JobStatus.CANCELED
    assert "the last words" in manager.task_log(task.uuid)


def test_a_task_of_a_cancelled_job_is_not_queued_without_what_it_depends_on(
    manager: Manager,
) -> None:
    job = store(manager, compiled_job(FRAMES_AND_VIDEO))
    ask(manager, job, JobStatus.CANCEL_REQUESTED)
    change = TaskStatusChange(status=TaskStatus.QUEUED, reason="test")
    with pytest.raises(Conflict, match="depends on tasks that are not completed"):
        manager.set_task_status(manager.tasks(job)[2].id, change, actor=MANAGER)
    assert statuses(manager, job) == ["canceled"] * 3


def test_what_runs_on_an_old_result_is_taken_back_when_its_source_is_queued_again(
    manager: Manager,
) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(FRAMES_AND_VIDEO))
    for _ in range(2):
        complete(manager, worker, take(manager, worker))
    video = take(manager, worker)
    change = TaskStatusChange(status=TaskStatus.QUEUED, reason="test")
    manager.set_task_status(manager.tasks(job)[0].id, change, actor=MANAGER)
    assert statuses(manager, job) == ["queued", "completed", "queued"]
    assert not complete(manager, worker, video).is_accepted
    assert take(manager, worker).name == "render-1"


def test_each_move_of_a_job_is_audited_once_as_whose_it_is(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(3))
    for _ in range(2):
        complete(manager, worker, take(manager, worker))
    change = JobStatusChange(status=JobStatus.CANCEL_REQUESTED, reason="wrong scene")
    manager.set_job_status(job, change, actor=Actor.person("ana"))
    with contextlib.closing(sqlite3.connect(manager.file)) as db:
        rows = db.execute(
            "SELECT actor, details FROM audit WHERE action = 'job.status' AND subject = ? "
            "ORDER BY id",
            (job,),
        ).fetchall()
    said = [(actor, json.loads(details)) for actor, details in rows]
    moves = [(actor, details["before"], details["status"]) for actor, details in said]
    assert moves == [
        ("manager", "queued", "active"),
        ("person:ana", "active", "cancel-requested"),
        ("manager", "cancel-requested", "canceled"),
    ]
