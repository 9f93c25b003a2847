"""Tasks of a Flamenco Server in a real farm file: stored, changed, cancelled, and told of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.config import Config, Upstream
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.manager.upstream_side import offered_jobs
from flamenco_core.model import Command, TaskUpdate
from flamenco_core.rules.upstream import OfferedTask, UpstreamStatus
from flamenco_core.statuses import JobStatus, TaskStatus
from flamenco_core.store import upstream
from tests.flamenco_core.farms import (
    FakeClock,
    ask,
    awake_worker,
    compiled_job,
    complete,
    store,
    take,
    take_or_none,
)

JOB = "5f" + "0" * 22


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def farm(tmp_path: Path, clock: FakeClock) -> Iterator[Manager]:
    link = Upstream(url="http://localhost/", manager_id="a" * 24, manager_secret="secret")
    config = Config(home=tmp_path, upstream=link)
    with Manager.open(config=config, clock=clock, monotonic=clock.monotonic) as manager:
        yield manager


def upstream_id(number: int) -> str:
    return f"{number:024x}"


def offered(number: int, *parents: int, **changes: Any) -> OfferedTask:
    task = OfferedTask(
        id=upstream_id(number),
        job_id=JOB,
        etag=f"etag-{number}",
        name=f"render-{number}",
        status=UpstreamStatus.QUEUED,
        priority=50,
        job_priority=50,
        job_type="blender-render",
        task_type="blender",
        commands=(Command(name="echo", parameters={"message": "hi"}, total_step_count=2),),
        parents=tuple(upstream_id(parent) for parent in parents),
        project="my project",
    )
    return replace(task, **changes)


def download(farm: Manager, *tasks: OfferedTask, told: Sequence[int] = ()) -> None:
    """Takes in an answer of the server, as the link does."""
    meanwhile = frozenset(upstream_id(number) for number in told)
    unknown = set(farm.take_offers(tasks, told_meanwhile=meanwhile))
    for job in offered_jobs(task for task in tasks if task.id in unknown):
        for step in farm.storing_offered(job, home=farm.home_of_offered(job)):
            step()


def news(farm: Manager) -> list[dict[str, Any]]:
    """What the server would be told now."""
    now = farm._clock()
    return [json.loads(update.body) for update in upstream.due(farm._db, now=now, limit=1000)]


def told_statuses(farm: Manager) -> list[tuple[int, str | None]]:
    return [(int(update["task_id"], 16), update.get("task_status")) for update in news(farm)]


def accept_all(farm: Manager) -> None:
    ids = [update["_id"] for update in news(farm)]
    farm.upstream_handled(ids, ids)


def jobs(farm: Manager) -> list[dict[str, Any]]:
    rows = farm._db.execute("SELECT uuid AS id, name, status FROM jobs ORDER BY jobs.id").fetchall()
    return [dict(row) for row in rows]


def statuses(farm: Manager, job: str | None = None) -> dict[str, str]:
    job = job or jobs(farm)[0]["id"]
    return {task.name: task.status.value for task in farm.tasks(job)}


def test_tasks_of_one_upstream_job_become_one_job_with_its_dependencies(farm: Manager) -> None:
    download(farm, offered(3, 1, 2), offered(1), offered(2))
    (job,) = jobs(farm)
    assert job["name"] == "blender-render 000000"
    stored = farm.job(job["id"])
    assert stored.metadata == {"upstream_job": JOB, "project": "my project"}
    worker = awake_worker(farm, "blender")
    first, second = take(farm, worker), None
    assert first.name == "render-1"
    complete(farm, worker, first)
    second = take(farm, worker)
    assert second.name == "render-2"
    assert take_or_none(farm, awake_worker(farm, "blender", name="other")) is None
    complete(farm, worker, second)
    assert take(farm, worker).name == "render-3"
    assert farm.check() == []


def test_each_status_is_told_once_in_its_order_with_what_the_server_shows(farm: Manager) -> None:
    download(farm, offered(1))
    worker = awake_worker(farm, "blender", name="castor")
    task = take(farm, worker)
    log = "".join(f"line {number}\n" for number in range(30))
    farm.update_task(worker, task.uuid, TaskUpdate(log=log, steps_completed=1, activity="half"))
    complete(farm, worker, task)
    assert told_statuses(farm) == [(1, "active"), (1, "completed")]
    last = news(farm)[-1]
    assert last["worker"] == "castor"
    assert last["task_progress_percentage"] == 100
    assert last["log_tail"].splitlines()[-1] == "line 29"
    assert len(last["log_tail"].splitlines()) == 10
    assert len(last["_id"]) == 24


def test_only_the_newest_progress_is_told(farm: Manager) -> None:
    download(farm, offered(1))
    worker = awake_worker(farm, "blender")
    task = take(farm, worker)
    for activity in ("first", "second"):
        farm.update_task(worker, task.uuid, TaskUpdate(activity=activity))
    assert told_statuses(farm) == [(1, "active"), (1, None)]
    assert news(farm)[-1]["activity"] == "second"


def test_a_long_activity_is_cut_to_what_the_server_takes(farm: Manager) -> None:
    download(farm, offered(1))
    worker = awake_worker(farm, "blender")
    task = take(farm, worker)
    farm.update_task(worker, task.uuid, TaskUpdate(activity="word " * 100))
    assert news(farm)[-1]["activity"] == ("word " * 100)[:127] + "…"


def test_tasks_of_this_manager_are_not_told_of(farm: Manager) -> None:
    store(farm, compiled_job(1))
    worker = awake_worker(farm, "blender")
    complete(farm, worker, take(farm, worker))
    assert news(farm) == []


def test_a_hand_out_that_was_only_planned_is_not_told(farm: Manager) -> None:
    download(farm, offered(1))
    worker = awake_worker(farm, "blender")
    (planned,) = farm.plan([worker])
    assert planned.task.name == "render-1"
    assert news(farm) == []
    assert statuses(farm) == {"render-1": "queued"}


def test_a_download_that_comes_twice_changes_nothing(farm: Manager) -> None:
    download(farm, offered(1), offered(2, 1))
    worker = awake_worker(farm, "blender")
    complete(farm, worker, take(farm, worker))
    download(farm, offered(1), offered(2, 1))
    assert len(jobs(farm)) == 1
    assert statuses(farm) == {"render-1": "completed", "render-2": "queued"}


def test_a_finished_task_that_was_queued_again_upstream_runs_again(farm: Manager) -> None:
    download(farm, offered(1))
    worker = awake_worker(farm, "blender")
    complete(farm, worker, take(farm, worker))
    accept_all(farm)
    assert farm.job(jobs(farm)[0]["id"]).status is JobStatus.COMPLETED
    download(farm, offered(1, etag="another"))
    assert told_statuses(farm) == [(1, "claimed-by-manager")]
    assert take(farm, worker).name == "render-1"
    assert farm.check() == []


def test_an_answer_from_before_the_server_heard_the_end_does_not_run_a_task_again(
    farm: Manager,
) -> None:
    download(farm, offered(1))
    worker = awake_worker(farm, "blender")
    complete(farm, worker, take(farm, worker))
    stale = offered(1, etag="another", status=UpstreamStatus.CLAIMED_BY_MANAGER)
    download(farm, stale)
    assert statuses(farm) == {"render-1": "completed"}
    accept_all(farm)
    download(farm, replace(stale, etag="a third"), told=[1])
    assert statuses(farm) == {"render-1": "completed"}


def test_a_running_task_keeps_running_when_its_priority_changes_upstream(farm: Manager) -> None:
    download(farm, offered(1), offered(2))
    worker = awake_worker(farm, "blender")
    take(farm, worker)
    download(farm, offered(1, etag="x", priority=7, job_priority=80))
    (job,) = jobs(farm)
    assert farm.job(job["id"]).priority == 80
    assert [task.priority for task in farm.tasks(job["id"])] == [7, 50]
    assert statuses(farm) == {"render-1": "active", "render-2": "queued"}


def test_tasks_of_a_known_job_that_come_later_are_added_to_it(farm: Manager) -> None:
    download(farm, offered(1), offered(2))
    worker = awake_worker(farm, "blender")
    complete(farm, worker, take(farm, worker))
    download(farm, offered(3, 1), offered(4, 2, 3))
    (job,) = jobs(farm)
    assert list(statuses(farm)) == ["render-1", "render-2", "render-3", "render-4"]
    assert farm.job(job["id"]).steps_total == 8
    order = []
    while task := take_or_none(farm, worker):
        order.append(task.name)
        complete(farm, worker, task)
    assert order == ["render-2", "render-3", "render-4"]
    assert farm.job(job["id"]).status is JobStatus.COMPLETED
    assert farm.check() == []


def test_tasks_that_the_server_has_made_anew_are_another_job(farm: Manager) -> None:
    download(farm, offered(1))
    worker = awake_worker(farm, "blender")
    complete(farm, worker, take(farm, worker))
    download(farm, offered(11), offered(12, 11))
    assert [job["status"] for job in jobs(farm)] == ["completed", "queued"]
    download(farm, offered(13, 12))
    assert len(statuses(farm, jobs(farm)[1]["id"])) == 3


def test_a_large_job_is_stored_in_pieces_and_waits_for_the_last_one(farm: Manager) -> None:
    tasks = [offered(number) for number in range(1, 1001)]
    unknown = farm.take_offers(tasks)
    assert len(unknown) == 1000
    (job,) = offered_jobs(tasks)
    steps = 0
    worker = awake_worker(farm, "blender")
    for step in farm.storing_offered(job, home=None):
        if any(job["status"] == JobStatus.UNDER_CONSTRUCTION for job in jobs(farm)):
            assert take_or_none(farm, worker) is None
        step()
        steps += 1
    assert steps > 5
    assert take(farm, worker).name == "render-1"
    assert farm.unknown_upstream_tasks([upstream_id(1000), upstream_id(1001)]) == [
        upstream_id(1001)
    ]


def test_a_task_that_nothing_here_can_carry_out_fails_and_says_why(farm: Manager) -> None:
    download(farm, offered(1, problem="Its command x is not known", commands=()), offered(2))
    assert statuses(farm)["render-1"] == "failed"
    (update,) = [one for one in news(farm) if one["task_id"] == upstream_id(1)]
    assert update["task_status"] == "failed"
    assert update["activity"] == "Its command x is not known"
    assert farm.check() == []


def test_a_parent_that_failed_upstream_keeps_its_children_from_running(farm: Manager) -> None:
    download(farm, offered(1, status=UpstreamStatus.FAILED), offered(2, 1), offered(3))
    worker = awake_worker(farm, "blender")
    task = take_or_none(farm, worker)
    assert task is None or task.name == "render-3"
    assert (1, "failed") not in told_statuses(farm), "the server knows that"
    assert farm.check() == []


def test_cancelling_is_carried_out_once_however_often_it_is_asked(farm: Manager) -> None:
    download(farm, offered(1), offered(2), offered(3))
    worker = awake_worker(farm, "blender")
    running = take(farm, worker)
    for _ in range(3):
        farm.cancel_upstream([upstream_id(1), upstream_id(2)])
    assert not farm.may_keep_running(worker, running.uuid).mayKeepRunning
    told = told_statuses(farm)
    assert told.count((1, "canceled")) == 1
    assert told.count((2, "canceled")) == 1
    accept_all(farm)
    farm.cancel_upstream([upstream_id(1)])
    assert told_statuses(farm) == [(1, "canceled")], "the server has not understood"
    assert statuses(farm)["render-3"] == "queued"
    assert farm.check() == []


def test_cancelling_an_unknown_task_is_confirmed(farm: Manager) -> None:
    for _ in range(2):
        farm.cancel_upstream([upstream_id(77)])
    assert told_statuses(farm) == [(77, "canceled")]
    download(farm, offered(78, status=UpstreamStatus.CANCEL_REQUESTED))
    assert told_statuses(farm) == [(77, "canceled"), (78, "canceled")]
    assert jobs(farm) == []


def test_a_cancelled_job_is_told_task_by_task(farm: Manager) -> None:
    download(farm, offered(1), offered(2))
    ask(farm, jobs(farm)[0]["id"], JobStatus.CANCEL_REQUESTED)
    assert told_statuses(farm) == [(1, "canceled"), (2, "canceled")]


def test_tasks_of_a_deleted_job_are_told_cancelled_and_come_back_only_as_new(
    farm: Manager,
) -> None:
    download(farm, offered(1))
    farm.delete_job(jobs(farm)[0]["id"], actor=MANAGER)
    farm.finish_removals()
    assert told_statuses(farm) == [(1, "canceled")]
    assert jobs(farm) == []
    download(farm, offered(1, etag="new"))
    assert [job["status"] for job in jobs(farm)] == ["queued"]


def test_updates_that_the_server_refuses_are_sent_again_later(
    farm: Manager, clock: FakeClock
) -> None:
    download(farm, offered(1), offered(2))
    worker = awake_worker(farm, "blender")
    take(farm, worker)
    (first,) = [update["_id"] for update in news(farm)]
    farm.upstream_handled([], [first])
    assert news(farm) == []
    clock.advance(timedelta(minutes=1))
    assert [update["_id"] for update in news(farm)] == [first]


def test_an_update_that_was_refused_does_not_follow_a_newer_one_that_was_taken(
    farm: Manager, clock: FakeClock
) -> None:
    download(farm, offered(1))
    worker = awake_worker(farm, "blender")
    task = take(farm, worker)
    (first,) = [update["_id"] for update in news(farm)]
    farm.upstream_handled([], [first])
    complete(farm, worker, task)
    (second,) = [update["_id"] for update in news(farm)]
    farm.upstream_handled([second], [second])
    clock.advance(timedelta(days=1))
    assert news(farm) == []


def test_news_and_marker_outlive_the_program(tmp_path: Path) -> None:
    link = Upstream(url="http://localhost/", manager_id="a" * 24, manager_secret="secret")
    config = Config(home=tmp_path, upstream=link)
    with Manager.open(config=config) as farm:
        download(farm, offered(1))
        take(farm, awake_worker(farm, "blender"))
        farm.set_upstream_marker("2026-01-02T03:04:05.678901+00:00")
    with Manager.open(config=config) as farm:
        assert farm.upstream_marker() == "2026-01-02T03:04:05.678901+00:00"
        assert told_statuses(farm) == [(1, "active")]
        assert farm.purge_upstream_queue() == 1
        assert news(farm) == []


def test_a_paused_task_waits_at_the_manager_for_the_server(farm: Manager) -> None:
    download(farm, offered(1))
    ask(farm, jobs(farm)[0]["id"], JobStatus.PAUSE_REQUESTED)
    assert statuses(farm) == {"render-1": TaskStatus.PAUSED.value}
    assert told_statuses(farm) == [(1, "claimed-by-manager")]


def test_what_happened_without_the_link_is_told_when_it_is_there_again(tmp_path: Path) -> None:
    link = Upstream(url="http://localhost/", manager_id="a" * 24, manager_secret="secret")
    linked, alone = Config(home=tmp_path, upstream=link), Config(home=tmp_path)
    with Manager.open(config=linked) as farm:
        assert farm.catch_up_upstream() is None
        download(farm, *(offered(number) for number in range(1, 121)))
        worker = awake_worker(farm, "blender")
        complete(farm, worker, take(farm, worker))
        assert farm.catch_up_upstream() is None
        accept_all(farm)
    with Manager.open(config=alone) as farm:
        complete(farm, worker, take(farm, worker))
        assert news(farm) == []
    with Manager.open(config=linked) as farm:
        after: int | None = 0
        while after is not None:
            after = farm.catch_up_upstream(after=after)
        told = told_statuses(farm)
        assert told[:3] == [(1, "completed"), (2, "completed"), (3, "claimed-by-manager")]
        assert len(told) == 120
        assert farm.catch_up_upstream() is None
