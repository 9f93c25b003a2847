"""What the log of a failed attempt says decides what becomes of the task."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco_core.errors import InvalidInput
from flamenco_core.events import Event, TasksBecameReady
from flamenco_core.manager import MANAGER, Manager, log_files
from flamenco_core.model import TaskStatusChange, TaskUpdate
from flamenco_core.rules.failure_classes import BUILT_IN
from flamenco_core.statuses import JobStatus, TaskStatus
from flamenco_core.store.listing import ListRequest
from tests.flamenco_core.farms import (
    FakeClock,
    ask,
    awake_worker,
    compiled_job,
    complete,
    report,
    statuses,
    store,
    take,
    take_or_none,
)

DISK_FULL = "OSError: [Errno 28] No space left on device\n"
SYNTAX_ERROR = "SyntaxError: invalid syntax\n"
OUT_OF_MEMORY = "System is out of GPU memory\n"

WAIT = next(found.wait for found in BUILT_IN if found.name == "disk-full")
TIMES = next(found.times for found in BUILT_IN if found.name == "disk-full")


def fail_with(manager: Manager, worker: str, log: str) -> str:
    """Lets a worker take a task and fail at it with this log; returns the task's UUID."""
    task = take(manager, worker)
    report(manager, worker, task, TaskStatus.FAILED, log=log)
    return task.uuid


def activity(manager: Manager, task_id: str) -> str:
    with manager.reader() as reader:
        return str(reader.task(task_id)["activity"])


def failure_classes(manager: Manager, task_id: str) -> list[str | None]:
    query = """SELECT a.failure_class FROM task_attempts a JOIN tasks t ON t.id = a.task_id
               WHERE t.uuid = ? ORDER BY a.attempt"""
    return [row[0] for row in manager._db.execute(query, [task_id])]


def test_a_fatal_failure_is_tried_by_no_other_worker(manager: Manager) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    job = store(manager, compiled_job(20))
    task_id = fail_with(manager, worker, SYNTAX_ERROR)
    assert statuses(manager, job)[0] == "failed"
    assert take(manager, other).uuid != task_id
    assert failure_classes(manager, task_id) == ["python-error"]
    assert "has a mistake" in activity(manager, task_id)


def test_a_fatal_failure_blames_no_worker(manager: Manager) -> None:
    worker, _other = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(60))
    for _ in range(4):
        fail_with(manager, worker, SYNTAX_ERROR)
    assert take_or_none(manager, worker) is not None


def test_a_task_that_ran_out_of_memory_is_tried_elsewhere(manager: Manager) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    job = store(manager, compiled_job(20))
    task_id = fail_with(manager, worker, OUT_OF_MEMORY)
    assert statuses(manager, job)[0] == "soft-failed"
    assert failure_classes(manager, task_id) == ["out-of-memory"]
    assert take(manager, other).uuid == task_id
    assert "ran out of memory" in activity(manager, task_id)


def test_why_a_task_failed_is_told_with_the_task_and_its_attempts(manager: Manager) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    job = store(manager, compiled_job(20))
    task_id = fail_with(manager, worker, OUT_OF_MEMORY)
    failure = manager.task(task_id).failure
    assert failure is not None
    assert (failure.failure_class, failure.sentence[:28]) == (
        "out-of-memory",
        "The worker ran out of memory",
    )
    request = ListRequest(listing="tasks", subject=job, fields="failure_class")
    with manager.reader() as reader:
        told = [json.loads(item) for item in reader.list_page(request).items]
    assert [item.get("failure_class") for item in told[:2]] == ["out-of-memory", None]
    assert take(manager, other).uuid == task_id
    assert manager.task(task_id).failure is None
    manager.delete_job(job, actor=MANAGER)
    manager.finish_removals()
    assert "out-of-memory" in {attempt.failure_class for attempt in manager.attempts(job)}


def test_a_failure_without_a_class_is_told_in_the_workers_words(manager: Manager) -> None:
    worker, _other = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(20))
    task = take(manager, worker)
    update = TaskUpdate(taskStatus=TaskStatus.FAILED, attempt=1, activity="Failed: it melted")
    manager.update_task(worker, task.uuid, update)
    assert activity(manager, task.uuid) == "Failed: it melted"
    assert failure_classes(manager, task.uuid) == [None]


def test_what_the_worker_says_is_looked_at_like_the_log(manager: Manager) -> None:
    worker, _other = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(20))
    task = take(manager, worker)
    words = "Failed: No space left on device"
    update = TaskUpdate(taskStatus=TaskStatus.FAILED, attempt=1, activity=words)
    manager.update_task(worker, task.uuid, update)
    assert failure_classes(manager, task.uuid) == ["disk-full"]
    assert words in activity(manager, task.uuid)


