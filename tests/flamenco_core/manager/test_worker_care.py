"""What people do with workers and tags, on a real farm file."""

from __future__ import annotations

import pytest

from flamenco_core.errors import Conflict, InvalidInput, NotFound
from flamenco_core.events import Event, TasksBecameReady, WorkerTagsChanged
from flamenco_core.manager import MANAGER, Manager, MustChangeStatus
from flamenco_core.model import (
    JobTagChange,
    WorkerStatusChangeRequest,
    WorkerTag,
    WorkerTagChangeRequest,
)
from flamenco_core.rules.actions import WorkerAction
from flamenco_core.statuses import JobStatus, WorkerStatus
from tests.flamenco_core.farms import (
    ask,
    awake_worker,
    compiled_job,
    fail,
    statuses,
    store,
    take,
    take_or_none,
)


def make_tag(manager: Manager, name: str) -> str:
    return manager.create_tag(WorkerTag(name=name), actor=MANAGER).id or ""


def give_tags(manager: Manager, worker: str, *tags: str) -> None:
    manager.set_worker_tags(worker, WorkerTagChangeRequest(tag_ids=[*tags]), actor=MANAGER)


@pytest.mark.parametrize(
    ("action", "is_lazy", "expected"),
    [
        (WorkerAction.SLEEP, False, ("asleep", False)),
        (WorkerAction.SLEEP, True, ("asleep", True)),
        (WorkerAction.PAUSE, False, ("asleep", True)),
        (WorkerAction.SHUT_DOWN, False, ("offline", False)),
    ],
)
def test_an_action_asks_for_a_status_lazily_or_now(
    manager: Manager, action: WorkerAction, is_lazy: bool, expected: tuple[str, bool]
) -> None:
    worker = awake_worker(manager)
    manager.ask_worker(worker, action, is_lazy=is_lazy, actor=MANAGER)
    with manager.reader() as reader:
        asked = reader.worker(worker)["status_change"]
    assert (asked["status"], asked["is_lazy"]) == expected


def test_a_paused_worker_finishes_its_task_and_takes_no_other(manager: Manager) -> None:
    worker = awake_worker(manager)
    store(manager, compiled_job(2))
    task = take(manager, worker)
    manager.ask_worker(worker, WorkerAction.PAUSE, actor=MANAGER)
    assert manager.may_keep_running(worker, task.uuid).mayKeepRunning
    assert manager.next_task(worker) == MustChangeStatus(WorkerStatus.ASLEEP)


def test_what_was_asked_is_taken_back(manager: Manager) -> None:
    worker = awake_worker(manager)
    manager.ask_worker(worker, WorkerAction.SLEEP, actor=MANAGER)
    manager.ask_worker(worker, WorkerAction.WITHDRAW, actor=MANAGER)
    assert manager.worker_state(worker) is None
    with pytest.raises(Conflict, match="nothing was asked of it"):
        manager.ask_worker(worker, WorkerAction.WITHDRAW, actor=MANAGER)


def test_an_action_is_refused_for_the_reason_that_is_listed(manager: Manager) -> None:
    worker = awake_worker(manager)
    reasons = {choice.action: choice.reason for choice in manager.worker_actions(worker)}
    for action, reason in reasons.items():
        if reason:
            with pytest.raises(Conflict, match=reason):
                manager.ask_worker(worker, WorkerAction(action), actor=MANAGER)


@pytest.mark.parametrize(
    "status", [WorkerStatus.ERROR, WorkerStatus.STARTING, WorkerStatus.TESTING]
)
def test_a_status_that_only_happens_cannot_be_asked_for(
    manager: Manager, status: WorkerStatus
) -> None:
    request = WorkerStatusChangeRequest(status=status, is_lazy=False)
    with pytest.raises(InvalidInput, match="cannot be asked to become"):
        manager.request_worker_status(awake_worker(manager), request, actor=MANAGER)


def test_a_deleted_worker_gives_its_task_back_and_is_gone(manager: Manager) -> None:
    worker, other = awake_worker(manager), awake_worker(manager)
    job = store(manager, compiled_job(1))
    take(manager, worker)
    manager.ask_worker(worker, WorkerAction.DELETE, actor=MANAGER)
    assert statuses(manager, job) == ["queued"]
    with pytest.raises(NotFound):
        manager.next_task(worker)
    assert take(manager, other).attempt == 2


