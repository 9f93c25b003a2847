"""What may be done now, and why not the rest: the tables and what is said."""

from __future__ import annotations

import pytest

from flamenco_core.rules.actions import (
    JOB_ACTIONS,
    STATUS_WANTED,
    TASK_ACTIONS,
    WORKER_ACTIONS,
    JobAction,
    JobFacts,
    TaskAction,
    TaskFacts,
    WorkerAction,
    WorkerFacts,
    action_for,
    job_choices,
    job_refusal,
    task_choices,
    task_refusal,
    worker_choices,
    worker_refusal,
)
from flamenco_core.statuses import JobStatus, TaskStatus, WorkerStatus

J, T, W = JobStatus, TaskStatus, WorkerStatus


def possible_for_job(status: JobStatus) -> set[str]:
    facts = JobFacts(status=status, failed_tasks=1)
    return {choice.action for choice in job_choices(facts) if choice.is_possible}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (J.ACTIVE, "cancel pause requeue-failed"),
        (J.QUEUED, "cancel pause requeue-failed"),
        (J.CANCELED, "requeue compile-again archive"),
        (J.COMPLETED, "requeue compile-again archive"),
        (J.FAILED, "cancel requeue compile-again archive"),
        (J.PAUSED, "cancel requeue compile-again archive"),
        (J.PAUSE_REQUESTED, "cancel requeue"),
        (J.CANCEL_REQUESTED, ""),
        (J.REQUEUEING, ""),
    ],
)
def test_what_can_be_done_with_a_job(status: JobStatus, expected: str) -> None:
    always = {"delete", "set-priority", "set-tag", "set-rna-overrides"}
    assert possible_for_job(status) == {*expected.split(), *always}


def test_nothing_can_be_done_with_a_job_that_is_being_stored() -> None:
    assert possible_for_job(J.UNDER_CONSTRUCTION) == set()


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (JobFacts(status=J.COMPLETED, is_archived=True), "it is archived"),
        (JobFacts(status=J.COMPLETED, is_being_deleted=True), "it is being deleted"),
    ],
)
def test_a_job_that_is_put_away_can_only_be_deleted(facts: JobFacts, reason: str) -> None:
    choices = {choice.action: choice for choice in job_choices(facts)}
    assert choices.pop("delete").is_possible
    assert {choice.reason for choice in choices.values()} == {reason}


def test_a_job_in_transition_is_left_to_end_it() -> None:
    facts = JobFacts(status=J.PAUSE_REQUESTED, is_unsettled=True)
    assert "try again in a moment" in job_refusal(JobAction.CANCEL, facts)
    assert job_refusal(JobAction.DELETE, facts) == ""
    assert job_refusal(JobAction.SET_PRIORITY, facts) == ""


def test_failed_tasks_can_only_be_queued_again_if_there_are_any() -> None:
    facts = JobFacts(status=J.ACTIVE)
    assert job_refusal(JobAction.REQUEUE_FAILED, facts) == "none of its tasks has failed"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (T.QUEUED, {"cancel", "requeue"}),
        (T.ACTIVE, {"cancel"}),
        (T.SOFT_FAILED, {"cancel", "requeue"}),
        (T.PAUSED, {"cancel"}),
        (T.COMPLETED, {"requeue"}),
        (T.FAILED, {"requeue"}),
        (T.CANCELED, {"requeue"}),
    ],
)
def test_what_can_be_done_with_a_task(status: TaskStatus, expected: set[str]) -> None:
    facts = TaskFacts(status=status, job=JobFacts(status=J.ACTIVE))
    assert {choice.action for choice in task_choices(facts) if choice.is_possible} == expected


@pytest.mark.parametrize(
    ("job", "waits", "reason"),
    [
        (JobFacts(status=J.PAUSED), False, "its job is paused; queue the job again instead"),
        (JobFacts(status=J.CANCELED), True, "it depends on tasks that are not completed"),
        (JobFacts(status=J.ACTIVE), True, ""),
        (JobFacts(status=J.COMPLETED), False, ""),
        (JobFacts(status=J.COMPLETED, is_archived=True), False, "its job is archived"),
        (JobFacts(status=J.CANCELED, is_being_deleted=True), False, "its job is being deleted"),
        (JobFacts(status=J.UNDER_CONSTRUCTION), False, "its job is still being stored"),
    ],
)
def test_the_job_has_a_say_when_a_task_is_to_be_queued_again(
    job: JobFacts, waits: bool, reason: str
) -> None:
    facts = TaskFacts(status=T.CANCELED, job=job, waits_for_others=waits)
    refusal = task_refusal(TaskAction.REQUEUE, facts)
    assert refusal.startswith(reason)
    assert bool(refusal) == bool(reason)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (W.STARTING, "wake sleep pause shut-down restart"),
        (W.AWAKE, "sleep pause shut-down restart"),
        (W.ASLEEP, "wake shut-down restart"),
        (W.ERROR, "wake sleep pause shut-down restart"),
        (W.TESTING, "wake sleep pause shut-down restart"),
        (W.OFFLINE, "wake sleep pause"),
    ],
)
def test_what_can_be_asked_of_a_worker(status: WorkerStatus, expected: str) -> None:
    facts = WorkerFacts(status=status, can_restart=True)
    possible = {choice.action for choice in worker_choices(facts) if choice.is_possible}
    assert possible == {*expected.split(), "delete"}


def test_a_worker_is_only_restarted_if_something_starts_it_again() -> None:
    facts = WorkerFacts(status=W.AWAKE)
    assert "started again" in worker_refusal(WorkerAction.RESTART, facts)


def test_only_what_was_asked_can_be_taken_back() -> None:
    idle, asked = (
        WorkerFacts(status=W.AWAKE),
        WorkerFacts(status=W.AWAKE, status_requested=W.ASLEEP),
    )
    assert worker_refusal(WorkerAction.WITHDRAW, idle) == "nothing was asked of it"
    assert worker_refusal(WorkerAction.WITHDRAW, asked) == ""


def test_refusals_say_what_is_in_the_way() -> None:
    awake, offline = WorkerFacts(status=W.AWAKE), WorkerFacts(status=W.OFFLINE)
    assert worker_refusal(WorkerAction.WAKE, awake) == "it is awake already"
    assert worker_refusal(WorkerAction.SHUT_DOWN, offline) == "its program does not run"


def test_the_tables_have_every_action() -> None:
    assert set(JOB_ACTIONS) == set(JobAction)
    assert set(TASK_ACTIONS) == set(TaskAction)
    assert set(WORKER_ACTIONS) == set(WorkerAction)


def test_the_statuses_that_can_be_asked_for_are_those_that_actions_want() -> None:
    assert {status for status in WorkerStatus if action_for(status)} == set(STATUS_WANTED.values())