def test_a_task_that_waits_is_queued_and_given_to_nobody_for_a_while(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    task_id = fail_with(manager, worker, DISK_FULL)
    assert statuses(manager, job) == ["queued"]
    assert manager.job(job).status in (JobStatus.QUEUED, JobStatus.ACTIVE)
    assert take_or_none(manager, worker) is None
    manager.release_expired()
    assert take_or_none(manager, worker) is None
    assert manager.check() == []
    told: list[Event] = []
    manager.subscribe(told.extend)
    pass_time(manager, clock, WAIT)
    assert any(isinstance(event, TasksBecameReady) for event in told)
    task = take(manager, worker)
    assert (task.uuid, task.attempt) == (task_id, 2)
    complete(manager, worker, task)
    assert manager.job(job).status is JobStatus.COMPLETED


def test_waiting_counts_as_no_failure_and_ends_after_some_times(
    manager: Manager, clock: FakeClock
) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    for _ in range(TIMES):
        fail_with(manager, worker, DISK_FULL)
        assert statuses(manager, job) == ["queued"]
        pass_time(manager, clock, WAIT)
    task_id = fail_with(manager, worker, DISK_FULL)
    assert statuses(manager, job) == ["failed"]
    assert failure_classes(manager, task_id) == ["disk-full"] * (TIMES + 1)


def test_a_late_start_does_not_take_a_task_out_of_its_waiting(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(1))
    task = take(manager, worker)
    report(manager, worker, task, TaskStatus.FAILED, log=DISK_FULL)
    assert not report(manager, worker, task, TaskStatus.ACTIVE).is_accepted
    manager.sign_off(worker)
    assert take_or_none(manager, awake_worker(manager)) is None


def test_a_person_ends_the_waiting_by_queueing_the_task(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(1))
    task_id = fail_with(manager, worker, DISK_FULL)
    change = TaskStatusChange(status=TaskStatus.QUEUED, reason="there is room")
    manager.set_task_status(task_id, change, actor=MANAGER)
    assert take(manager, worker).uuid == task_id


def test_a_job_with_a_waiting_task_can_be_paused_and_cancelled(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    fail_with(manager, worker, DISK_FULL)
    ask(manager, job, JobStatus.PAUSE_REQUESTED)
    assert statuses(manager, job) == ["paused"]
    assert manager.check() == []
    ask(manager, job, JobStatus.REQUEUEING)
    fail_with(manager, worker, DISK_FULL)
    ask(manager, job, JobStatus.CANCEL_REQUESTED)
    assert manager.job(job).status is JobStatus.CANCELED


def test_the_end_of_the_log_is_known_after_it_went_to_its_file(manager: Manager) -> None:
    worker, _other = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(20))
    task = take(manager, worker)
    manager.update_task(worker, task.uuid, TaskUpdate(log=OUT_OF_MEMORY, attempt=1))
    move_logs(manager)
    manager.update_task(worker, task.uuid, TaskUpdate(log="Blender quit", attempt=1))
    report(manager, worker, task, TaskStatus.FAILED)
    assert failure_classes(manager, task.uuid) == ["out-of-memory"]
    assert manager._db.execute("SELECT max(length(log_tail)) FROM task_attempts").fetchone()[0] == 0


def test_a_studio_names_its_own_failures(tmp_path: Path) -> None:
    file = tmp_path / "failure-classes.yaml"
    file.write_text(
        "texture-server:\n  patterns: [texture server]\n  policy: fatal\n  sentence: It is gone.\n"
    )
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        worker, _other = awake_worker(manager), awake_worker(manager)
        job = store(manager, compiled_job(20))
        task_id = fail_with(manager, worker, "The texture server is down")
        assert statuses(manager, job)[0] == "failed"
        assert activity(manager, task_id).startswith("It is gone.")
    file.write_text("texture-server:\n  policy: never\n")
    with pytest.raises(InvalidInput, match=r"failure-classes\.yaml, line 2"):
        Manager.open(tmp_path / "farm.sqlite")


def test_setting_the_clock_back_between_two_runs_makes_no_task_wait_longer(
    tmp_path: Path, clock: FakeClock
) -> None:
    file = tmp_path / "farm.sqlite"
    with Manager.open(file, clock=clock, monotonic=clock.monotonic) as manager:
        worker = awake_worker(manager)
        store(manager, compiled_job(1))
        task_id = fail_with(manager, worker, DISK_FULL)
    clock.jump(timedelta(days=-10))
    with Manager.open(file, clock=clock, monotonic=clock.monotonic) as manager:
        pass_time(manager, clock, max(found.wait for found in BUILT_IN))
        assert take(manager, worker).uuid == task_id


def pass_time(manager: Manager, clock: FakeClock, by: timedelta) -> None:
    """Lets the clocks go on, and the Manager look what that brings."""
    clock.advance(by)
    manager.release_expired()


def move_logs(manager: Manager) -> None:
    chunks = manager.waiting_log_chunks(limit=100)
    log_files.write(chunks, manager.config.local_storage)
    manager.drop_log_chunks(chunks)
