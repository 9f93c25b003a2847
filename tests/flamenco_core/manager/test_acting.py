"""Actions by their names do what the lists of possible actions promise."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flamenco_core.errors import Conflict, InvalidInput
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.manager.submission_keys import KeyUsedTwice
from flamenco_core.model import (
    JobAction,
    JobActionRequest,
    SubmittedJob,
    TaskAction,
    TaskActionRequest,
)
from flamenco_core.statuses import JobStatus
from flamenco_core.store.submission_keys import KEPT
from tests.flamenco_core.farms import (
    FakeClock,
    ask,
    awake_worker,
    compiled_job,
    complete,
    fail,
    statuses,
    store,
    take,
)

SUBMITTED = SubmittedJob(
    name="hello",
    type="echo-sleep-test",
    submitter_platform="linux",
    settings={"message": "hello", "sleep_repeats": 30},
)


def queued(manager: Manager) -> str:
    return manager.submit_job(SUBMITTED).id


def paused(manager: Manager) -> str:
    job = queued(manager)
    ask(manager, job, JobStatus.PAUSE_REQUESTED)
    return job


def canceled(manager: Manager) -> str:
    job = queued(manager)
    ask(manager, job, JobStatus.CANCEL_REQUESTED)
    return job


def completed(manager: Manager) -> str:
    job = manager.submit_job(
        SubmittedJob(
            name="short",
            type="echo-sleep-test",
            submitter_platform="linux",
            settings={"message": "hello", "sleep_repeats": 1},
        )
    ).id
    worker = awake_worker(manager, "misc")
    for _ in range(2):
        complete(manager, worker, take(manager, worker))
    return job


def with_a_failed_task(manager: Manager) -> str:
    job, worker = queued(manager), awake_worker(manager, "misc")
    complete(manager, worker, take(manager, worker))
    fail(manager, worker, take(manager, worker))
    assert "failed" in statuses(manager, job)
    return job


def archived(manager: Manager) -> str:
    job = canceled(manager)
    manager.archive_job(job, actor=MANAGER)
    return job


STATES = [queued, paused, canceled, completed, with_a_failed_task, archived]


@pytest.mark.parametrize("action", JobAction)
@pytest.mark.parametrize("state", STATES)
def test_a_jobs_action_is_possible_exactly_if_the_job_says_so(
    manager: Manager, state: Callable[[Manager], str], action: JobAction
) -> None:
    job = state(manager)
    choices = {choice.action: choice for choice in manager.job_actions(job)}
    request = JobActionRequest(action=action, priority=60, rna_overrides=["x = 1"])
    assert manager.job_refusal(job, action) == choices[action].reason
    if choices[action].is_possible:
        manager.act_on_job(job, request, actor=MANAGER)
    else:
        with pytest.raises(Conflict, match=choices[action].reason.partition(";")[0]):
            manager.act_on_job(job, request, actor=MANAGER)
    while manager.unsettled_jobs():
        manager.settle(job)


@pytest.mark.parametrize("action", TaskAction)
@pytest.mark.parametrize("state", STATES)
def test_a_tasks_action_is_possible_exactly_if_the_task_says_so(
    manager: Manager, state: Callable[[Manager], str], action: TaskAction
) -> None:
    job = state(manager)
    for task in manager.tasks(job)[:3]:
        choices = {choice.action: choice for choice in manager.task_actions(task.id)}
        assert manager.task_refusal(task.id, action) == choices[action].reason
        request = TaskActionRequest(action=action)
        if choices[action].is_possible:
            manager.act_on_task(task.id, request, actor=MANAGER)
        else:
            with pytest.raises(Conflict):
                manager.act_on_task(task.id, request, actor=MANAGER)


def test_all_failed_tasks_of_a_large_job_are_queued_again(manager: Manager) -> None:
    job = store(manager, compiled_job(5000))
    with manager.unit_of_work():
        manager._db.execute("UPDATE tasks SET status = 'failed' WHERE index_in_job <= 450")
    manager.check(repair=True)
    assert statuses(manager, job).count("failed") == 450
    request = JobActionRequest(action=JobAction.REQUEUE_FAILED)
    assert manager.act_on_some_of_job(job, request, actor=MANAGER), "it takes several pieces"
    manager.act_on_job(job, request, actor=MANAGER)
    assert statuses(manager, job).count("failed") == 0


@pytest.mark.parametrize("action", [JobAction.SET_PRIORITY, JobAction.SET_OVERRIDES])
def test_a_value_that_is_missing_is_named(manager: Manager, action: JobAction) -> None:
    job = queued(manager)
    with pytest.raises(InvalidInput, match="is missing"):
        manager.act_on_job(job, JobActionRequest(action=action), actor=MANAGER)


def test_a_key_is_forgotten_after_a_week(manager: Manager, clock: FakeClock) -> None:
    first = manager.submit_job(SUBMITTED, idempotency_key="key").id
    clock.advance(KEPT / 2)
    assert manager.submit_job(SUBMITTED, idempotency_key="key").id == first
    other = SubmittedJob(name="x", type="echo-sleep-test", submitter_platform="linux")
    with pytest.raises(KeyUsedTwice):
        manager.submit_job(other, idempotency_key="key")
    clock.advance(KEPT / 2)
    second = manager.submit_job(SUBMITTED, idempotency_key="key").id
    assert second != first
    assert manager.submit_job(SUBMITTED, idempotency_key="key").id == second
    for number in range(5):
        manager.submit_job(SUBMITTED, idempotency_key=f"key-{number}")
    clock.advance(KEPT)
    manager.submit_job(SUBMITTED, idempotency_key="last")
    [(kept,)] = manager._db.execute("SELECT count(*) FROM submission_keys").fetchall()
    assert kept == 1


def test_a_request_of_a_script_is_held_to_what_could_come_over_http(manager: Manager) -> None:
    job, worker = queued(manager), awake_worker(manager)
    too_high = JobActionRequest(action=JobAction.SET_PRIORITY, priority=101)
    with pytest.raises(InvalidInput, match="at most 100"):
        manager.act_on_job(job, too_high, actor=MANAGER)
    unknown = TaskActionRequest(action="explode")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="explode"):
        manager.act_on_task(manager.tasks(job)[0].id, unknown, actor=MANAGER)
    with pytest.raises(InvalidInput, match="fly"):
        manager.ask_worker(worker, "fly", actor=MANAGER)  # type: ignore[arg-type]
    assert manager.job(job).priority == SUBMITTED.priority


def test_names_of_actions_and_statuses_may_be_plain_texts(manager: Manager) -> None:
    job, worker = queued(manager), awake_worker(manager)
    manager.act_on_job(job, JobActionRequest(action="cancel"), actor=MANAGER)  # type: ignore[arg-type]
    assert manager.job(job).status is JobStatus.CANCELED
    with pytest.raises(Conflict, match="not set up to be started again"):
        manager.ask_worker(worker, "restart", actor=MANAGER)  # type: ignore[arg-type]
