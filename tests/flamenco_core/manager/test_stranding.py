"""Jobs that no worker may take any more wait, say so, and go on when a worker may again."""

from __future__ import annotations

import json

from flamenco_core.events import JobChanged
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import (
    JobTagChange,
    WorkerAbilities,
    WorkerSignOn,
    WorkerTag,
    WorkerTagChangeRequest,
)
from flamenco_core.statuses import JobStatus
from flamenco_core.store.listing import ListRequest
from tests.flamenco_core.farms import (
    awake_worker,
    compiled_job,
    compiled_task,
    fail,
    statuses,
    store,
    take,
    take_or_none,
)


def make_tag(manager: Manager, name: str) -> str:
    tag = manager.create_tag(WorkerTag(name=name), actor=MANAGER)
    assert tag.id
    return tag.id


def give_tags(manager: Manager, worker: str, *tags: str) -> None:
    manager.set_worker_tags(worker, WorkerTagChangeRequest(tag_ids=[*tags]), actor=MANAGER)


def change_types(manager: Manager, worker: str, *types: str) -> None:
    manager.worker_abilities_changed(worker, WorkerAbilities(supported_task_types=[*types]))


def stranded(manager: Manager, job: str) -> list[str]:
    """What is told of a job wherever it is told: alone, in lists, and by the reasons."""
    alone = manager.job(job).stranded_task_types or []
    with manager.reader() as reader:
        request = ListRequest(listing="jobs", fields="id,stranded_task_types")
        rows = [json.loads(item) for item in reader.list_page(request).items]
        event = reader.event_of_job(job) or {}
    (row,) = [row for row in rows if row["id"] == job]
    assert row.get("stranded_task_types", []) == alone == event.get("stranded_task_types", [])
    note = manager.job_why_not(job).note or ""
    assert all(f"{kind}" in note for kind in alone)
    assert bool(note) is bool(alone)
    return sorted(alone)


def test_a_job_waits_for_a_worker_that_gets_its_tag_again(manager: Manager) -> None:
    tag = make_tag(manager, "gpu")
    worker, other = awake_worker(manager), awake_worker(manager)
    give_tags(manager, worker, tag)
    job = store(manager, compiled_job(2, worker_tag=tag))
    assert stranded(manager, job) == []
    give_tags(manager, worker)
    assert stranded(manager, job) == ["blender"]
    assert take_or_none(manager, worker) is None
    assert manager.job(job).status is JobStatus.QUEUED
    give_tags(manager, other, tag)
    assert stranded(manager, job) == []
    take(manager, other)


def test_only_the_task_types_that_nobody_takes_are_named(manager: Manager) -> None:
    worker = awake_worker(manager, "blender", "ffmpeg", "misc")
    tasks = [compiled_task(kind, task_type=kind) for kind in ("misc", "blender", "ffmpeg")]
    later = compiled_task("later", task_type="ffmpeg", depends_on=[1])
    job = store(manager, compiled_job([*tasks, later]))
    change_types(manager, worker, "blender")
    assert stranded(manager, job) == ["ffmpeg", "misc"]
    assert {take(manager, worker).name} == {"blender"}
    sign_on = WorkerSignOn(name="w", supported_task_types=["misc"], software_version="1")
    manager.sign_on(worker, sign_on, address="127.0.0.1")
    assert stranded(manager, job) == ["blender", "ffmpeg"]


def test_a_worker_that_is_away_may_still_take_its_tasks(manager: Manager) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(1))
    manager.sign_off(worker)
    assert stranded(manager, job) == []


def test_a_job_that_is_submitted_without_workers_waits_for_the_first(manager: Manager) -> None:
    job = store(manager, compiled_job(1))
    assert stranded(manager, job) == ["blender"]
    awake_worker(manager, "misc")
    assert stranded(manager, job) == ["blender"]
    awake_worker(manager)
    assert stranded(manager, job) == []


def test_what_all_others_have_failed_at_fails_when_the_last_who_could_try_may_not(
    manager: Manager,
) -> None:
    tag = make_tag(manager, "gpu")
    failing, last = awake_worker(manager), awake_worker(manager)
    for worker in (failing, last):
        give_tags(manager, worker, tag)
    job = store(manager, compiled_job(20, worker_tag=tag))
    fail(manager, failing, take(manager, failing))
    assert statuses(manager, job)[0] == "soft-failed"
    give_tags(manager, last)
    assert statuses(manager, job)[0] == "failed"
    assert stranded(manager, job) == []


def test_nothing_fails_as_long_as_no_worker_may_take_it(manager: Manager) -> None:
    tag = make_tag(manager, "gpu")
    failing, last = awake_worker(manager), awake_worker(manager)
    give_tags(manager, failing, tag)
    give_tags(manager, last, tag)
    job = store(manager, compiled_job(20, worker_tag=tag))
    fail(manager, failing, take(manager, failing))
    give_tags(manager, failing)
    give_tags(manager, last)
    assert statuses(manager, job)[0] == "soft-failed"
    assert stranded(manager, job) == ["blender"]
    give_tags(manager, last, tag)
    assert take(manager, last).job == job


def test_a_job_that_gets_another_tag_is_looked_at_anew(manager: Manager) -> None:
    tag = make_tag(manager, "gpu")
    failing = awake_worker(manager)
    awake_worker(manager)
    give_tags(manager, failing, tag)
    job = store(manager, compiled_job(20))
    fail(manager, failing, take(manager, failing))
    assert statuses(manager, job)[0] == "soft-failed"
    manager.set_job_tag(job, JobTagChange(id=tag), actor=MANAGER)
    assert statuses(manager, job)[0] == "failed"


def test_lists_hear_of_jobs_that_begin_or_end_to_wait_and_of_no_others(manager: Manager) -> None:
    tag = make_tag(manager, "gpu")
    first, second = awake_worker(manager), awake_worker(manager)
    store(manager, compiled_job(1))
    job = store(manager, compiled_job(1, worker_tag=tag))
    heard: list[str] = []
    manager.subscribe(
        lambda events: heard.extend(each.job_id for each in events if isinstance(each, JobChanged))
    )
    give_tags(manager, first, tag)
    assert heard == [job]
    give_tags(manager, second, tag)
    give_tags(manager, first)
    assert heard == [job]
    give_tags(manager, second)
    assert heard == [job, job]
