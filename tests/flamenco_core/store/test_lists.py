"""Lists in pages give what looking at everything gives, in every order and with any filters."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flamenco_core.errors import InvalidInput, NotFound
from flamenco_core.manager import MANAGER, Actor, Manager
from flamenco_core.model import JobStatusChange, TaskUpdate, WorkerTag, WorkerTagChangeRequest
from flamenco_core.statuses import JobStatus, TaskStatus
from flamenco_core.store import listing
from flamenco_core.store.listing import ListRequest
from flamenco_core.store.lists import LISTINGS
from flamenco_core.store.reader import FarmReader
from tests.flamenco_core.farms import (
    FakeClock,
    awake_worker,
    compiled_job,
    compiled_task,
    store,
    take,
)

NAMES = ("shot", "Shot 100%", 'ä "quoted" \\ name\x01', "a_b")
PEOPLE = ("person:ana", "person:bo")
DAY = datetime(2026, 2, 3, tzinfo=UTC)

Item = dict[str, Any]


def everything(
    reader: FarmReader, kind: str, subject: str = "", /, *, page: int = 1000, **asked: str
) -> list[Item]:
    """All items of a list, page by page."""
    sort, fields = asked.pop("sort", ""), asked.pop("fields", "")
    request = ListRequest(
        listing=kind, subject=subject, filters=asked, sort=sort, fields=fields, limit=page
    )
    found: list[Item] = []
    while True:
        answer = reader.list_page(request)
        assert len(answer.items) <= page
        found += map(json.loads, answer.items)
        if answer.next is None:
            return found
        request = replace(request, cursor=answer.next)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """Forty jobs that differ in everything that can be asked for."""
    clock = FakeClock(DAY)
    file = tmp_path_factory.mktemp("farm") / "farm.sqlite"
    with Manager.open(file, clock=clock, monotonic=clock.monotonic) as manager:
        tag = manager.create_tag(WorkerTag(name="fast"), actor=MANAGER).id
        for index in range(40):
            job = replace(
                compiled_job(1 + index % 3, priority=40 + index % 4, worker_tag=None),
                name=NAMES[index % 4],
                type=("render", "simulate")[index % 2],
                metadata={"project": ("Spring", "Agent")[index % 2], "n": str(index % 5)},
                worker_tag=tag if index % 6 == 0 else None,
                created=clock.now,
            )
            for step in manager.storing(job, actor=Actor(PEOPLE[index % 2])):
                step()
            if index % 3 == 0:
                change = JobStatusChange(status=JobStatus.CANCEL_REQUESTED, reason="")
                manager.set_job_status(job.id, change, actor=MANAGER)
                manager.settle(job.id)
            if index % 9 == 0:
                manager.archive_job(job.id, actor=MANAGER)
            if index % 7 == 0:
                manager.image_rendered(job.id)
            clock.advance(timedelta(hours=1))
        yield manager


FILTERS: Mapping[str, tuple[list[str], Callable[[Item, str], bool]]] = {
    "status": (
        ["queued", "canceled", "queued,canceled", "failed", ""],
        lambda job, text: not text or job["status"] in text.split(","),
    ),
    "type": (["render", "unknown"], lambda job, text: job["type"] == text),
    "metadata": (
        ['{"project": "Spring"}', '{"project": "Agent", "n": "1"}', '{"n": "9"}'],
        lambda job, text: json.loads(text).items() <= job["metadata"].items(),
    ),
    "name": (["SHOT", "%", "_", '"', "ä"], lambda job, text: text.lower() in job["name"].lower()),
    "submitted_by": ([*PEOPLE, "x"], lambda job, text: job["submitted_by"] == text),
    "min_priority": (["41", "43"], lambda job, text: job["priority"] >= int(text)),
    "max_priority": (["41"], lambda job, text: job["priority"] <= int(text)),
    "created_since": (["2026-02-04"], lambda job, _: job["created"] >= "2026-02-04"),
    "created_before": (
        ["2026-02-04T06:00:00+01:00"],
        lambda job, _: job["created"] < "2026-02-04T05",
    ),
    "finished_since": (
        ["2026-02-03T12:00:00Z"],
        lambda job, _: job.get("finished_at", "") >= "2026-02-03T12",
    ),
    "archived": (
        ["true", "false"],
        lambda job, text: ("archived_at" in job) == (text == "true"),
    ),
}
ORDERS: Mapping[str, Callable[[Item], Any]] = {
    "created": lambda job: job["created"],
    "priority": lambda job: (job["priority"], job["created"]),
    "name": lambda job: (job["name"].encode(), job["created"]),
    "finished": lambda job: (job.get("finished_at", ""), job["created"]),
    "rendered": lambda job: (job.get("rendered_at", ""), job["created"]),
    "archived": lambda job: (job.get("archived_at", ""), job["created"]),
}
ONLY_WITH = {"finished": "finished_at", "rendered": "rendered_at", "archived": "archived_at"}
ASKED = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, (values, _) in FILTERS.items()}
)


def test_the_orders_and_filters_of_jobs_are_all_tried_here() -> None:
    assert set(ORDERS) == set(LISTINGS["jobs"].orders)
    tried = {*FILTERS, "worker_tag", "finished_before"}
    assert {each.name for each in LISTINGS["jobs"].filters} == tried


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    asked=ASKED,
    sort=st.sampled_from(sorted(ORDERS)),
    is_backward=st.booleans(),
    page=st.sampled_from([1, 3, 7, 1000]),
)
def test_pages_of_jobs_are_what_looking_at_each_job_finds(
    farm: Manager, asked: dict[str, str], sort: str, is_backward: bool, page: int
) -> None:
    with farm.reader() as reader:
        jobs = [reader.job(each["id"]) for each in everything(reader, "jobs", fields="id")]
        for job in jobs:
            for name in ("actions", "stranded_task_types"):  # in lists only if asked for
                job.pop(name, None)
        expected = [
            job
            for job in jobs
            if all(FILTERS[name][1](job, text) for name, text in asked.items())
            and (sort not in ONLY_WITH or ONLY_WITH[sort] in job)
        ]
        expected.sort(key=ORDERS[sort], reverse=is_backward)
        text = f"-{sort}" if is_backward else sort
        assert everything(reader, "jobs", page=page, sort=text, **asked) == expected


def test_jobs_are_found_by_the_tag_of_their_workers(farm: Manager) -> None:
    with farm.reader() as reader:
        (tag,) = everything(reader, "tags")
        jobs = everything(reader, "jobs", worker_tag=tag["id"])
        assert len(jobs) == 7
        assert {job["worker_tag"] for job in jobs} == {tag["id"]}
        assert everything(reader, "jobs", worker_tag=tag["id"], sort="name") == sorted(
            jobs, key=ORDERS["name"]
        )


def test_a_time_asked_for_gives_the_order_of_that_time(farm: Manager) -> None:
    with farm.reader() as reader:
        times = [
            job["finished_at"] for job in everything(reader, "jobs", finished_before="2026-02-04")
        ]
        assert times == sorted(times, reverse=True)
        assert times
        assert max(times) < "2026-02-04"


def test_a_list_tells_how_long_it_is_where_it_knows(farm: Manager) -> None:
    with farm.reader() as reader:
        page = ListRequest(listing="jobs", limit=2)
        assert reader.list_page(page).total == 40
        assert reader.list_page(replace(page, filters={"status": "canceled"})).total == 14
        assert reader.list_page(replace(page, filters={"name": "shot"})).total is None
        job = everything(reader, "jobs", fields="task_counts")[-3]
        tasks = ListRequest(listing="tasks", subject=job["id"])
        assert reader.list_page(tasks).total == sum(job["task_counts"].values()) == 3


def test_only_the_fields_that_are_asked_for_come(farm: Manager) -> None:
    with farm.reader() as reader:
        for job in everything(reader, "jobs", fields="priority, archived_at"):
            assert set(job) <= {"id", "priority", "archived_at"}
        with pytest.raises(InvalidInput, match="no such field; id, name, type"):
            everything(reader, "jobs", fields="nmae")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"sort": "updated"}, "there are created, priority, name, finished"),
        ({"status": "waiting"}, "waiting: no such status"),
        ({"created_since": "yesterday"}, "is no time with its offset from UTC"),
        ({"min_priority": "high"}, "is not a whole number from 0 to 100"),
        ({"archived": "maybe"}, "neither true nor false"),
        ({"metadata": "[1]"}, "write it as a JSON object"),
    ],
)
def test_what_a_list_cannot_do_is_refused_with_what_it_can(
    farm: Manager, asked: dict[str, Any], said: str
) -> None:
    with farm.reader() as reader, pytest.raises(InvalidInput) as refused:
        everything(reader, "jobs", **asked)
    assert said in refused.value.problems[0].what


ODD_CURSORS = [
    *("x", "é", "W10", "WyJuYW1lIiwwLDEsMl0", "bnVsbA", "eyJhIjowfQ"),
    base64.urlsafe_b64encode(b"[" * 5000).decode(),
    *(
        listing.opaque_cursor(content)
        for content in (
            ["-created", 0],
            ["-created", 0, 10**30],
            ["-created", 0, 1.5],
            ["-created", 0, True],
            ["-created", 1, 1],
            ["-created", "0", 1],
            ["-created", 0, 1, 2],
        )
    ),
]


@pytest.mark.parametrize("cursor", ODD_CURSORS)
def test_a_cursor_of_something_else_is_refused(farm: Manager, cursor: str) -> None:
    with farm.reader() as reader, pytest.raises(InvalidInput, match="of this list in this order"):
        reader.list_page(ListRequest(listing="jobs", cursor=cursor))


def test_a_cursor_of_no_unicode_is_refused(farm: Manager) -> None:
    cursor = listing.opaque_cursor(["name", 0, "\ud800", 1])
    with farm.reader() as reader, pytest.raises(InvalidInput, match="of this list in this order"):
        reader.list_page(ListRequest(listing="jobs", sort="name", cursor=cursor))


def test_a_cursor_does_not_fit_another_order(farm: Manager) -> None:
    with farm.reader() as reader:
        page = reader.list_page(ListRequest(listing="jobs", sort="name", limit=1))
        with pytest.raises(InvalidInput, match="of this list in this order"):
            reader.list_page(ListRequest(listing="jobs", sort="priority", cursor=page.next or ""))


def test_a_search_for_the_rare_gives_what_it_has_looked_at_and_goes_on(
    farm: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "STRETCH", 3)
    monkeypatch.setattr(listing, "MOST_EXAMINED", 6)
    with farm.reader() as reader:
        first = ListRequest(listing="jobs", sort="created", filters={"created_since": "2026-02-04"})
        page = reader.list_page(first)
        assert page.items == []
        assert page.next is not None
        found = everything(reader, "jobs", sort="created", created_since="2026-02-04")
        assert len(found) == 16


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager.open(tmp_path / "farm.sqlite") as manager:
        yield manager


def busy_job(manager: Manager) -> tuple[str, str]:
    """A job with tasks in all sorts of statuses, and the worker that made them so."""
    names = ("b", "a", "d", "c", "e_f", "e%f", "e")
    job = compiled_job([compiled_task(name, task_type="blender") for name in names])
    store(manager, job)
    worker = awake_worker(manager, "blender")
    awake_worker(manager, "blender", name="who could try what the other failed at")
    for status in (TaskStatus.COMPLETED, TaskStatus.COMPLETED, TaskStatus.FAILED):
        task = take(manager, worker)
        update = TaskUpdate(taskStatus=status, attempt=task.attempt)
        manager.update_task(worker, task.uuid, update)
    take(manager, worker)
    return job.id, worker


@pytest.mark.parametrize("page", [1, 2, 1000])
def test_tasks_come_in_every_order_an_index_serves(manager: Manager, page: int) -> None:
    job, worker = busy_job(manager)
    with manager.reader() as reader:
        tasks = everything(reader, "tasks", job)
        assert [reader.task(task["id"])["name"] for task in tasks] == [t["name"] for t in tasks]
        assert [task["index_in_job"] for task in tasks] == list(range(1, 8))

        def names(**asked: str) -> list[str]:
            return [t["name"] for t in everything(reader, "tasks", job, page=page, **asked)]

        assert names(sort="name") == ["a", "b", "c", "d", "e", "e%f", "e_f"]
        assert names(sort="-index") == ["e", "e%f", "e_f", "c", "d", "a", "b"]
        statuses = {task["name"]: task["status"] for task in tasks}
        by_status = [statuses[name] for name in names(sort="status")]
        kinds = [kind for kind, _ in itertools.groupby(by_status)]
        assert kinds == ["soft-failed", "active", "queued", "completed"]
        assert names(sort="-status") == names(sort="status")[::-1]
        assert names(status="completed,active") == ["b", "a", "c"]
        assert names(status="completed,active", sort="status") == ["c", "b", "a"]
        assert names(status="completed,active", sort="-status") == ["a", "b", "c"]
        assert names(status="completed", name="a") == ["a"]
        assert names(status="completed", sort="-index") == ["a", "b"]
        assert names(status="queued") == ["e_f", "e%f", "e"]
        assert names(worker=worker, status="completed") == ["b", "a"]
        assert names(name="_") == ["e_f"]
        assert names(type="misc") == []
        timed = everything(reader, "tasks", job, page=page, sort="-duration", fields="run_seconds")
        seconds = [task["run_seconds"] for task in timed]
        assert len(seconds) == 3
        assert seconds == sorted(seconds, reverse=True)


def test_a_task_in_a_list_is_as_it_is_alone(manager: Manager) -> None:
    job, _ = busy_job(manager)
    with manager.reader() as reader:
        fields = ",".join(LISTINGS["tasks"].fields)
        for task in everything(reader, "tasks", job, fields=fields):
            alone = reader.task(task["id"])
            task.pop("run_seconds", None)
            assert task == {name: alone[name] for name in task}
        with pytest.raises(NotFound):
            everything(reader, "tasks", "00000000-0000-4000-8000-000000000000")


def test_workers_are_found_by_what_they_are(manager: Manager) -> None:
    first = awake_worker(manager, "blender", "misc", name="render-2")
    second = awake_worker(manager, "ffmpeg", name="render-1")
    gone = awake_worker(manager, "misc", name="old")
    manager.delete_worker(gone, actor=MANAGER)
    tag = manager.create_tag(WorkerTag(name="fast", description="new ones"), actor=MANAGER)
    manager.set_worker_tags(first, WorkerTagChangeRequest(tag_ids=[tag.id or ""]), actor=MANAGER)
    manager.sign_off(second)
    with manager.reader() as reader:

        def ids(**asked: str) -> list[str]:
            return [worker["id"] for worker in everything(reader, "workers", page=1, **asked)]

        assert ids() == [first, second]
        assert ids(sort="name") == [second, first]
        assert ids(sort="-name", status="awake") == [first]
        assert ids(tag=tag.id or "") == [first]
        assert ids(task_type="FFmpeg") == [second]
        assert ids(name="R-2") == [first]
        assert ids(platform="windows") == []
        worker = everything(reader, "workers", fields="platform,ip_address,last_seen")[0]
        assert worker["ip_address"] == "127.0.0.1"
        alone = reader.worker(first)
        for listed in everything(reader, "workers", name="render-2"):
            assert listed == {name: alone[name] for name in listed}
        assert everything(reader, "tags") == [
            {"id": tag.id, "name": "fast", "description": "new ones"}
        ]


def test_the_audit_log_says_who_did_what(manager: Manager) -> None:
    job, worker = busy_job(manager)
    ana = Actor.person("ana")
    change = JobStatusChange(status=JobStatus.CANCEL_REQUESTED, reason="enough")
    manager.set_job_status(job, change, actor=ana)
    with manager.reader() as reader:

        def actions(**asked: str) -> list[str]:
            return [row["action"] for row in everything(reader, "audit", page=2, **asked)]

        (mine,) = everything(reader, "audit", actor=ana.name)
        assert mine["details"] == {
            "status": "cancel-requested",
            "before": "active",
            "reason": "enough",
        }
        assert (mine["actor"], mine["subject"]) == (ana.name, job)
        # It began, somebody cancelled it, and then its tasks were all told.
        assert actions(subject=job) == ["job.status", "job.status", "job.status", "job.submit"]
        assert actions(job=job)[-1] == "job.submit"
        assert actions(job=job).count("task.assign") == 4
        assert "worker.sign-on" in actions(worker=worker)
        assert set(actions(worker=worker, action="task.update")) == {"task.update"}
        assert actions(actor="manager", job=job) == ["job.status", "job.status", "job.submit"]
        assert len(actions()) == len(actions(since="2020-01-01"))
        assert actions(until="2020-01-01") == []
        times = [row["time"] for row in everything(reader, "audit", sort="time")]
        assert times == sorted(times)


def test_attempts_are_listed_with_what_they_took(manager: Manager) -> None:
    job, worker = busy_job(manager)
    with manager.reader() as reader:
        attempts = everything(reader, "attempts", job, page=2)
        assert [attempt["outcome"] for attempt in attempts] == [
            *("completed", "completed", "soft-failed")
        ]
        assert {attempt["worker_id"] for attempt in attempts} == {worker}
        (failed,) = everything(reader, "attempts", job, outcome="soft-failed", sort="-duration")
        assert failed["task_name"] == "d"
