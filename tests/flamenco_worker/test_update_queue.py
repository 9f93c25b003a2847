from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.client import ManagerClient
from flamenco_core.errors import StorageError
from flamenco_core.model import NextTask, TaskRequest, TaskUpdate
from flamenco_core.statuses import TaskStatus
from flamenco_worker.backing_off import BackOff
from flamenco_worker.cancellation import Cancelled
from flamenco_worker.update_queue import UpdateQueue
from tests.flamenco_worker.protocol_manager import (
    PATIENCE,
    ProtocolManager,
    Received,
    command,
    task_of,
)
from tests.flamenco_worker.waiting_file import without_room

TASK = "11111111-1111-4111-8111-111111111111"
OTHER = "33333333-3333-4333-8333-333333333333"
NEXT = "22222222-2222-4222-8222-222222222222"
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
    # The first may be on its way already when there is too much.
    assert steps[1]["log"].startswith("[text is missing here")
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


def start_reporting(queue: UpdateQueue) -> None:
    queue.start(WORKER, lambda _task, _attempt, _message: None, takes_reports=True)


def reports(manager: ProtocolManager) -> list[dict[str, Any]]:
    return [request.body for request in manager.requests("/task-report")]


def test_what_waits_goes_in_one_request_and_the_question_for_a_task_with_it(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.offers = ["reports"]
    manager.hand_out(task_of(NEXT, command("echo", message="x")))
    with queue_in(tmp_path / "queue.sqlite", manager) as queue:
        start_reporting(queue)
        with without_room(tmp_path / "queue.sqlite", "DELETE"):  # so that they gather
            queue.add(OTHER, TaskUpdate(log="first"))
            manager.wait_for(lambda: bool(manager.updates_of(OTHER)), "the first one")
            queue.add(TASK, TaskUpdate(log="one", attempt=3))
            queue.add(TASK, COMPLETED)
            asking = queue.ask(TaskRequest(slot=2))
        answer = asking.wait()
    assert answer.task is not None
    assert (answer.task.uuid, answer.task.slot) == (NEXT, 2)
    (report,) = reports(manager)
    assert [update["update"].get("log") for update in report["updates"]] == ["one", None]
    assert report["request"]["slot"] == 2


def test_a_question_waits_for_a_manager_that_is_away_together_with_the_updates(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.offers = ["reports"]
    troubles = iter([500, 503, None])
    manager.fail = lambda request: (
        next(troubles, None) if request.path.endswith("/task-report") else None
    )
    with queue_in(tmp_path / "queue.sqlite", manager) as queue:
        start_reporting(queue)
        queue.add(TASK, COMPLETED)
        assert queue.ask(TaskRequest()).wait() == NextTask()
    assert manager.statuses_of(TASK) == ["completed"]


def test_an_update_that_spoils_a_report_is_found_and_the_others_arrive(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.offers = ["reports"]

    def fail(request: Received) -> int | None:
        if request.path.endswith("/task-report"):
            logs = [reported["update"].get("log") for reported in request.body["updates"]]
            return 400 if "bad" in logs else None
        return 400 if request.body.get("log") == "bad" else None

    manager.fail = fail
    path = tmp_path / "queue.sqlite"
    with queue_in(path, manager) as queue:
        start_reporting(queue)
        with without_room(path, "DELETE"):  # so that they gather
            for text in ("one", "bad", "three"):
                queue.add(TASK, TaskUpdate(log=text))
        asking = queue.ask(TaskRequest())
        assert asking.wait() == NextTask()
        assert queue.wait_until_empty(IN_TIME)
    logs = {update["log"] for update in told(manager)}
    assert logs == {"one", "three"}


def test_an_update_of_a_report_that_is_refused_ends_its_attempt_alone(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.offers = ["reports"]
    manager.fail = lambda request: 409 if request.path == f"/task/{NEXT}" else None
    refused: list[tuple[str, int | None]] = []
    with queue_in(tmp_path / "queue.sqlite", manager) as queue:
        queue.start(
            WORKER,
            lambda task, attempt, _message: refused.append((task, attempt)),
            takes_reports=True,
        )
        queue.add(NEXT, TaskUpdate(taskStatus=TaskStatus.ACTIVE, attempt=2))
        queue.add(TASK, COMPLETED)
        assert queue.ask(TaskRequest()).wait() == NextTask()
        assert queue.wait_until_empty(IN_TIME)
    assert refused == [(NEXT, 2)]
    assert manager.statuses_of(TASK) == ["completed"]


def test_a_question_is_let_go_when_the_queue_is_closed_or_told_so(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.offers = ["reports"]
    manager.fail = lambda _request: 503
    with queue_in(tmp_path / "queue.sqlite", manager) as queue:
        start_reporting(queue)
        first = queue.ask(TaskRequest())
        queue.ask_no_more()
        second = queue.ask(TaskRequest())
    for asking in (first, second):
        with pytest.raises(Cancelled):
            asking.wait()


def test_credentials_that_are_refused_let_a_question_go(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.offers = ["reports"]
    manager.known_workers.clear()
    with queue_in(tmp_path / "queue.sqlite", manager) as queue:
        start_reporting(queue)
        with pytest.raises(Cancelled):
            queue.ask(TaskRequest()).wait()
        assert queue.is_locked_out