def test_a_deleted_worker_does_not_count_as_one_that_could_try(manager: Manager) -> None:
    worker, gone = awake_worker(manager), awake_worker(manager)
    manager.delete_worker(gone, actor=MANAGER)
    job = store(manager, compiled_job(1))
    fail(manager, worker, take(manager, worker))
    assert statuses(manager, job) == ["failed"]


def test_changing_a_jobs_tag_moves_its_queue(manager: Manager) -> None:
    fast, plain = awake_worker(manager), awake_worker(manager)
    give_tags(manager, fast, make_tag(manager, "fast"))
    job = store(manager, compiled_job(3))
    running = take(manager, plain)
    events: list[Event] = []
    manager.subscribe(events.extend)
    manager.set_job_tag(job, JobTagChange(name="fast"), actor=MANAGER)
    assert [event.count for event in events if isinstance(event, TasksBecameReady)] == [2]
    assert manager.may_keep_running(plain, running.uuid).mayKeepRunning
    other = awake_worker(manager)
    assert take_or_none(manager, other) is None
    assert take_or_none(manager, fast) is not None
    manager.set_job_tag(job, JobTagChange(), actor=MANAGER)
    assert manager.job(job).worker_tag is None
    assert take_or_none(manager, other) is not None


def test_a_worker_that_gets_a_tag_is_told_to_ask_again(manager: Manager) -> None:
    worker, tag = awake_worker(manager), make_tag(manager, "fast")
    events: list[Event] = []
    manager.subscribe(events.extend)
    give_tags(manager, worker, tag)
    assert WorkerTagsChanged(worker_id=worker) in events


def test_a_tag_that_jobs_need_cannot_be_deleted(manager: Manager) -> None:
    tag = make_tag(manager, "fast")
    job = store(manager, compiled_job(1, worker_tag=tag))
    ask(manager, job, JobStatus.CANCEL_REQUESTED)
    with pytest.raises(Conflict, match="would run on any worker: shot"):
        manager.delete_tag(tag, actor=MANAGER)
    manager.set_job_tag(job, JobTagChange(), actor=MANAGER)
    worker = awake_worker(manager)
    give_tags(manager, worker, tag)
    manager.delete_tag(tag, actor=MANAGER)
    with manager.reader() as reader:
        assert "tags" not in reader.worker(worker)


def test_a_tag_keeps_its_description_when_only_its_name_changes(manager: Manager) -> None:
    tag = manager.create_tag(WorkerTag(name="a", description="why"), actor=MANAGER)
    manager.update_tag(tag.id or "", WorkerTag(name="b"), actor=MANAGER)
    with manager.reader() as reader:
        assert reader.tag(tag.id or "") == {"id": tag.id, "name": "b", "description": "why"}
    make_tag(manager, "c")
    with pytest.raises(Conflict, match="already"):
        manager.update_tag(tag.id or "", WorkerTag(name="c"), actor=MANAGER)


def test_a_tag_of_another_farm_keeps_its_id(manager: Manager) -> None:
    tag = WorkerTag(id="0c5f5a0e-3f4b-4c5d-8e6f-7a8b9c0d1e2f", name="fast")
    assert manager.create_tag(tag, actor=MANAGER) == tag
    with pytest.raises(Conflict, match="already"):
        manager.create_tag(WorkerTag(id=tag.id, name="other"), actor=MANAGER)


def test_what_only_a_deleted_worker_could_still_try_has_failed(manager: Manager) -> None:
    here, gone = awake_worker(manager, name="here"), awake_worker(manager, name="gone")
    manager.sign_off(gone)
    single, longer = store(manager, compiled_job(1)), store(manager, compiled_job(30))
    fail(manager, here, take(manager, here))
    fail(manager, here, take(manager, here))
    assert statuses(manager, single) == ["soft-failed"]
    manager.delete_worker(gone, actor=MANAGER)
    assert manager.job(single).status is JobStatus.FAILED
    assert statuses(manager, single) == ["failed"]
    assert manager.job(longer).status is JobStatus.ACTIVE
    assert statuses(manager, longer) == ["failed", *["queued"] * 29]
    assert manager.check() == []


def test_what_another_worker_could_still_try_waits_on(manager: Manager) -> None:
    here, gone = awake_worker(manager, name="here"), awake_worker(manager, name="gone")
    manager.sign_off(awake_worker(manager, name="away"))
    job = store(manager, compiled_job(1))
    fail(manager, here, take(manager, here))
    manager.delete_worker(gone, actor=MANAGER)
    assert statuses(manager, job) == ["soft-failed"]
