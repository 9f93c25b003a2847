"""Several tasks at a time, the next one reserved while one runs, and states that hear requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flamenco_core.errors import StorageError
from flamenco_core.model import TaskRequest
from flamenco_worker import update_queue
from flamenco_worker.asking import Asking
from flamenco_worker.config import WorkerConfig
from flamenco_worker.readiness import Needs, Readiness
from flamenco_worker.slots import SlotConfig
from flamenco_worker.update_queue import UpdateQueue
from flamenco_worker.worker import Pace, Worker
from tests.flamenco_worker.protocol_manager import (
    ProtocolManager,
    Received,
    command,
    task_of,
    wait_for_file,
)
from tests.flamenco_worker.test_worker import QUICK, RunningWorker, is_completed

OFFERS = ["prefetch", "reports", "slots", "state-wait"]
TASKS = [f"{number:08}-0000-4000-8000-000000000000" for number in range(1, 8)]


@pytest.fixture
def manager() -> Iterator[ProtocolManager]:
    with ProtocolManager() as running:
        running.offers = [*OFFERS]
        yield running


class SlotWorkers(RunningWorker):
    """A worker of which everything can be set."""

    def __init__(self, config: WorkerConfig, pace: Pace = QUICK, **more: Any) -> None:
        self.worker = Worker(config, pace=pace, **more)
        self.exit_codes: list[int] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self) -> SlotWorkers:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def config(home: Path, manager: ProtocolManager, **more: Any) -> WorkerConfig:
    return WorkerConfig(home=home, worker_name="tester", manager_url=manager.url, **more)


def is_active(manager: ProtocolManager, uuid: str) -> Callable[[], bool]:
    return lambda: manager.statuses_of(uuid) == ["active"]


def reports(manager: ProtocolManager) -> list[list[tuple[str, str]]]:
    """The statuses of each report, with the first digits of their tasks."""
    return [
        [
            (reported["task"][:8].lstrip("0"), reported["update"]["taskStatus"])
            for reported in request.body["updates"]
            if "taskStatus" in reported["update"]
        ]
        for request in manager.requests("/task-report")
    ]


def test_from_the_second_task_of_a_job_on_nothing_is_waited_for(
    manager: ProtocolManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An end waits for the start that follows it at once, which takes longer on a busy machine.
    monkeypatch.setattr(update_queue, "GATHERING", timedelta(seconds=5))
    # Long enough for a busy machine to reserve the next one meanwhile.
    short = command("exec", exe="/bin/sleep", args=["0.5"])
    manager.hand_out(*(task_of(uuid, short) for uuid in TASKS))
    with SlotWorkers(config(tmp_path, manager)):
        manager.wait_for(is_completed(manager, TASKS[-1]), "the last task")
        manager.wait_for_count("/task", 1)
    for uuid in TASKS:
        assert manager.statuses_of(uuid) == ["active", "completed"]
    # Together with the end of one task travel the start of the next and the question for a third.
    together = [
        said
        for said in reports(manager)
        if [status for _task, status in said] == ["completed", "active"]
    ]
    assert len(together) >= len(TASKS) - 3
    asked = [
        request.body["request"]
        for request in manager.requests("/task-report")
        if request.body.get("request", {}).get("prefetch")
    ]
    assert asked
    assert all(len(request["holding"]) == 1 for request in asked)


def test_without_prefetching_the_end_of_a_task_still_travels_with_the_question_for_the_next(
    manager: ProtocolManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An end waits for the question that follows it at once, which takes longer on a busy machine.
    monkeypatch.setattr(update_queue, "GATHERING", timedelta(seconds=5))
    manager.hand_out(*(task_of(uuid, command("echo", message="x")) for uuid in TASKS[:3]))
    with SlotWorkers(config(tmp_path, manager, prefetch=False)):
        manager.wait_for(is_completed(manager, TASKS[2]), "the last task")
    with_question = [
        request.body for request in manager.requests("/task-report") if "request" in request.body
    ]
    assert not any(body["request"]["prefetch"] for body in with_question)
    ends = [
        body
        for body in with_question
        if body["updates"] and body["updates"][-1]["update"].get("taskStatus") == "completed"
    ]
    assert len(ends) >= 2


def test_a_reservation_that_has_expired_is_let_go_without_a_failure(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    first, second, gone, last = TASKS[:4]

    def fail(request: Received) -> int | None:
        return 409 if request.path == f"/task/{gone}" else None

    manager.fail = fail
    manager.hand_out(*(task_of(uuid, command("echo", message="x")) for uuid in TASKS[:4]))
    with SlotWorkers(config(tmp_path, manager)):
        manager.wait_for(is_completed(manager, last), "the last task")
    assert [manager.statuses_of(uuid) for uuid in (first, second)] == [["active", "completed"]] * 2
    assert manager.updates_of(gone) == []


def test_slots_work_beside_each_other_and_each_says_which_it_is(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    wait = command("exec", exe="/bin/sleep", args=["60"])
    manager.hand_out(*(task_of(uuid, wait) for uuid in TASKS[:3]))
    slots = (SlotConfig(name="a"), SlotConfig(name="b", task_types=("ffmpeg",)), SlotConfig())
    with SlotWorkers(config(tmp_path, manager, slots=slots)) as running:
        for uuid in TASKS[:3]:
            manager.wait_for(is_active(manager, uuid), "all of them")
        assert running.worker.has_task
    (signed_on,) = manager.requests("/sign-on")
    told = signed_on.body["slots"]
    assert [(slot["slot"], slot["name"]) for slot in told] == [(0, "a"), (1, "b"), (2, "slot 2")]
    assert told[1]["task_types"] == ["ffmpeg"]
    for uuid in TASKS[:3]:
        assert "stopped: the test ends" in manager.log_of(uuid)


def test_a_manager_of_flamenco_3_gets_one_slot(
    manager: ProtocolManager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manager.offers = []
    manager.hand_out(*(task_of(uuid, command("echo", message="x")) for uuid in TASKS[:2]))
    with SlotWorkers(config(tmp_path, manager, slots=(SlotConfig(),) * 3)):
        manager.wait_for(is_completed(manager, TASKS[1]), "the second task")
    assert manager.requests("/task-report") == []
    assert {request.body["slot"] for request in manager.requests("/task")} == {0}
    assert "knows no slots" in caplog.text


def test_more_slots_by_the_manager_are_taken_over_between_tasks(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    wait = command("exec", exe="/bin/sleep", args=["60"])
    with SlotWorkers(config(tmp_path, manager)):
        manager.wait_for_count("/task", 1)
        manager.settings = {"etag": "new", "slots": 2}
        first = task_of(TASKS[0], command("echo", message="x")) | {"settings_etag": "new"}
        later = [task_of(uuid, wait) | {"settings_etag": "new"} for uuid in TASKS[1:3]]
        manager.hand_out(first, *later)
        for uuid in TASKS[1:3]:
            manager.wait_for(is_active(manager, uuid), "both")
    assert is_completed(manager, TASKS[0])()
    # What is found out about the machine meanwhile is told in the same way.
    told = [slots for each in manager.requests("/abilities") if (slots := each.body.get("slots"))]
    assert told
    assert all([slot["slot"] for slot in slots] == [0, 1] for slots in told)


def test_all_slots_end_their_tasks_before_the_worker_sleeps(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    gate = tmp_path / "the tasks may end"
    manager.hand_out(*(task_of(uuid, wait_for_file(gate)) for uuid in TASKS[:2]))
    with SlotWorkers(config(tmp_path, manager, slots=(SlotConfig(),) * 2)):
        for uuid in TASKS[:2]:
            manager.wait_for(is_active(manager, uuid), "both")
        manager.want_status("asleep")
        gate.touch()
        manager.wait_for(
            lambda: any(
                request.body == {"status": "asleep"}
                for request in manager.requests("/state-changed")
            ),
            "sleep",
        )
        for uuid in TASKS[:2]:
            assert manager.statuses_of(uuid) == ["active", "completed"]
        manager.want_status("awake")
        manager.hand_out(task_of(TASKS[2], command("echo", message="x")))
        manager.wait_for(is_completed(manager, TASKS[2]), "the task after the sleep")


def test_a_request_that_is_withdrawn_while_the_last_task_ends_is_forgotten(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    gate = tmp_path / "the task may end"
    manager.hand_out(task_of(TASKS[0], wait_for_file(gate)))
    with SlotWorkers(config(tmp_path, manager, slots=(SlotConfig(),) * 2)):
        manager.wait_for(is_active(manager, TASKS[0]), "the task")
        manager.wait_for_count("/task", 1)
        manager.want_status("asleep")
        manager.wait_for(lambda: manager.told_wanted > 0, "the slot that has nothing to do")
        manager.want_status("")
        gate.touch()
        manager.wait_for(is_completed(manager, TASKS[0]), "its end")
        manager.hand_out(task_of(TASKS[1], command("echo", message="x")))
        manager.wait_for(is_completed(manager, TASKS[1]), "the next one")
    told = [request.body["status"] for request in manager.requests("/state-changed")]
    assert "asleep" not in told


def test_a_fault_of_the_worker_itself_does_not_stop_a_slot_for_good(
    manager: ProtocolManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter([RuntimeError("broken"), StorageError("the queue cannot be read")])

    def ask(queue: UpdateQueue, request: TaskRequest) -> Asking:
        for fault in faults:
            raise fault
        return real(queue, request)

    real = UpdateQueue.ask
    monkeypatch.setattr(UpdateQueue, "ask", ask)
    manager.hand_out(task_of(TASKS[0], command("echo", message="x")))
    with SlotWorkers(config(tmp_path, manager)):
        manager.wait_for(is_completed(manager, TASKS[0]), "the task")


@pytest.mark.parametrize(
    ("status", "exit_code"), [("asleep", None), ("offline", 0), ("restart", 47)]
)
def test_a_worker_in_error_says_why_and_hears_what_it_is_asked(
    manager: ProtocolManager, tmp_path: Path, status: str, exit_code: int | None
) -> None:
    missing = tmp_path / "storage"
    readiness = Readiness(Needs(readable=(missing,)), good_for=timedelta(0))
    pace = replace(QUICK, while_unready=timedelta(seconds=0.05))
    settings = config(tmp_path / "home", manager, restart_exit_code=47)
    with SlotWorkers(settings, pace, readiness=readiness) as running:
        manager.wait_for_count("/state", 2)
        (told,) = manager.requests("/state-changed")
        assert told.body["status"] == "error"
        assert str(missing) in told.body["reason"]
        manager.want_status(status)
        if exit_code is not None:
            assert running.wait() == exit_code
            return
        manager.wait_for_count("/state-changed", 2)
        assert manager.requests("/state-changed")[1].body == {"status": "asleep"}
        missing.mkdir()
        manager.want_status("awake")
        manager.wait_for_count("/task", 1)


def test_a_worker_in_error_recovers_by_itself(manager: ProtocolManager, tmp_path: Path) -> None:
    missing = tmp_path / "storage"
    readiness = Readiness(Needs(readable=(missing,)), good_for=timedelta(0))
    pace = replace(QUICK, while_unready=timedelta(seconds=0.05))
    with SlotWorkers(config(tmp_path / "home", manager), pace, readiness=readiness):
        manager.wait_for_count("/state", 1)
        missing.mkdir()
        manager.hand_out(task_of(TASKS[0], command("echo", message="x")))
        manager.wait_for(is_completed(manager, TASKS[0]), "the task")
    told = [request.body["status"] for request in manager.requests("/state-changed")]
    assert told == ["error", "awake"]


def test_the_manager_may_be_away_while_tasks_follow_each_other(
    manager: ProtocolManager, tmp_path: Path
) -> None:
    manager.hand_out(*(task_of(uuid, command("echo", message="x")) for uuid in TASKS[:4]))
    troubles = iter([None, 0, 500, None, 503, 0, None, 502])

    def fail(request: Received) -> int | None:
        return next(troubles, None) if request.path.endswith("/task-report") else None

    manager.fail = fail
    with SlotWorkers(config(tmp_path, manager)):
        manager.wait_for(is_completed(manager, TASKS[3]), "the last task")
    for uuid in TASKS[:4]:
        assert manager.statuses_of(uuid) == ["active", "completed"]
