"""Whoever waits for a task is told when there is one."""

from __future__ import annotations

from flamenco_core.events import (
    Event,
    TaskChanged,
    TaskLogAppended,
    TaskProgressed,
    TasksBecameReady,
)
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import AssignedTask, TaskRequest, TaskStatusChange
from flamenco_core.statuses import TaskStatus
from tests.flamenco_core.farms import awake_worker, compiled_job, fail, statuses, store, take


def test_requeueing_a_soft_failed_task_tells_those_who_had_failed_at_it(manager: Manager) -> None:
    worker, _other = awake_worker(manager), awake_worker(manager)
    job = store(manager, compiled_job(20))
    task = take(manager, worker)
    fail(manager, worker, task)
    assert statuses(manager, job)[0] == "soft-failed"
    told: list[Event] = []
    manager.subscribe(told.extend)
    change = TaskStatusChange(status=TaskStatus.QUEUED, reason="try again")
    manager.set_task_status(task.uuid, change, actor=MANAGER)
    assert any(isinstance(event, TasksBecameReady) for event in told)


def test_a_reservation_is_told_when_it_is_made_and_when_it_ends(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(1))
    told: list[Event] = []
    manager.subscribe(told.extend)
    reserved = manager.next_task(worker, TaskRequest(prefetch=True))
    assert isinstance(reserved, AssignedTask)
    assert [event.task_id for event in told if isinstance(event, TaskProgressed)] == [reserved.uuid]
    manager.sign_off(worker)
    assert [event.task_id for event in told if isinstance(event, TaskChanged)] == [reserved.uuid]


def test_whoever_follows_a_log_is_told_the_managers_own_lines_too(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(1))
    told: list[Event] = []
    manager.subscribe(told.extend)
    task = take(manager, worker)
    fail(manager, worker, task)
    pieces = [event for event in told if isinstance(event, TaskLogAppended)]
    text = "".join(piece.text for piece in pieces)
    assert "Task assigned to worker" in text
    assert text == manager.task_log(task.uuid)
    assert [piece.start for piece in pieces] == [
        text.encode().index(piece.text.encode()) for piece in pieces
    ]
    assert {piece.attempt for piece in pieces} == {1}
