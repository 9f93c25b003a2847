from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.client import ManagerClient
from flamenco_core.errors import StorageError
from flamenco_core.model import TaskUpdate
from flamenco_core.statuses import TaskStatus
from flamenco_worker.backing_off import BackOff
from flamenco_worker.update_queue import UpdateQueue
from tests.flamenco_worker.protocol_manager import PATIENCE, ProtocolManager, Received
from tests.flamenco_worker.waiting_file import without_room

TASK = "11111111-1111-4111-8111-111111111111"
WORKER = "00000000-0000-4000-8000-000000000000"
IN_TIME = timedelta(seconds=PATIENCE)
COMPLETED = TaskUpdate(taskStatus=TaskStatus.COMPLETED, activity="Completed", attempt=3)


@pytest.fixture
def manager() -> Iterator[ProtocolManager]:
    with ProtocolManager() as running:
        running.known_workers.add(WORKER)
        yield running


@contextmanager
def queue_in(path: Path, manager: ProtocolManager) -> Iterator[UpdateQueue]:
    client = ManagerClient(manager.url, worker_id=WORKER, secret="secret")
    back_off = BackOff(timedelta(seconds=0.02), timedelta(seconds=0.1))
    queue = UpdateQueue(path, client, back_off)
    try:
        yield queue
    finally:
        queue.close()
        client.abort()


def start(queue: UpdateQueue, worker_id: str = WORKER) -> None:
    queue.start(worker_id, lambda _task, _attempt, _message: None)


def told(manager: ProtocolManager) -> list[dict[str, Any]]:
    """What the Manager has heard of the task, less the ids of the updates."""
    updates = manager.updates_of(TASK)
    return [
        {key: value for key, value in update.items() if key != "update_id"} for update in updates
    ]


def test_a_manager_that_is_away_for_long_costs_text_of_logs_and_nothing_else(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    client = ManagerClient(manager.url, worker_id=WORKER, secret="secret")
    back_off = BackOff(timedelta(seconds=0.02), timedelta(seconds=0.1))
    queue = UpdateQueue(tmp_path / "queue.sqlite", client, back_off, size=50_000)
    manager.go_away()
    start(queue)
    for step in range(40):
        queue.add(TASK, TaskUpdate(log=f"step {step} " * 500, steps_completed=step, attempt=3))
    queue.add(TASK, COMPLETED)
    manager.listen()
    assert queue.wait_until_empty(IN_TIME)
    queue.close()
    client.abort()
    *steps, end = told(manager)
    assert [update["steps_completed"] for update in steps] == list(range(40))
    assert end["taskStatus"] == "completed"
    assert steps[0]["log"].startswith("[text is missing here")
    assert steps[-1]["log"].startswith("step 39 step 39")


def test_a_full_disk_is_waited_for_and_nothing_is_sent_twice(
    manager: ProtocolManager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "queue.sqlite"
    with queue_in(path, manager) as queue:
        start(queue)
        with without_room(path, "DELETE"):
            queue.add(TASK, TaskUpdate(log="one"))
            manager.wait_for(
                lambda: caplog.text.count("the queue cannot be used: database or disk is full") > 2,
                "tries to remove what was sent",
            )
            assert not queue.wait_until_empty(timedelta(0))
        queue.add(TASK, TaskUpdate(log="two"))
        assert queue.wait_until_empty(IN_TIME)
    assert [update["log"] for update in manager.updates_of(TASK)] == ["one", "two"]


def test_an_update_that_cannot_be_kept_is_refused_with_a_sentence(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    path = tmp_path / "queue.sqlite"
    with (
        queue_in(path, manager) as queue,
        without_room(path, "INSERT"),
        pytest.raises(StorageError, match="cannot be kept: database or disk is full"),
    ):
        queue.add(TASK, TaskUpdate(log="one"))


def test_what_another_identity_left_is_never_sent_even_if_it_cannot_be_removed_at_first(
    manager: ProtocolManager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "queue.sqlite"
    with queue_in(path, manager) as queue:
        queue.add(TASK, TaskUpdate(log="of nobody"))
        with without_room(path, "DELETE"):
            start(queue)
            manager.wait_for(lambda: "the queue cannot be used" in caplog.text, "the first try")
        queue.add(TASK, TaskUpdate(log="ours"))
        assert queue.wait_until_empty(IN_TIME)
    assert [update["log"] for update in manager.updates_of(TASK)] == ["ours"]


def test_an_end_that_the_manager_cannot_use_becomes_a_plain_failure(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    def fail(request: Received) -> int | None:
        return 400 if request.body.get("taskStatus") == "completed" else None

    manager.fail = fail
    with queue_in(tmp_path / "queue.sqlite", manager) as queue:
        start(queue)
        queue.add(TASK, COMPLETED)
        queue.add(TASK, TaskUpdate(log="behind it"))
        assert queue.wait_until_empty(IN_TIME)
    assert told(manager) == [
        {
            "taskStatus": "failed",
            "activity": "Failed: the Manager could not use what this worker reported"
            " (told to answer 400)",
            "attempt": 3,
        },
        {"log": "behind it"},
    ]


def test_what_the_manager_never_takes_holds_nothing_up(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.fail = lambda request: None if request.body.get("log") == "good" else 422
    with queue_in(tmp_path / "queue.sqlite", manager) as queue:
        start(queue)
        queue.add(TASK, TaskUpdate(log="bad"))
        queue.add(TASK, COMPLETED)
        queue.add(TASK, TaskUpdate(log="good"))
        assert queue.wait_until_empty(IN_TIME)
    assert told(manager) == [{"log": "good"}]


def test_a_kept_update_is_sent_as_it_is(manager: ProtocolManager, tmp_path: Path) -> None:
    """Whether it can be used is for the Manager to say."""
    with queue_in(tmp_path / "queue.sqlite", manager) as queue:
        start(queue)
        queue.add(TASK, TaskUpdate(log="/x/\udce9.blend", steps_completed=-1))
        assert queue.wait_until_empty(IN_TIME)
    assert told(manager) == [{"log": "/x/\udce9.blend", "steps_completed": -1}]


def test_an_update_that_is_sent_again_has_the_id_it_had(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    ids: list[str] = []

    def fail_at_first(request: Received) -> int | None:
        ids.append(request.body["update_id"])
        return 500 if len(ids) == 1 else None

    manager.fail = fail_at_first
    with queue_in(tmp_path / "queue.sqlite", manager) as queue:
        start(queue)
        queue.add(TASK, TaskUpdate(log="one"))
        queue.add(TASK, TaskUpdate(log="two"))
        assert queue.wait_until_empty(IN_TIME)
    assert ids[0] == ids[1] != ids[2]
