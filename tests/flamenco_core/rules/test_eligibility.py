"""Why a worker gets nothing of a job: one row for each condition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flamenco_core.rules.eligibility import (
    CONDITIONS,
    JobFacts,
    SlotFacts,
    TaskClassFacts,
    WorkerFacts,
    reasons_against,
)
from flamenco_core.statuses import JobStatus, WorkerStatus

WORKER = WorkerFacts(
    name="mill",
    status=WorkerStatus.AWAKE,
    status_requested=None,
    task_types=frozenset({"blender"}),
    capabilities={"device": "gpu"},
    tags=frozenset({"fast"}),
)
JOB = JobFacts(name="shot", status=JobStatus.QUEUED, tag="fast")
TASKS = TaskClassFacts(
    task_type="blender",
    requirements={"device": "gpu"},
    unfinished=3,
    ready=2,
    ready_and_untried=1,
    is_blocked=False,
)


SLOT = SlotFacts(task_types=frozenset({"blender"}), capabilities={"device": "cpu"})


def test_nothing_stands_between_a_fit_worker_and_a_ready_task() -> None:
    assert reasons_against(WORKER, JOB, TASKS) == []


BROKEN: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = {
    "worker-awake": ({"status": WorkerStatus.ASLEEP}, {}, {}, "wake it up"),
    "worker-not-asked-away": (
        {"status_requested": WorkerStatus.OFFLINE},
        {},
        {},
        "ask it to stay awake",
    ),
    "job-open": ({}, {"status": JobStatus.PAUSED}, {}, "queue it again"),
    "task-type": ({"task_types": frozenset()}, {}, {}, "add blender to the worker's task types"),
    "requirements": ({"capabilities": {"device": "cpu"}}, {}, {}, "use a worker that has it"),
    "slot": ({"slots": (SLOT,)}, {}, {}, "give one of its slots what is asked for"),
    "tag": ({"tags": frozenset()}, {}, {}, "give the worker the tag fast"),
    "not-blocked": ({}, {}, {"is_blocked": True}, "block list"),
    "has-unfinished": (
        {},
        {},
        {"unfinished": 0, "ready": 0, "ready_and_untried": 0},
        "nothing needs to be done",
    ),
    "has-ready": ({}, {}, {"ready": 0, "ready_and_untried": 0}, "until those are completed"),
    "not-failed-before": ({}, {}, {"ready_and_untried": 0}, "let another worker try"),
}


@pytest.mark.parametrize("condition", [condition.name for condition in CONDITIONS])
def test_each_broken_condition_is_named_alone_with_its_remedy(condition: str) -> None:
    worker, job, tasks, remedy = BROKEN[condition]
    reasons = reasons_against(
        replace(WORKER, **worker), replace(JOB, **job), replace(TASKS, **tasks)
    )
    assert [reason.condition for reason in reasons] == [condition]
    assert reasons[0].what
    assert remedy in reasons[0].remedy


@pytest.mark.parametrize(
    ("slots", "sentence"),
    [
        (
            [("ffmpeg", "gpu")],
            "worker mill has no slot that takes blender tasks and has device gpu",
        ),
        ([("blender", "cpu"), ("ffmpeg", "gpu")], "and has device gpu"),
        ([("blender", "cpu"), ("blender", "gpu")], ""),
    ],
)
def test_one_slot_has_to_take_the_task_and_have_what_it_asks_for(
    slots: list[tuple[str, str]], sentence: str
) -> None:
    facts = tuple(
        SlotFacts(task_types=frozenset({task_type}), capabilities={"device": device})
        for task_type, device in slots
    )
    reasons = reasons_against(replace(WORKER, slots=facts), JOB, TASKS)
    assert [reason.condition for reason in reasons] == (["slot"] if sentence else [])
    assert all(sentence in reason.what for reason in reasons)


def test_a_worker_without_a_slot_for_a_type_says_so() -> None:
    worker = replace(WORKER, slots=(replace(SLOT, task_types=frozenset({"ffmpeg"})),))
    (reason,) = reasons_against(worker, JOB, replace(TASKS, requirements={}))
    assert reason.what == "worker mill has no slot that takes blender tasks"


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (WorkerStatus.ASLEEP, "wait until it wakes up"),
        (WorkerStatus.STARTING, "wait until it has started"),
        (WorkerStatus.OFFLINE, "start its program"),
        (WorkerStatus.ERROR, "start its program"),
    ],
)
def test_a_worker_that_is_asked_to_wake_up_is_not_said_to_be_asked_away(
    status: WorkerStatus, remedy: str
) -> None:
    worker = replace(WORKER, status=status, status_requested=WorkerStatus.AWAKE)
    (reason,) = reasons_against(worker, JOB, TASKS)
    assert reason.condition == "worker-awake"
    assert remedy in reason.remedy


def test_tasks_of_a_paused_job_are_not_said_to_wait_for_others() -> None:
    (reason,) = reasons_against(
        WORKER, replace(JOB, status=JobStatus.PAUSED), replace(TASKS, ready=0, ready_and_untried=0)
    )
    assert reason.condition == "job-open"


def test_all_reasons_are_named_together() -> None:
    worker = replace(WORKER, status=WorkerStatus.ERROR, tags=frozenset())
    reasons = reasons_against(worker, replace(JOB, status=JobStatus.CANCELED), TASKS)
    assert [reason.condition for reason in reasons] == ["worker-awake", "job-open", "tag"]
    assert reasons[0].remedy == "start its program"
