"""What a moment's events amount to, on a real farm file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from flamenco_core.events import Event, JobChanged, TaskLogAppended, TasksBecameReady
from flamenco_core.manager import MANAGER, Manager
from flamenco_core.model import JobPriorityChange
from flamenco_core.statuses import JobStatus, TaskStatus
from manager_service.realtime import topics
from manager_service.realtime.describing import INDIVIDUAL_TASKS, Describer, Message
from manager_service.realtime.gathering import LARGEST_LOG_PIECE, Changes, Gatherer
from tests.flamenco_core.farms import awake_worker, compiled_job, complete, store, take


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager.open(tmp_path / "farm.sqlite") as opened:
        yield opened


@pytest.fixture
def gatherer(manager: Manager) -> Gatherer:
    made = Gatherer(lambda _: True)

    def gather(events: Sequence[Event]) -> None:
        made.add(events)

    manager.subscribe(gather)
    return made


@pytest.fixture
def describer(manager: Manager) -> Iterator[Describer]:
    made = Describer(manager.reader)
    yield made
    made.close()


def data(messages: list[Message], kind: str) -> list[dict[str, Any]]:
    return [orjson.loads(message.data) for message in messages if message.type == kind]


def test_many_changes_of_one_thing_are_told_once(
    manager: Manager, gatherer: Gatherer, describer: Describer
) -> None:
    worker = awake_worker(manager)
    job = store(manager, compiled_job(3))
    gatherer.take()
    for _ in range(3):
        complete(manager, worker, take(manager, worker))
    messages = describer.describe(gatherer.take(), topics.WHOLE_FARM)
    (told,) = data(messages, "job")
    assert (told["id"], told["status"], told["previous_status"]) == (job, "completed", "queued")
    assert told["task_counts"] == {"completed": 3}
    assert len(data(messages, "task")) == 3
    assert len(data(messages, "worker")) == 1


def test_the_first_status_of_a_moment_is_the_one_before(gatherer: Gatherer) -> None:
    queued, active = JobStatus.QUEUED, JobStatus.ACTIVE
    gatherer.add([JobChanged(job_id="1", status=active, previous_status=queued)])
    gatherer.add([JobChanged(job_id="1", status=queued, previous_status=active)])
    assert gatherer.take().jobs["1"].previous_status is queued
    assert gatherer.take() == Changes()


def test_more_tasks_than_a_page_could_want_are_counted(
    manager: Manager, gatherer: Gatherer, describer: Describer
) -> None:
    count = INDIVIDUAL_TASKS + 1
    worker = awake_worker(manager)
    job = store(manager, compiled_job(count))
    gatherer.take()
    with manager.unit_of_work():
        for _ in range(count):
            complete(manager, worker, take(manager, worker))
    messages = describer.describe(gatherer.take(), topics.WHOLE_FARM)
    assert data(messages, "task") == []
    assert data(messages, "tasks") == [{"job_id": job, "changed": {"completed": count}}]
    assert data(messages, "job")[0]["refresh_tasks"] is True


def test_only_what_is_followed_is_described(
    manager: Manager, gatherer: Gatherer, describer: Describer
) -> None:
    job, other = store(manager, compiled_job(1)), store(manager, compiled_job(1))
    for changed in (job, other):
        manager.set_job_priority(changed, JobPriorityChange(priority=3), actor=MANAGER)
    messages = describer.describe(gatherer.take(), {topics.of_job(other)})
    assert [message.topics for message in messages] == [(topics.JOBS, topics.of_job(other))]


def test_a_task_that_is_gone_is_not_told(
    manager: Manager, gatherer: Gatherer, describer: Describer
) -> None:
    changes = Changes(tasks={"gone": {"gone too": TaskStatus.QUEUED}}, progressed={"gone": None})
    assert data(describer.describe(changes, topics.WHOLE_FARM), "task") == []


def test_pieces_of_a_log_are_put_together(gatherer: Gatherer) -> None:
    for start, text in ((10, "one\n"), (14, "two\n")):
        gatherer.add([TaskLogAppended(task_id="1", attempt=2, start=start, text=text)])
    (piece,) = gatherer.take().logs.values()
    assert (piece.start, piece.text) == (10, "one\ntwo\n")


def test_of_too_much_log_the_end_is_told_from_the_start_of_a_line(gatherer: Gatherer) -> None:
    line = "ä" * 99 + "\n"
    count = LARGEST_LOG_PIECE // 100 + 50
    text = "".join(line for _ in range(count))
    gatherer.add([TaskLogAppended(task_id="1", attempt=1, start=0, text=text)])
    (piece,) = gatherer.take().logs.values()
    assert len(piece.text) <= LARGEST_LOG_PIECE
    assert piece.text.startswith("ä")
    assert piece.start + len(piece.text.encode()) == len(text.encode())
    assert text.encode()[piece.start :].decode() == piece.text


def test_what_only_concerns_the_scheduler_is_no_news(gatherer: Gatherer) -> None:
    assert not gatherer.add([TasksBecameReady(task_class_id=1, tag_id=0, count=1)])
